//! Connections to what listens on a port of a sandbox.

use super::files::FileFailure;
use super::living::Sandbox;
use super::port_limits::MAX_CONNECTIONS;
use crate::jail::sandbox::operations::Operation;
use docle_protocol::sandbox::port::{PortFailure, PortFailureCode};
use nix::sys::socket::{SockType, getsockopt, sockopt};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

/// How long the kernel may take to connect: a program whose queue is full takes no further connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a program, and its place among those of the sandbox.
#[derive(Debug)]
pub struct PortConnection {
    pub stream: TcpStream,
    pub place: OwnedSemaphorePermit,
}

/// An error with a message for the log.
pub fn refused(code: PortFailureCode, message: impl Into<String>) -> PortFailure {
    PortFailure { code, message: message.into() }
}

impl Sandbox {
    /// Connects to what listens on a port. The outer error is a failure of the sandbox.
    pub async fn connect(&self, port: u16) -> Result<Result<PortConnection, PortFailure>, io::Error> {
        let Ok(place) = Arc::clone(&self.ports.open).try_acquire_owned() else {
            let message = format!("{MAX_CONNECTIONS} connections are open");
            return Ok(Err(refused(PortFailureCode::TooManyConnections, message)));
        };
        let mut answer = self.connect_by(port, false).await;
        // A server may listen on IPv6 alone. What IPv4 says counts where that leads nowhere.
        if matches!(answer, Err(Unconnected::Refused(_)))
            && let Ok(stream) = self.connect_by(port, true).await
        {
            answer = Ok(stream);
        }
        match answer {
            Ok(stream) => Ok(Ok(PortConnection { stream, place })),
            Err(Unconnected::Refused(why)) => Ok(Err(refused(PortFailureCode::NotListening, why))),
            Err(Unconnected::Silent(why)) => Ok(Err(refused(PortFailureCode::NoAnswer, why))),
            Err(Unconnected::Broken(error)) => Err(error),
        }
    }

    async fn connect_by(&self, port: u16, by_ipv6: bool) -> Result<TcpStream, Unconnected> {
        let begun = {
            let worker = self.ports.workers.acquire().await;
            let _worker = worker.map_err(|error| Unconnected::Broken(io::Error::other(error)))?;
            self.operate(&Operation::Connect { port, by_ipv6 }, b"").await
        };
        let socket = match begun {
            Ok((_, descriptors)) => {
                let broken = || Unconnected::Broken(io::ErrorKind::InvalidData.into());
                descriptors.into_iter().next().ok_or_else(broken)?
            }
            Err(FileFailure::File(error)) => return Err(Unconnected::Refused(error.message)),
            Err(FileFailure::Broken(error)) => return Err(Unconnected::Broken(error)),
            Err(FileFailure::Body) => return Err(Unconnected::Broken(io::ErrorKind::InvalidInput.into())),
        };
        match timeout(PATIENCE, connected(socket)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Err(Unconnected::Refused(error.to_string()))
            }
            Ok(Err(error)) => Err(Unconnected::Silent(error.to_string())),
            Err(_) => Err(Unconnected::Silent("the connection was not taken in time".into())),
        }
    }
}

/// Why there is no connection.
enum Unconnected {
    /// Nothing listens.
    Refused(String),
    /// What listens takes no connection.
    Silent(String),
    /// The worker or the sandbox failed.
    Broken(io::Error),
}

/// Waits until a socket that came out of a sandbox is connected.
async fn connected(socket: OwnedFd) -> io::Result<TcpStream> {
    // Of a worker's word nothing is believed.
    if getsockopt(&socket, sockopt::SockType)? != SockType::Stream {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let stream = std::net::TcpStream::from(socket);
    stream.set_nonblocking(true)?;
    let stream = TcpStream::from_std(stream)?;
    stream.writable().await?;
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    stream.peer_addr()?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
