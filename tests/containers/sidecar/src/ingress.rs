//! The port that workerd speaks to: tunnels into the container, and the settings.

use crate::http::{read_head, reply, tunnel};
use crate::{Shared, firewall};
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::PoisonError;
use std::thread;

/// The largest body of a setting, in bytes.
const MAX_BODY_BYTES: usize = 1 << 20;

/// Serves until the process ends.
pub fn serve(listener: &TcpListener, settings: &Shared) {
    for stream in listener.incoming().flatten() {
        let settings = settings.clone();
        thread::spawn(move || {
            if let Err(error) = answer(&stream, &settings) {
                eprintln!("ingress: {error}");
            }
        });
    }
}

fn answer(stream: &TcpStream, settings: &Shared) -> io::Result<()> {
    // The container shares this network namespace, and must not change its own settings.
    let (peer, local) = (stream.peer_addr()?.ip(), stream.local_addr()?.ip());
    if peer.is_loopback() || peer == local {
        return Ok(());
    }
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let head = read_head(&mut reader)?;
    let mut words = head.first.split(' ');
    match (words.next(), words.next()) {
        (Some("CONNECT"), _) => {
            let target = head.headers.get("x-dst-addr").and_then(|address| address.parse::<SocketAddr>().ok());
            match target.filter(|address| address.ip().is_loopback()).map(TcpStream::connect) {
                Some(Ok(container)) => {
                    container.set_nodelay(true)?;
                    (&*stream).write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
                    (&container).write_all(reader.buffer())?;
                    tunnel(stream, &container)
                }
                // What workerd turns into "Container is not listening to port N".
                _ => reply(stream, "400 Bad Request", ""),
            }
        }
        (Some("PUT"), Some("/egress")) => {
            let length = head.headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; usize::min(length, MAX_BODY_BYTES)];
            reader.read_exact(&mut body)?;
            match update(settings, &body) {
                Ok(()) => reply(stream, "204 No Content", ""),
                Err(message) => reply(stream, "500 Internal Server Error", &message),
            }
        }
        (Some("GET"), Some("/ca")) => reply(stream, "200 OK", "# TLS is not intercepted here, so there is no CA\n"),
        _ => reply(stream, "404 Not Found", ""),
    }
}

fn update(settings: &Shared, body: &[u8]) -> Result<(), String> {
    let update = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut current = settings.lock().unwrap_or_else(PoisonError::into_inner);
    let next = current.with(update);
    if next != *current {
        firewall::apply(&next)?;
        *current = next;
    }
    Ok(())
}
