//! The server's end of a worker, a process inside a sandbox that works on its files.

use crate::jail::sandbox::Frame;
use crate::jail::sandbox::operations::Operation;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use serde::de::DeserializeOwned;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// The longest operation copies or deletes everything that a sandbox may have. A worker that takes longer was stopped by a
/// program of its user, and is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A worker, from this side.
#[derive(Debug)]
pub struct Worker(UnixStream);

impl Worker {
    /// A worker, and the socket that init is to give it.
    pub fn new() -> io::Result<(Self, OwnedFd)> {
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::Stream, None, SockFlag::SOCK_CLOEXEC)?;
        let ours = StdStream::from(ours);
        ours.set_nonblocking(true)?;
        Ok((Self(UnixStream::from_std(ours)?), theirs))
    }

    /// Sends an operation, which it may be about to read.
    pub async fn send(&mut self, operation: &Operation) -> io::Result<()> {
        let bytes = Frame::encode(operation)?;
        timeout(PATIENCE, self.0.write_all(&bytes)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// Waits for the next frame, and takes the descriptors that come with it.
    pub async fn receive<T: DeserializeOwned>(&mut self) -> io::Result<(T, Vec<OwnedFd>)> {
        self.receive_within(PATIENCE).await
    }

    /// The same with another limit.
    pub async fn receive_within<T: DeserializeOwned>(&mut self, limit: Duration) -> io::Result<(T, Vec<OwnedFd>)> {
        timeout(limit, self.receive_frame()).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn receive_frame<T: DeserializeOwned>(&mut self) -> io::Result<(T, Vec<OwnedFd>)> {
        let (mut head, mut filled, mut descriptors) = ([0; 4], 0, Vec::new());
        while filled < head.len() {
            let raw = self.0.as_raw_fd();
            let read = |head: &mut [u8]| Frame::receive_head(raw, head);
            let (length, more) = self.0.async_io(Interest::READABLE, || read(&mut head[filled..])).await?;
            filled += length;
            descriptors.extend(more);
        }
        let mut body = vec![0; Frame::length(head)?];
        self.0.read_exact(&mut body).await?;
        Ok((Frame::decode(&body)?, descriptors))
    }
}
