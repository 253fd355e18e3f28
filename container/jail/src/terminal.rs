//! Terminals of programs: a pseudo-terminal whose other end the server holds, from devices that belong to one jail alone.
//!
//! Each mount of devpts is an instance of its own, so a program finds no terminal of another jail, whatever number it tries.
//! Where a jail may not mount, its programs share the instance of their container with nobody but the container's own root,
//! whose terminals they may not open.

use super::sys::ignore_unmapped;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::termios::{InputFlags, SetArg, tcgetattr, tcsetattr};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Where a jail mounts its terminals.
pub const TERMINALS: &str = "/dev/pts";
/// Where programs open a new terminal, as a link beside [`TERMINALS`].
pub const NEW_TERMINAL: &str = "/dev/ptmx";
/// The terminal that controls the process which opens it.
pub const OWN_TERMINAL: &str = "/dev/tty";
/// Terminals of one jail. The kernel has 3,072 for all instances but the first (`kernel.pty.max` less `kernel.pty.reserve`),
/// and a machine of 32 processors has 128 slots: 128 × 16 = 2,048. The kernel holds at most 24 KiB for each, in the buffers
/// of both directions, so all of a jail's are 384 KiB that no control group counts.
pub const MAX_TERMINALS: u32 = 16;

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub cols: u16,
    pub rows: u16,
}

/// Both ends of a new terminal.
#[derive(Debug)]
pub struct Terminal {
    /// The end for the person who uses it.
    pub outer: OwnedFd,
    /// What its programs have.
    pub inner: OwnedFd,
}

/// Mounts terminals that nobody else has. Who makes one owns it, and no group may write to it. Where the
/// kernel has no terminals, nothing is mounted.
pub fn mount_terminals(target: &Path) -> io::Result<()> {
    let options = format!("newinstance,ptmxmode=0666,mode=0600,max={MAX_TERMINALS}");
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    match mount(Some("devpts"), target, Some("devpts"), flags, Some(options.as_str())) {
        // This kernel has none. Then there is no terminal to open, which is what programs are told.
        Err(Errno::ENODEV | Errno::EPERM) => Ok(()),
        mounted => Ok(mounted?),
    }
}

/// Makes a terminal that belongs to a user.
///
/// # Errors
/// This machine has no terminals, or none is left.
pub fn open(size: Size, uid: u32) -> io::Result<Terminal> {
    let outer = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOCTTY).open(NEW_TERMINAL)?;
    let outer = OwnedFd::from(outer);
    let unlocked: libc::c_int = 0;
    // SAFETY: the number outlives the call, which reads it.
    Errno::result(unsafe { libc::ioctl(outer.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) })?;
    // Not by its name: that leads into the instance that is mounted where this process is.
    // SAFETY: the call takes numbers only.
    let inner = Errno::result(unsafe {
        libc::ioctl(outer.as_raw_fd(), libc::TIOCGPTPEER, libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC)
    })?;
    // SAFETY: the kernel has just made the descriptor, and nobody else knows it.
    let inner = File::from(unsafe { OwnedFd::from_raw_fd(inner) });
    // Programs open their terminal once more by its name.
    std::os::unix::fs::fchown(&inner, Some(uid), Some(uid)).or_else(ignore_unmapped)?;
    let mut settings = tcgetattr(&inner)?;
    // Erasing a character erases all its bytes.
    settings.input_flags |= InputFlags::IUTF8;
    tcsetattr(&inner, SetArg::TCSANOW, &settings)?;
    resize(&outer, size)?;
    Ok(Terminal { outer, inner: inner.into() })
}

/// Gives a terminal another size. Its foreground processes get `SIGWINCH` where that is one.
pub fn resize(terminal: &OwnedFd, Size { cols, rows }: Size) -> io::Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the structure outlives the call, which reads it.
    Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn a_terminal_has_its_size_and_echoes_what_is_typed() {
        let own = nix::unistd::geteuid().as_raw();
        let Terminal { outer, inner } = match open(Size { cols: 100, rows: 30 }, own) {
            Ok(terminal) => terminal,
            // A machine without terminals has none to test.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENXIO | libc::ENODEV)) => return,
            Err(error) => panic!("{error}"),
        };
        let size = |terminal: &OwnedFd| {
            let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
            // SAFETY: the structure outlives the call, which fills it.
            Errno::result(unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) }).unwrap();
            (size.ws_col, size.ws_row)
        };
        assert_eq!(size(&inner), (100, 30));
        resize(&outer, Size { cols: 1, rows: 1_000 }).unwrap();
        assert_eq!(size(&inner), (1, 1_000));

        let (mut outer, mut inner) = (File::from(outer), File::from(inner));
        // The erase character takes a letter of two bytes back.
        outer.write_all("aé\x7fb\n".as_bytes()).unwrap();
        let mut line = [0; 3];
        inner.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"ab\n");
        let mut echo = [0; 64];
        let length = outer.read(&mut echo).unwrap();
        assert!(echo[..length].starts_with("aé".as_bytes()) && echo[..length].ends_with(b"b\r\n"));
    }
}
