//! The processes of a sandbox, and those that have ended.

use crate::launch::Exit;
use crate::requests::Reply;
use nix::errno::Errno;
use nix::unistd::Pid;
use std::fs;
use std::io;

/// All processes of this namespace but init, those included that have ended and wait to be reaped.
pub fn processes() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter(|pid| *pid != 1).map(Pid::from_raw)
}

/// A child that has ended.
pub struct Ended {
    pub pid: Pid,
    pub exit: Exit,
    pub cpu_micros: u64,
    pub peak_bytes: u64,
}

impl Ended {
    pub fn reply(&self, id: u64) -> Reply {
        let Self { exit, cpu_micros, peak_bytes, .. } = *self;
        Reply::Exited { id, exit, cpu_micros, peak_bytes }
    }
}

/// Reaps one child that has ended; `None` where none has, or there is none.
pub fn reap_one() -> io::Result<Option<Ended>> {
    loop {
        let mut status = 0;
        // SAFETY: all numbers of the structure may be 0.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: both places outlive the call.
        let pid = unsafe { libc::wait4(-1, &raw mut status, libc::WNOHANG, &raw mut usage) };
        match Errno::result(pid) {
            Ok(0) | Err(Errno::ECHILD) => return Ok(None),
            Ok(pid) => {
                let exit = match libc::WIFSIGNALED(status) {
                    true => Exit::Signal(libc::WTERMSIG(status)),
                    false => Exit::Code(libc::WEXITSTATUS(status)),
                };
                let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
                let cpu_micros = micros(usage.ru_utime) + micros(usage.ru_stime);
                let peak_bytes = usage.ru_maxrss as u64 * 1_024;
                return Ok(Some(Ended { pid: Pid::from_raw(pid), exit, cpu_micros, peak_bytes }));
            }
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
