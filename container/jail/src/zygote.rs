//! A Python interpreter that has come as far as its script and is forked there, once for every jail.
//!
//! The jailer of a place builds the jails' root, moves into it, and executes `python3 main.py` in its own stead, with
//! the library of `container/fork` loaded first. The interpreter initialises as always. Where it would open its script
//! the library takes over: the process goes on as the jailer it was. It forks the first process of a jail, and that
//! one forks the program, which takes its last steps as every program does and then returns into the interpreter
//! instead of executing one. So a program starts for the price of two forks, and sees what a cold start shows.
//!
//! What the children of one zygote have in common is what was random while it started: the hash seed of strings, and
//! where things lie in memory. A place therefore gets a new zygote after [`FORKS`] programs, and one run after another
//! goes to another place.

use super::jailer::{self, Settings};
use super::launch::Command;
use super::sys;
use nix::sys::signal::{SigHandler, Signal, signal};
use serde::{Deserialize, Serialize};
use std::ffi::CStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Programs that one zygote starts at most. Its own start costs a cold start's processor time, about ten times what a
/// fork costs, so this many make it a small part.
pub const FORKS: u32 = 64;

/// How to start one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Zygote {
    /// The interpreter with its script, as it would be started cold.
    pub command: Command,
    /// Where the library of `container/fork` lies on the host.
    pub library: PathBuf,
}

/// Where the library lies in the jails' root until the interpreter has loaded it.
const LIBRARY: &str = "/.fork.so";
/// What the loader reads the library's path from, see ld.so(8).
const PRELOAD: &str = "LD_PRELOAD";
/// The interpreter finds the jailer's socket here.
const SOCKET: RawFd = 3;
/// The [`Settings`], as JSON.
const SETTINGS: RawFd = 4;
/// The process' own `/proc/self/stat`, opened while there was a `/proc`.
const LAYOUT: RawFd = 5;
/// The jailer leaves the descriptors from here on to be closed at exec.
const FIRST_FREE: RawFd = 6;

impl Zygote {
    /// What the jails' root must hold for the start: the library and a script to be found.
    pub fn lay(&self, root: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
        File::create(root.join("workspace").join(&self.command.script))?;
        Ok(vec![(self.library.clone(), LIBRARY.into())])
    }

    /// Becomes the interpreter; returns only where that fails.
    ///
    /// `layout` is the process' own `/proc/self/stat`.
    pub fn execute(&self, settings: &Settings, socket: &OwnedFd, layout: &File) -> io::Error {
        self.try_execute(settings, socket, layout).err().unwrap_or_else(|| io::ErrorKind::Other.into())
    }

    fn try_execute(&self, settings: &Settings, socket: &OwnedFd, layout: &File) -> io::Result<()> {
        // The interpreter's memory is its programs' memory: nothing that they need not know goes there.
        let settings = Settings { zygote: None, root: Default::default(), mount_point: PathBuf::new(), ..*settings };
        let mut encoded = sys::memory_file(c"settings")?;
        encoded.write_all(&serde_json::to_vec(&settings).map_err(io::Error::other)?)?;
        let sources = [socket.as_raw_fd(), encoded.as_raw_fd(), layout.as_raw_fd()];
        // Out of the way first, because one may lie where another is to go.
        let aside = sources.map(|source| sys::duplicate_from(source, FIRST_FREE));
        for (aside, target) in aside.into_iter().zip([SOCKET, SETTINGS, LAYOUT]) {
            sys::duplicate_to(&aside?, target)?;
        }
        // Errors of the interpreter's own start are read where the answer is awaited.
        // SAFETY: dup2 takes numbers; nobody in this process uses standard error any more.
        nix::errno::Errno::result(unsafe { libc::dup2(1, 2) })?;
        sys::close_at_exec_from(FIRST_FREE)?;
        // SAFETY: the default action runs no code of ours. The Rust runtime ignores this signal.
        unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
        std::env::set_current_dir("/workspace")?;
        let mut command = self.command.clone();
        // Last, so that it can be cut off.
        command.env.push((PRELOAD.into(), LIBRARY.into()));
        command.execute()
    }
}

