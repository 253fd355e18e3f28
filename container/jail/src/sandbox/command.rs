//! The last steps of a command of a sandbox, from fork to exec.

use super::root::absolute;
use crate::jailer::Jail;
use crate::program::{become_user, reset_signals, unblock_signals};
use crate::requests::{Spawn, StartFailure};
use crate::root::Tier;
use crate::seccomp::Network;
use crate::stdio::Stdio;
use crate::{landlock, sys};
use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{execve, setsid};
use std::ffi::CString;
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

/// What a shell says of a program that is not there, and of one that cannot be executed.
const NOT_FOUND: i32 = 127;
const NOT_EXECUTABLE: i32 = 126;

/// Becomes the command. Whatever comes before its own first instruction and fails is told through `status`.
pub fn start(jail: &Jail, spawn: &Spawn, stdio: &Stdio, status: &OwnedFd) -> ! {
    if let Err((step, error)) = prepare(jail, spawn, stdio) {
        let _ = StartFailure { step: step.into(), errno: error.raw_os_error().unwrap_or(0) }.write(status);
        end(NOT_FOUND)
    }
    let error = execute(spawn);
    // From here on it is what a shell would say, and so the output of the command.
    let name = spawn.argv.first().map_or("", String::as_str);
    let (says, code) = match error {
        Errno::ENOENT => ("command not found".to_owned(), NOT_FOUND),
        other => (other.desc().to_owned(), NOT_EXECUTABLE),
    };
    let _ = writeln!(io::stderr(), "{name}: {says}");
    end(code)
}

fn prepare(jail: &Jail, spawn: &Spawn, stdio: &Stdio) -> Result<(), (&'static str, io::Error)> {
    let failed = |step| move |error: io::Error| (step, error);
    let settings = jail.settings;
    let filter = jail.filters.of(Network::of(settings.tier, true));
    sys::allow_tracing().map_err(failed("allow tracing"))?;
    setsid().map_err(|errno| ("make a session", errno.into()))?;
    stdio.connect().map_err(failed("connect the streams"))?;
    // The kernel's out-of-memory killer takes commands before it takes init.
    fs::write("/proc/self/oom_score_adj", "1000").map_err(failed("volunteer for the memory killer"))?;
    unblock_signals().map_err(failed("unblock signals"))?;
    reset_signals().map_err(failed("reset signals"))?;
    umask(Mode::from_bits_truncate(0o022));
    let install = || filter.install().map_err(failed("install the system call filter"));
    let restrict = || landlock::restrict_in_sandbox().map_err(failed("set the file rules"));
    if settings.tier == Tier::Root {
        restrict()?;
        install()?;
    }
    become_user(settings).map_err(failed("lose privileges"))?;
    if settings.tier != Tier::Root {
        restrict()?;
    }
    // As the user, who may not enter every directory.
    std::env::set_current_dir(absolute(Path::new(&spawn.cwd))).map_err(failed(StartFailure::DIRECTORY))?;
    sys::close_at_exec_from(3).map_err(failed("close descriptors"))?;
    if settings.tier != Tier::Root {
        install()?;
    }
    Ok(())
}

/// Executes the command; returns only where that fails. Looks where `PATH` says, as execvp(3) does.
fn execute(spawn: &Spawn) -> Errno {
    let strings = |values: &mut dyn Iterator<Item = String>| -> Result<Vec<CString>, Errno> {
        values.map(|value| CString::new(value).map_err(|_| Errno::EINVAL)).collect()
    };
    let argv = strings(&mut spawn.argv.iter().cloned());
    let env = strings(&mut spawn.env.iter().map(|(name, value)| format!("{name}={value}")));
    let (Ok(argv), Ok(env)) = (argv, env) else { return Errno::EINVAL };
    let Some(name) = spawn.argv.first().filter(|name| !name.is_empty()) else { return Errno::ENOENT };
    let path = spawn.env.iter().find(|(name, _)| name == "PATH").map_or("", |(_, value)| value);
    let candidates: Vec<String> = match name.contains('/') {
        true => vec![name.clone()],
        false => path.split(':').map(|directory| format!("{directory}/{name}")).collect(),
    };
    let mut refused = Errno::ENOENT;
    for candidate in candidates {
        let Ok(candidate) = CString::new(candidate) else { return Errno::EINVAL };
        let Err(errno) = execve(&candidate, &argv, &env);
        if !matches!(errno, Errno::ENOENT | Errno::ENOTDIR) {
            refused = errno;
        }
        if !matches!(errno, Errno::ENOENT | Errno::ENOTDIR | Errno::EACCES) {
            break;
        }
    }
    refused
}

fn end(code: i32) -> ! {
    // SAFETY: ends the process without running destructors of state that belongs to init.
    unsafe { libc::_exit(code) }
}
