//! The proxy itself: `CONNECT` for everything encrypted, absolute-form requests for plain HTTP.
//!
//! It reads one request head per connection and then only copies bytes, so a second plain request for another host
//! cannot ride on the first one's permission: plain requests are sent on with `Connection: close`.

use super::policy::Policy;
use super::traffic::{Counted, Traffic};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Bytes of a request head; servers in the field accept 8 to 64 KiB.
const MAX_HEAD: usize = 32 * 1_024;
/// Connections of one jail at a time.
const MAX_CONNECTIONS: usize = 64;
/// Time to resolve, to connect, and to send a head.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves one jail until its listener is closed; whoever drops the future ends every connection with it. What the
/// policy refuses, and what leaves, is counted in `traffic`.
pub async fn serve(listener: TcpListener, policy: Policy, traffic: Arc<Traffic>) {
    let (policy, places) = (Arc::new(policy), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let Ok((client, _)) = listener.accept().await else { return };
        let (policy, traffic) = (policy.clone(), traffic.clone());
        connections.spawn(async move {
            // A connection that breaks is the client's to notice.
            let _ = relay(client, &policy, &traffic).await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
}

/// One request line and its headers, and what came after them.
struct Head {
    method: String,
    target: String,
    headers: Vec<String>,
    rest: Vec<u8>,
}

async fn relay(mut client: TcpStream, policy: &Policy, traffic: &Traffic) -> io::Result<()> {
    let Some(head) = timeout(PATIENCE, read_head(&mut client)).await?? else {
        return answer(&mut client, "400 Bad Request", "This is an HTTP proxy.").await;
    };
    let tunnel = head.method == "CONNECT";
    let Some(destination) = destination(&head.target, tunnel) else {
        return answer(&mut client, "400 Bad Request", "The target must be host:port or an http:// URL.").await;
    };
    let mut server = match connect(&destination.host, destination.port, policy).await {
        Ok(server) => Counted::new(server, traffic),
        Err(refusal) => {
            if refusal.0 == FORBIDDEN {
                traffic.refused.fetch_add(1, Ordering::Relaxed);
            }
            return answer(&mut client, refusal.0, &refusal.1).await;
        }
    };
    if tunnel {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    } else {
        server.write_all(plain_request(&head, &destination).as_bytes()).await?;
    }
    server.write_all(&head.rest).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

async fn read_head(client: &mut TcpStream) -> io::Result<Option<Head>> {
    let (mut bytes, mut seen) = (Vec::new(), 0_usize);
    let end = loop {
        // What was looked at before holds no end, but may hold its beginning.
        let from = seen.saturating_sub(3);
        if let Some(end) = bytes[from..].windows(4).position(|window| window == b"\r\n\r\n") {
            break from + end;
        }
        seen = bytes.len();
        if bytes.len() > MAX_HEAD || client.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let rest = bytes.split_off(end + 4);
    let Ok(text) = std::str::from_utf8(&bytes[..end]) else { return Ok(None) };
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Ok(None);
    };
    let headers: Vec<_> = lines.map(str::to_owned).collect();
    if !headers.iter().all(|header| is_header(header)) {
        return Ok(None);
    }
    Ok(Some(Head { method: method.to_owned(), target: target.to_owned(), headers, rest }))
}

/// A name of token characters, a colon, and nothing that another reader could take for the end of a line (RFC 9112,
/// sections 2.2 and 5.1): what is passed on must mean to the server what it meant here.
fn is_header(line: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    line.split_once(':').is_some_and(|(name, value)| {
        !name.is_empty() && name.bytes().all(is_token) && !value.contains(['\r', '\n', '\0'])
    })
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
struct Destination {
    host: String,
    port: u16,
    /// Of plain requests; empty for tunnels.
    path: String,
}

fn destination(target: &str, tunnel: bool) -> Option<Destination> {
    let (authority, path) = if tunnel {
        (target, String::new())
    } else {
        let after = target.strip_prefix("http://")?;
        let split = after.find(['/', '?']).unwrap_or(after.len());
        let (authority, path) = after.split_at(split);
        (authority, if path.starts_with('/') { path.to_owned() } else { format!("/{path}") })
    };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ if tunnel => return None,
        _ => (authority, 80),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let plausible = !host.is_empty() && !host.contains('@') && host.bytes().all(|byte| byte.is_ascii_graphic());
    plausible.then(|| Destination { host: host.to_owned(), port, path })
}

/// A status line and a sentence.
type Refusal = (&'static str, String);

/// The status line of what the policy does not allow.
const FORBIDDEN: &str = "403 Forbidden";

/// Resolves once and connects to what was checked, so a name cannot mean another address a moment later.
async fn connect(host: &str, port: u16, policy: &Policy) -> Result<TcpStream, Refusal> {
    let forbidden = |why: &str| (FORBIDDEN, format!("{host} is not reachable from this sandbox: {why}."));
    if !policy.allows_host(host) {
        return Err(forbidden("the policy does not list it"));
    }
    let unknown = || ("502 Bad Gateway", format!("{host} cannot be resolved."));
    let resolved = timeout(PATIENCE, lookup_host((host, port))).await.map_err(|_| unknown())?.map_err(|_| unknown())?;
    let addresses: Vec<SocketAddr> = resolved.collect();
    let allowed: Vec<_> = addresses.iter().filter(|address| policy.allows_address(address.ip())).collect();
    if allowed.is_empty() && !addresses.is_empty() {
        return Err(forbidden("its address is private or reserved"));
    }
    for address in allowed {
        if let Ok(Ok(stream)) = timeout(PATIENCE, TcpStream::connect(address)).await {
            let _ = stream.set_nodelay(true);
            return Ok(stream);
        }
    }
    Err(("502 Bad Gateway", format!("{host} does not accept the connection.")))
}

/// The request as an origin server expects it, without what was meant for the proxy. The host is the one that was
/// checked, whatever the client's own header says.
fn plain_request(head: &Head, destination: &Destination) -> String {
    let Destination { host, port, path } = destination;
    let port = if *port == 80 { String::new() } else { format!(":{port}") };
    let mut request = format!("{} {path} HTTP/1.1\r\nHost: {host}{port}\r\n", head.method);
    for header in &head.headers {
        let name = header.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !matches!(name.as_str(), "host" | "connection" | "proxy-connection" | "proxy-authorization" | "keep-alive") {
            request.push_str(header);
            request.push_str("\r\n");
        }
    }
    request.push_str("Connection: close\r\n\r\n");
    request
}

async fn answer(client: &mut TcpStream, status: &str, message: &str) -> io::Result<()> {
    let length = message.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(message.as_bytes()).await?;
    client.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_mean_the_same_to_everybody() {
        for good in ["Host: a.org", "X-Y:", "accept:*/*"] {
            assert!(is_header(good), "{good:?}");
        }
        for bad in ["Host : a.org", " folded", "no colon", ":", "A: b\nHost: evil", "A: b\rHost: evil", "A\n: b"] {
            assert!(!is_header(bad), "{bad:?}");
        }
    }

    #[test]
    fn destinations_are_read_as_clients_write_them() {
        let owned =
            |host: &str, port, path: &str| Some(Destination { host: host.to_owned(), port, path: path.to_owned() });
        assert_eq!(destination("pypi.org:443", true), owned("pypi.org", 443, ""));
        assert_eq!(destination("[2606:4700::1111]:443", true), owned("2606:4700::1111", 443, ""));
        assert_eq!(destination("http://a.org/b?c", false), owned("a.org", 80, "/b?c"));
        assert_eq!(destination("http://a.org:8080", false), owned("a.org", 8080, "/"));
        assert_eq!(destination("http://a.org?x", false), owned("a.org", 80, "/?x"));
        for bad in ["pypi.org", "a b:1", ":443", "x@y:443", "a:99999"] {
            assert_eq!(destination(bad, true), None, "{bad}");
        }
        assert_eq!(destination("/local", false), None);
    }
}
