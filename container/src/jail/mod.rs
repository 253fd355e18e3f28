//! The server's side of jails: [`handle`] has them made and listens to them, [`cgroup`] limits and measures them,
//! [`probe`] finds out what holds here. What happens inside is `docle-jail`.

pub mod cgroup;
pub mod handle;
pub mod probe;

pub use docle_jail::sys::be_prompt;
pub use docle_jail::{jailer, launch, program, root, sandbox, terminal, zygote};
use docle_jail::{landlock, sys};

/// Ends every other process of the user that this process is. It may only be one that programs run as.
pub fn sweep() -> std::io::Result<()> {
    if nix::unistd::geteuid().is_root() {
        return Err(std::io::Error::other("it would end everything"));
    }
    docle_jail::sweep()
}

/// Makes this process independent of two habits of its parent, and with it every process that it starts. What a
/// jail shows must be readable for its program, whatever umask files are usually made with. And a runner holds a few
/// descriptors for each slot and two for each connection of a program; programs have a lower limit of their own.
pub fn be_independent() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // To raise a limit as far as it goes needs no privilege.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// Keeps other processes from looking into the server and, where wanted, ends it with its parent.
pub fn protect_server(die_with_parent: bool) -> std::io::Result<()> {
    sys::forbid_tracing()?;
    if die_with_parent { sys::die_with_parent() } else { Ok(()) }
}
