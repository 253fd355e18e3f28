//! As much of HTTP/1.1 as the two sides speak here, and the tunnel that follows a CONNECT.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

/// The longest head that is read, in bytes.
const MAX_HEAD_BYTES: u64 = 64 * 1_024;

/// A head: its first line and its headers, by lower-case name.
pub struct Head {
    pub first: String,
    pub headers: HashMap<String, String>,
}

/// Reads a head and nothing after it.
pub fn read_head(reader: &mut BufReader<TcpStream>) -> io::Result<Head> {
    let mut lines = reader.take(MAX_HEAD_BYTES).lines();
    let first = lines.next().unwrap_or(Err(io::ErrorKind::UnexpectedEof.into()))?;
    let mut headers = HashMap::new();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    Ok(Head { first, headers })
}

/// Answers and means to close.
pub fn reply(mut stream: &TcpStream, status: &str, body: &str) -> io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

/// Carries bytes both ways until both ways have ended. A side that only stops sending is still listened to.
pub fn tunnel(one: &TcpStream, other: &TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (one.try_clone()?, other.try_clone()?);
    let back = thread::spawn(move || carry(&mut from, &mut to));
    carry(&mut other.try_clone()?, &mut one.try_clone()?);
    // A thread that panicked has carried what it could.
    let _ = back.join();
    Ok(())
}

fn carry(from: &mut TcpStream, to: &mut TcpStream) {
    // Either end may break; both mean that nothing more comes this way.
    let _ = io::copy(from, to);
    let _ = to.shutdown(Shutdown::Write);
}