/// Takes the traces of the preloading out of the environment, also where other processes read it.
pub fn hide() {
    // SAFETY: the process has one thread; the C library has set its environment up, because this library needs it.
    let layout = unsafe {
        std::env::remove_var(PRELOAD);
        File::from_raw_fd(LAYOUT)
    };
    // What cannot be hidden shows a path that does not exist in any jail.
    let _ = cut_environment(layout);
}

/// Lets the environment that `/proc` shows end before the last variable, which is [`PRELOAD`].
fn cut_environment(mut layout: File) -> io::Result<()> {
    let mut text = String::new();
    layout.read_to_string(&mut text)?;
    let added = PRELOAD.len() + 1 + LIBRARY.len() + 1;
    sys::set_environment_length(&text, added as u64)
}

/// Whether a path is the script that an interpreter was started with.
pub fn is_script(path: &CStr) -> bool {
    // Python makes the path of its script absolute since 3.9.
    matches!(path.to_bytes(), b"main.py" | b"/workspace/main.py")
}

/// Goes on as a jailer. Returns in the processes that are to be programs, and in no other.
pub fn serve() {
    let program = settings().and_then(|settings| {
        super::root::remove(LIBRARY)?;
        sys::die_with_parent()?;
        sys::forbid_tracing()?;
        // SAFETY: the descriptor was left here for this purpose alone.
        let socket = unsafe { OwnedFd::from_raw_fd(SOCKET) };
        // A caller that does not wait for the answer has closed the pipe.
        let _ = writeln!(io::stdout(), "{}", jailer::READY);
        jailer::make_jails(&settings, &socket)
    });
    match program {
        Ok(jailer::Process::Program) => {}
        // SAFETY: ends the process without running what the interpreter would do at its end.
        Ok(jailer::Process::Jailer) => unsafe { libc::_exit(0) },
        Err(error) => {
            let _ = writeln!(io::stdout(), "{error}");
            // SAFETY: as above.
            unsafe { libc::_exit(1) }
        }
    }
}

/// Copies what a fork shares with the zygote before the program writes to it. An interpreter that ends writes to
/// nearly every page it has, and one call for many pages costs less than a fault for each, and costs it while nobody
/// waits.
pub fn detach() -> io::Result<()> {
    let page = sys::page_bytes();
    let pages = File::open("/proc/self/pagemap")?;
    for mapping in fs::read_to_string("/proc/self/maps")?.lines() {
        let Some((from, to)) = private_memory(mapping) else { continue };
        let mut present = vec![0; (to - from) / page * PAGE_ENTRY];
        pages.read_exact_at(&mut present, (from / page * PAGE_ENTRY) as u64)?;
        // The highest bit of an entry says that the page is there, see the kernel's documentation of pagemap.
        let is_there = |entry: &[u8]| entry[PAGE_ENTRY - 1] & 0x80 != 0;
        let entries: Vec<_> = present.chunks_exact(PAGE_ENTRY).map(is_there).collect();
        let mut start = from;
        for run in entries.chunk_by(|one, next| one == next) {
            let length = run.len() * page;
            if run[0] {
                // SAFETY: copies pages and changes nothing in them. A kernel before 5.14 does not know the call, and
                // lets the program copy its pages itself.
                unsafe { libc::madvise(start as *mut libc::c_void, length, libc::MADV_POPULATE_WRITE) };
            }
            start += length;
        }
    }
    Ok(())
}

/// Bytes that `/proc/self/pagemap` has for one page.
const PAGE_ENTRY: usize = 8;

/// The bounds of a mapping that a program writes to and shares with nobody; the stack, which grows, is left alone.
fn private_memory(mapping: &str) -> Option<(usize, usize)> {
    let (range, rest) = mapping.split_once(' ')?;
    if !rest.starts_with("rw-p") || rest.ends_with("[stack]") {
        return None;
    }
    let (from, to) = range.split_once('-')?;
    Some((usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(to, 16).ok()?))
}

fn settings() -> io::Result<Settings> {
    // SAFETY: the descriptor was left here for this purpose alone.
    let mut file = unsafe { File::from_raw_fd(SETTINGS) };
    file.rewind()?;
    serde_json::from_reader(file).map_err(io::Error::other)
}

/// The file to open for [`Zygote::execute`], while there is a `/proc`.
pub fn layout() -> io::Result<File> {
    File::open("/proc/self/stat")
}
