//! What passes through the proxy of one jail: requests that the policy refuses, and bytes that leave.

use docle_protocol::limits::MAX_REFUSED;
use std::collections::BTreeSet;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Counts of one jail. They are complete when the proxy has ended, and never fall.
#[derive(Debug, Default)]
pub struct Traffic {
    /// Connections that the policy has refused.
    pub refused: AtomicU32,
    /// The servers that it refused, as `host:port`: the first [`MAX_REFUSED`] in their order.
    hosts: Mutex<BTreeSet<String>>,
    /// Bytes that were sent to servers.
    pub sent: AtomicU64,
}

/// Bytes of a host's name in DNS. A longer one names no host.
const MAX_HOST_BYTES: usize = 253;

impl Traffic {
    /// Counts a refused request, and remembers its server.
    pub fn refuse(&self, host: &str, port: u16) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let is_name = host.len() <= MAX_HOST_BYTES && host.bytes().all(|byte| byte.is_ascii_graphic());
        if is_name {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            hosts.insert(format!("{}:{port}", host.to_ascii_lowercase()));
            if hosts.len() > MAX_REFUSED {
                hosts.pop_last();
            }
        }
    }

    /// The servers that were refused.
    pub fn refused_hosts(&self) -> Vec<String> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
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

    #[test]
    fn refused_servers_are_named_and_bounded() {
        let traffic = Traffic::default();
        for n in 0..100 {
            traffic.refuse(&format!("Host-{n:02}.com"), 443);
            traffic.refuse("a b", 80);
            traffic.refuse(&"x".repeat(1_000), 80);
        }
        let hosts = traffic.refused_hosts();
        assert_eq!((hosts.len(), hosts[0].as_str(), hosts[19].as_str()), (20, "host-00.com:443", "host-19.com:443"));
        assert_eq!(traffic.refused.load(Ordering::Relaxed), 300);
    }

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
