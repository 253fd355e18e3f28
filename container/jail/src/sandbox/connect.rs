//! Connections to what listens in the network of a sandbox. The server has no way into that network but sockets that are made in it.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrIn, SockaddrIn6, SockaddrLike, connect as begin, socket,
};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, OwnedFd};

/// Begins a connection to a port of this machine, and waits for nothing: a program that takes no connection makes only those wait who
/// want something of it.
pub fn connect(port: u16, by_ipv6: bool) -> io::Result<OwnedFd> {
    Ok(match by_ipv6 {
        false => to(AddressFamily::Inet, &SockaddrIn::from(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))),
        true => to(AddressFamily::Inet6, &SockaddrIn6::from(SocketAddrV6::new(Ipv6Addr::LOCALHOST, port, 0, 0))),
    }?)
}

fn to(family: AddressFamily, address: &dyn SockaddrLike) -> Result<OwnedFd, Errno> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket(family, SockType::Stream, flags, None)?;
    match begin(socket.as_raw_fd(), address) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(socket),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn a_port_is_reached_by_either_protocol() {
        for (address, by_ipv6) in [("127.0.0.1:0", false), ("[::1]:0", true)] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            let socket = TcpStream::from(connect(listener.local_addr().unwrap().port(), by_ipv6).unwrap());
            let (_, from) = listener.accept().unwrap();
            assert_eq!(socket.local_addr().unwrap(), from, "{address}");
        }
    }
}
