//! A process of ours in a sandbox that works on files as the sandbox's user: what it cannot reach, no request reaches.
//!
//! It takes frames over a socket of its own: four bytes of length, little-endian, then postcard. The server never opens a
//! path of a sandbox. It gets descriptors of regular files that the worker has opened.

use super::entry::{Done, Refused};
use super::operations::{self, Operation};
use super::upload::Upload;
use super::{directory, pack, patch, unpack};
use crate::jailer::Jail;
use crate::landlock;
use crate::launch::Content;
use crate::program::become_user;
use crate::requests::Job;
use crate::root::Tier;
use crate::seccomp::Network;
use crate::sys;
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::sys::stat::{Mode, umask};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::Path;

/// What goes over the socket of a worker.
pub struct Frame;

/// Bytes of one frame: the content of a small file, or many entries.
const MAX_FRAME: usize = 64 << 20;

impl Frame {
    /// The bytes of a frame.
    pub fn encode<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 4];
        bytes.extend(postcard::to_stdvec(value).map_err(io::Error::other)?);
        let length = (bytes.len() - 4) as u32;
        bytes[..4].copy_from_slice(&length.to_le_bytes());
        Ok(bytes)
    }

    /// The length that the first four bytes of a frame tell.
    pub fn length(head: [u8; 4]) -> io::Result<usize> {
        let length = u32::from_le_bytes(head) as usize;
        if length > MAX_FRAME { Err(io::ErrorKind::InvalidData.into()) } else { Ok(length) }
    }

    /// Takes the first bytes of a frame from a socket, as many as have come, and the descriptors that travel with them.
    pub fn receive_head(socket: RawFd, head: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
        let (length, descriptors) = crate::packet::receive_packet(socket, head)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok((length, descriptors))
    }

    /// What the rest of a frame says.
    pub fn decode<'a, T: Deserialize<'a>>(body: &'a [u8]) -> io::Result<T> {
        postcard::from_bytes(body).map_err(io::Error::other)
    }
}

/// Starts a worker. It gets the first of the descriptors.
pub(super) fn start(jail: &Jail, job: Job, descriptors: Vec<OwnedFd>) -> io::Result<Pid> {
    let descriptor = descriptors.into_iter().next().ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: this process has one thread.
    if let Some(pid) = unsafe { sys::fork_into_group(None) }? {
        return Ok(pid);
    }
    let code = i32::from(prepare(jail).and_then(|()| run(job, descriptor)).is_err());
    // SAFETY: ends the process without running destructors of state that belongs to init.
    unsafe { libc::_exit(code) }
}

fn prepare(jail: &Jail) -> io::Result<()> {
    let filter = jail.filters.of(Network::of(jail.settings.tier, true));
    sys::die_with_parent()?;
    // What the user has changed in the modes of his files is changed by him alone.
    umask(Mode::from_bits_truncate(0o022));
    // SAFETY: ignoring a signal runs no code. A file that is larger than it may be is then an error like any other.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }?;
    sys::allow_tracing()?;
    if jail.settings.tier == Tier::Root {
        landlock::restrict_in_sandbox()?;
        filter.install()?;
    }
    become_user(jail.settings)?;
    // Programs have the same user.
    sys::forbid_tracing()?;
    if jail.settings.tier != Tier::Root {
        landlock::restrict_in_sandbox()?;
        filter.install()?;
    }
    std::env::set_current_dir("/workspace").or_else(|_| std::env::set_current_dir("/"))
}

