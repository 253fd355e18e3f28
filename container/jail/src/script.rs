//! The script that a started interpreter waits for.
//!
//! The interpreter is started as a person would, `python3 main.py`, with a named pipe where the script will be. It
//! initialises, opens the script and waits in its first read. So a warm start differs from a cold one in nothing
//! that a program can see but the time at which the process began: the same command line, module, path and
//! traceback come about in the same way. Once the program is known and everything else is in place, the real file
//! takes the pipe's name, and the text goes through the pipe. An interpreter that has not come as far as the pipe finds
//! the file, and all that belongs to it.

use super::files::{own, write_file};
use super::launch::Content;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::stat::Mode;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
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
        own(&place, uid)?;
        // Open for reading too: so opening waits for nobody, and writing never meets a pipe without a reader.
        let mut options = OpenOptions::new();
        let pipe = options.read(true).write(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(&place)?;
        Ok(Self { path: path.to_owned(), pipe, text: Vec::new(), passed_on: 0 })
    }

    /// The script's path below `/workspace`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What becomes readable when an interpreter has come as far as its script. Dropping it takes the kernel a
    /// millisecond or two.
    pub fn opening(&self) -> io::Result<Inotify> {
        let opening = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let place = Path::new("/workspace").join(&self.path);
        opening.add_watch(&place, AddWatchFlags::IN_OPEN | AddWatchFlags::IN_ONESHOT)?;
        Ok(opening)
    }

    /// Puts the file in the pipe's place and takes its text to pass on. From here on the program may run.
    pub fn arrive(&mut self, files: &[(String, Content)], uid: u32) -> io::Result<()> {
        let found = files.iter().find(|(path, _)| *path == self.path);
        let text = found.map_or(&[][..], |(_, content)| &content.0[..]);
        // A name beside it that no file of the program has.
        let taken = |aside: &Path| aside.symlink_metadata().is_ok();
        let mut aside = Path::new("/workspace").join(".arriving");
        while taken(&aside) {
            aside.as_mut_os_string().push("_");
        }
        write_file(&aside, text, uid)?;
        self.text = text.to_vec();
        std::fs::rename(&aside, Path::new("/workspace").join(&self.path))
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
