//! What passes through the proxy of one jail: requests that the policy refuses, and bytes that leave.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Counts of one jail. They are complete when the proxy has ended, and never fall.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Connections that the policy has refused.
    pub refused: AtomicU32,
    /// Bytes that were sent to servers.
    pub sent: AtomicU64,
}

/// A connection to a server that counts what is sent.
pub struct Counted<'a, S> {
    stream: S,
    traffic: &'a Traffic,
}

impl<'a, S> Counted<'a, S> {
    pub fn new(stream: S, traffic: &'a Traffic) -> Self {
        Self { stream, traffic }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<'_, S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            self.traffic.sent.fetch_add(*count as u64, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional, duplex};

    #[tokio::test]
    async fn what_leaves_is_counted_and_what_comes_is_not() {
        let traffic = Traffic::default();
        let ((mut program, mut client), (near, mut server)) = (duplex(8), duplex(8));
        let mut counted = Counted::new(near, &traffic);
        let program_side = async move {
            program.write_all(&[1; 1_000]).await.unwrap();
            program.shutdown().await.unwrap();
            let mut answer = Vec::new();
            program.read_to_end(&mut answer).await.unwrap();
            answer.len()
        };
        let server_side = async move {
            let mut request = Vec::new();
            server.read_to_end(&mut request).await.unwrap();
            server.write_all(&[2; 30]).await.unwrap();
            server.shutdown().await.unwrap();
            request.len()
        };
        let (copied, received, sent) =
            tokio::join!(copy_bidirectional(&mut client, &mut counted), program_side, server_side);
        assert_eq!((copied.unwrap(), received, sent), ((1_000, 30), 30, 1_000));
        assert_eq!(traffic.sent.load(Ordering::Relaxed), 1_000);
    }
}
