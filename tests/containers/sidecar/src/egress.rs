//! Connections that the container opens: each is offered to workerd, which alone decides what becomes of it.

use crate::http::{read_head, tunnel};
use crate::{EGRESS_PORT, Shared};
use nix::sys::socket::{getsockopt, sockopt};
use std::io::{self, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream};
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;

/// The longest head of a plain HTTP request that is looked into for its host.
const PEEK_BYTES: usize = 8_192;
/// How long a program may take to say which host it wants.
const PEEK_PATIENCE: Duration = Duration::from_secs(1);

/// Serves until the process ends.
pub fn serve(listener: &TcpListener, settings: &Shared) {
    for stream in listener.incoming().flatten() {
        let settings = settings.clone();
        thread::spawn(move || {
            if offer(&stream, &settings).is_err() {
                // The program sees a connection that ended, as it would from a host that hangs up.
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }
}

fn offer(program: &TcpStream, settings: &Shared) -> io::Result<()> {
    let (gateway, port) = {
        let settings = settings.lock().unwrap_or_else(PoisonError::into_inner);
        (settings.gateway, settings.port)
    };
    let target = original_destination(program)?;
    let host = if target.port() == 80 { peek_host(program)? } else { None };
    let host = host.map(|host| format!("X-Hostname: {host}\r\n")).unwrap_or_default();
    let workerd = TcpStream::connect_timeout(&(gateway, port).into(), Duration::from_secs(5))?;
    workerd.set_nodelay(true)?;
    write!(&workerd, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{host}\r\n")?;
    let mut reader = BufReader::new(workerd.try_clone()?);
    let head = read_head(&mut reader)?;
    if !head.first.split(' ').nth(1).is_some_and(|status| status.starts_with('2')) {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    (&*program).write_all(reader.buffer())?;
    tunnel(program, &workerd)
}

/// Where the program wanted to go before the firewall sent it here.
fn original_destination(stream: &TcpStream) -> io::Result<SocketAddrV4> {
    let address = getsockopt(stream, sockopt::OriginalDst)?;
    let target =
        SocketAddrV4::new(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)), u16::from_be(address.sin_port));
    // A connection made directly to this port was not redirected.
    if target.port() == EGRESS_PORT { Err(io::ErrorKind::InvalidInput.into()) } else { Ok(target) }
}

/// The host of a plain HTTP request, which stays unread.
fn peek_host(stream: &TcpStream) -> io::Result<Option<String>> {
    stream.set_read_timeout(Some(PEEK_PATIENCE))?;
    let mut buffer = [0; PEEK_BYTES];
    let mut seen = 0;
    loop {
        let read = stream.peek(&mut buffer).unwrap_or(0);
        let head = String::from_utf8_lossy(&buffer[..read]);
        // What was peeked at is seen again at once, so nothing new means that no more is coming soon.
        if head.contains("\r\n\r\n") || read == seen || read == PEEK_BYTES {
            stream.set_read_timeout(None)?;
            let mut headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
            let host = headers.find(|(name, _)| name.eq_ignore_ascii_case("host"));
            return Ok(host.map(|(_, value)| value.trim().to_owned()));
        }
        seen = read;
        thread::sleep(Duration::from_millis(20));
    }
}