fn run(job: Job, descriptor: OwnedFd) -> io::Result<()> {
    match job {
        Job::Operate => operate(descriptor),
        Job::Pack => {
            let mut pieces = Pieces::new(File::from(descriptor));
            pack::pack(&mut pieces)?;
            pieces.socket.write_all(&Frame::encode(&Operation::Finish)?)
        }
        Job::Unpack => {
            let mut pieces = Pieces::new(File::from(descriptor));
            let result = unpack::unpack(&mut pieces);
            pieces.socket.write_all(&Frame::encode(&result.map_err(Refused::from))?)
        }
        Job::Patch => {
            let mut pieces = Pieces::new(File::from(descriptor));
            let result = match pieces.next()? {
                Operation::Patch { steps } => patch::patch(Path::new("/"), &steps, &mut pieces),
                _ => Err(io::ErrorKind::InvalidData.into()),
            };
            pieces.socket.write_all(&Frame::encode(&result.map_err(Refused::from))?)
        }
        Job::Export => {
            let mut pieces = Pieces::new(File::from(descriptor));
            let found = pieces.begin().and_then(|path| {
                let found = directory::find(&path)?;
                directory::check_size(&found.0)?;
                Ok(found)
            });
            let top = found.as_ref().ok().map(|(top, _)| top.clone());
            let answer = found.map(|(_, done)| done).map_err(Refused::from);
            pieces.socket.write_all(&Frame::encode(&answer)?)?;
            let Some(top) = top else { return Ok(()) };
            directory::export(&top, &mut pieces)?;
            pieces.socket.write_all(&Frame::encode(&Operation::Finish)?)
        }
        Job::Import => {
            let mut pieces = Pieces::new(File::from(descriptor));
            let result = pieces.begin().and_then(|path| directory::import(Path::new("/"), &path, &mut pieces));
            pieces.socket.write_all(&Frame::encode(&result.map_err(Refused::from))?)
        }
    }
}

/// Bytes that travel as frames, so that their end is no accident.
struct Pieces {
    socket: File,
    piece: Vec<u8>,
    /// Bytes of the piece that have been read.
    read: usize,
    is_finished: bool,
}

impl Pieces {
    fn new(socket: File) -> Self {
        Self { socket, piece: Vec::new(), read: 0, is_finished: false }
    }

    /// The path that comes first.
    fn begin(&mut self) -> io::Result<Vec<u8>> {
        match self.next()? {
            Operation::Begin { path } => Ok(path),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }

    fn next(&mut self) -> io::Result<Operation> {
        let mut head = [0; 4];
        self.socket.read_exact(&mut head)?;
        let mut body = vec![0; Frame::length(head)?];
        self.socket.read_exact(&mut body)?;
        Frame::decode(&body)
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.write_all(&Frame::encode(&Operation::More { content: Content(bytes.to_vec()) })?)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.read == self.piece.len() && !self.is_finished {
            match self.next()? {
                Operation::More { content } => (self.piece, self.read) = (content.0, 0),
                Operation::Finish => self.is_finished = true,
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
        let length = buffer.len().min(self.piece.len() - self.read);
        buffer[..length].copy_from_slice(&self.piece[self.read..self.read + length]);
        self.read += length;
        Ok(length)
    }
}

fn operate(socket: OwnedFd) -> io::Result<()> {
    let socket = File::from(socket);
    let mut upload: Option<Upload> = None;
    loop {
        let mut head = [0; 4];
        match (&socket).read_exact(&mut head) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            result => result?,
        }
        let mut body = vec![0; Frame::length(head)?];
        (&socket).read_exact(&mut body)?;
        let result = match Frame::decode(&body)? {
            Operation::Begin { path } => Upload::begin(&path).map(|begun| {
                upload = Some(begun);
                None
            }),
            Operation::More { content } => match upload.as_mut() {
                Some(upload) => upload.write(&content.0).map(|()| None),
                None => Err(io::ErrorKind::InvalidInput.into()),
            },
            Operation::Finish => match upload.take() {
                Some(upload) => upload.finish().map(|done| Some((done, Vec::new()))),
                None => Err(io::ErrorKind::InvalidInput.into()),
            },
            operation => operations::perform(operation).map(Some),
        };
        match result {
            // Only the end of an upload is answered.
            Ok(None) => {}
            Ok(Some((done, descriptors))) => answer(&socket, Ok(done), &descriptors)?,
            Err(error) => {
                let was_uploading = upload.take().is_some();
                answer(&socket, Err(error.into()), &[])?;
                if was_uploading {
                    // The rest of it is on its way and not wanted.
                    return Ok(());
                }
            }
        }
    }
}

fn answer(socket: &File, result: Result<Done, Refused>, descriptors: &[OwnedFd]) -> io::Result<()> {
    let bytes = Frame::encode(&result)?;
    // The descriptors travel with the first bytes.
    let raw: Vec<_> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let ancillary: &[ControlMessage] = if raw.is_empty() { &[] } else { &rights };
    let sent = sendmsg::<()>(socket.as_raw_fd(), &[IoSlice::new(&bytes)], ancillary, MsgFlags::MSG_NOSIGNAL, None)?;
    (&*socket).write_all(&bytes[sent..])
}
