//! The server's end of a program's terminal.

use crate::jail::handle::set_nonblocking;
use crate::jail::terminal::{Size, resize};
use nix::errno::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads what programs write to the terminal, and writes what is typed. Clones are of the same end. When the last one is
/// dropped, the kernel hangs the terminal up.
#[derive(Debug, Clone)]
pub struct TerminalEnd(Arc<AsyncFd<OwnedFd>>);

impl TerminalEnd {
    pub fn new(terminal: OwnedFd) -> io::Result<Self> {
        set_nonblocking(&terminal)?;
        // SAFETY: the owned descriptor moves into the `AsyncFd` and stays the same until that is dropped.
        Ok(Self(Arc::new(unsafe { AsyncFd::register(terminal) }?)))
    }

    /// Gives it another size.
    pub fn resize(&self, size: Size) -> io::Result<()> {
        resize(self.0.get_ref(), size)
    }
}

impl AsyncRead for TerminalEnd {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(context))?;
            let unfilled = buffer.initialize_unfilled();
            match guard.try_io(|terminal| Ok(nix::unistd::read(terminal.get_ref(), unfilled)?)) {
                Ok(Ok(length)) => {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
                // No process has the other end open, and what was written has been read: the end.
                Ok(Err(error)) if error.raw_os_error() == Some(Errno::EIO as i32) => return Poll::Ready(Ok(())),
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                // It was not readable after all.
                Err(_) => {}
            }
        }
    }
}

impl AsyncWrite for TerminalEnd {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(context))?;
            if let Ok(result) = guard.try_io(|terminal| Ok(nix::unistd::write(terminal.get_ref(), bytes)?)) {
                return Poll::Ready(result);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
