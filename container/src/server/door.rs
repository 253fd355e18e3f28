//! Where connections come in until the runner stops: then nobody gets in any more, and who is in already is answered.
//!
//! A caller may send its job to another runner only if it knows that this one has not begun it. It knows that where
//! nobody accepted its connection, and where it was refused, but not where a connection ended without a word. So the door
//! closes first, and the connections end a while later.

use axum::serve::Listener;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// See the module.
pub struct Door {
    /// `None` once it is closed.
    listener: Option<TcpListener>,
    /// Who stood before it when it closed.
    last: Vec<(TcpStream, SocketAddr)>,
    address: SocketAddr,
    closing: CancellationToken,
}

impl Door {
    /// A door that closes as soon as `closing` is cancelled.
    pub fn new(listener: TcpListener, closing: CancellationToken) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { listener: Some(listener), last: Vec::new(), address, closing })
    }

    async fn next(&mut self) -> (TcpStream, SocketAddr) {
        if let Some(listener) = &mut self.listener {
            tokio::select! {
                next = Listener::accept(listener) => return next,
                () = self.closing.cancelled() => {}
            }
        }
        if let Some(listener) = self.listener.take() {
            self.last = waiting(listener).unwrap_or_default();
        }
        match self.last.pop() {
            Some(next) => next,
            None => pending().await,
        }
    }
}

/// Everybody whom the kernel has let in and nobody has greeted yet.
fn waiting(listener: TcpListener) -> io::Result<Vec<(TcpStream, SocketAddr)>> {
    let listener = listener.into_std()?;
    let mut waiting = Vec::new();
    while let Ok((stream, caller)) = listener.accept() {
        stream.set_nonblocking(true)?;
        waiting.push((TcpStream::from_std(stream)?, caller));
    }
    Ok(waiting)
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        let (stream, caller) = self.next().await;
        // Small answers leave at once instead of waiting for more to send.
        let _ = stream.set_nodelay(true);
        (stream, caller)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_closed_door_refuses_and_lets_in_who_came_before() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closing = CancellationToken::new();
        let mut door = Door::new(listener, closing.clone()).unwrap();
        let address = door.local_addr().unwrap();
        let _early = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        closing.cancel();
        for _ in 0..2 {
            door.accept().now_or_never().unwrap();
        }
        assert!(door.accept().now_or_never().is_none());
        let late = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::ConnectionRefused);
    }
}
