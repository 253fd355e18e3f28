//! The server's side of jails: [`handle`] has them made and listens to them, [`cgroup`] limits and measures them,
//! [`probe`] finds out what holds here. What happens inside is `docle-jail`.

pub mod cgroup;
pub mod handle;
pub mod probe;

pub use docle_jail::{jailer, launch, root, zygote};
use docle_jail::{landlock, program, sys};

/// Ends every other process of the user that this process is. It may only be one that programs run as.
pub fn sweep() -> std::io::Result<()> {
    if nix::unistd::geteuid().is_root() {
        return Err(std::io::Error::other("it would end everything"));
    }
    docle_jail::sweep()
}

/// Keeps other processes from looking into the server and, where wanted, ends it with its parent.
pub fn protect_server(die_with_parent: bool) -> std::io::Result<()> {
    sys::forbid_tracing()?;
    if die_with_parent { sys::die_with_parent() } else { Ok(()) }
}
