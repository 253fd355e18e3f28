//! The script that a started interpreter waits for.
//!
//! The interpreter is started as a person would, `python3 main.py`, with a named pipe where the script will be. It
//! initialises, opens the script and waits in its first read. So a warm start differs from a cold one in nothing
//! that a program can see but the time at which the process began: the same command line, module, path and
//! traceback come about in the same way. Once the program is known, the real file takes the pipe's name, and the
//! text goes through the pipe.

use nix::sys::stat::Mode;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::path::Path;

/// The writing end of a script that is not known yet.
#[derive(Debug)]
pub struct Script {
    path: String,
    pipe: File,
    text: Vec<u8>,
    passed_on: usize,
}

impl Script {
    /// Makes the pipe at `path` below `/workspace`.
    pub fn lay(path: &str, uid: u32) -> io::Result<Self> {
        let place = Path::new("/workspace").join(path);
        nix::unistd::mkfifo(&place, Mode::from_bits_truncate(0o644))?;
        match chown(&place, Some(uid), Some(uid)) {
            // In a user namespace only one number is mapped and everything belongs to it already.
            Err(error) if error.raw_os_error() != Some(libc::EINVAL) => return Err(error),
            _ => {}
        }
        // Open for reading too: so opening waits for nobody, and writing never meets a pipe without a reader.
        let mut options = OpenOptions::new();
        let pipe = options.read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(&place)?;
        Ok(Self { path: path.to_owned(), pipe, text: Vec::new(), passed_on: 0 })
    }

    /// Takes the script's text from among the program's files.
    pub fn load(&mut self, files: &[(String, String)]) {
        let found = files.iter().find(|(path, _)| *path == self.path);
        self.text = found.map(|(_, content)| content.clone().into_bytes()).unwrap_or_default();
    }

    /// Writes what the pipe has room for. True when everything was written, or cannot be.
    pub fn pass_on(&mut self) -> bool {
        while self.passed_on < self.text.len() {
            match self.pipe.write(&self.text[self.passed_on..]) {
                Ok(written) => self.passed_on += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
        true
    }
}

impl AsFd for Script {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}
