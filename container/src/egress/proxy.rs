//! The proxy itself: `CONNECT` for everything encrypted, absolute-form requests for plain HTTP.
//!
//! It reads one request head per connection. A second plain request for another host cannot ride on the first one's
//! permission: plain requests are sent on with `Connection: close`, and nothing is passed on after the first one's body.

use super::body::Body;
use super::hello::{Hello, MAX_RECORD};
use super::policy::Policy;
use super::resolve::Resolver;
use super::traffic::{Counted, Traffic};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, copy, copy_bidirectional, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Bytes of a request head; servers in the field accept 8 to 64 KiB.
const MAX_HEAD: usize = 32 * 1_024;
/// Connections of one jail at a time.
const MAX_CONNECTIONS: usize = 64;
/// Connections of one jail in all: installing the largest trees in use takes a few thousand.
const MAX_TOTAL: u32 = 20_000;
/// After a connection that could not be accepted: the runner may have no descriptor left for a while.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Time to resolve, to connect, and to send a head.
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves one jail until its listener is closed; dropping the future ends every connection with it. What the
/// policy refuses, and what leaves, is counted in `traffic`.
pub async fn serve(listener: TcpListener, policy: Policy, traffic: Arc<Traffic>) {
    serve_at_most(MAX_TOTAL, listener, policy, traffic).await;
}

/// Serves a jail that stays: its connections are bounded at a time and not in all.
pub async fn serve_sandbox(listener: TcpListener, policy: Policy, traffic: Arc<Traffic>) {
    serve_at_most(u32::MAX, listener, policy, traffic).await;
}

async fn serve_at_most(most: u32, listener: TcpListener, policy: Policy, traffic: Arc<Traffic>) {
    let (policy, places) = (Arc::new(policy), Arc::new(Semaphore::new(MAX_CONNECTIONS)));
    let (mut connections, resolver) = (tokio::task::JoinSet::new(), Resolver::default());
    for _ in 0..most {
        let Ok(place) = places.clone().acquire_owned().await else { return };
        let client = loop {
            match listener.accept().await {
                Ok((client, _)) => break client,
                // The connection stays in the queue of the listener, and the jail keeps its way out.
                Err(_) => sleep(ACCEPT_PAUSE).await,
            }
        };
        let (policy, traffic, resolver) = (policy.clone(), traffic.clone(), resolver.clone());
        connections.spawn(async move {
            // A connection that breaks is the client's to notice.
            let _ = relay(client, &policy, &resolver, &traffic).await;
            drop(place);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One request line and its headers, and what came after them.
struct Head {
    method: String,
    target: String,
    headers: Vec<String>,
    rest: Vec<u8>,
}

async fn relay(mut client: TcpStream, policy: &Policy, resolver: &Resolver, traffic: &Traffic) -> io::Result<()> {
    let Some(head) = timeout(PATIENCE, read_head(&mut client)).await?? else {
        return answer(&mut client, "400 Bad Request", "This is an HTTP proxy.").await;
    };
    let tunnel = head.method == "CONNECT";
    let Some(destination) = destination(&head.target, tunnel) else {
        return answer(&mut client, "400 Bad Request", "The target must be host:port or an http:// URL.").await;
    };
    let Some(body) = Body::of(&head.headers).filter(|body| !tunnel || *body == Body::Length(0)) else {
        return answer(&mut client, "400 Bad Request", "The length of the body is not clear.").await;
    };
    let mut server = match connect(&destination.host, destination.port, policy, resolver).await {
        Ok(server) => Counted::new(server, traffic),
        Err(refusal) => {
            if refusal.0 == FORBIDDEN {
                traffic.refuse(&destination.host, destination.port);
            }
            return answer(&mut client, refusal.0, &refusal.1).await;
        }
    };
    if tunnel {
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        let mut first = head.rest;
        if policy.wants_name(destination.port) && !names(&mut client, &mut first, &destination.host).await? {
            traffic.refuse(&destination.host, destination.port);
            return Ok(());
        }
        server.write_all(&first).await?;
        return copy_bidirectional(&mut client, &mut server).await.map(drop);
    }
    server.write_all(plain_request(&head, &destination).as_bytes()).await?;
    let ((from_client, mut to_client), (mut from_server, mut to_server)) = (client.split(), split(server));
    let mut request = BufReader::new(head.rest.as_slice().chain(from_client));
    let answered = async {
        copy(&mut from_server, &mut to_client).await?;
        to_client.shutdown().await
    };
    tokio::pin!(answered);
    tokio::select! {
        // A server may answer before it has read everything.
        result = &mut answered => return result,
        passed = body.pass(&mut request, &mut to_server) => passed?,
    }
    answered.await
}

/// Reads the greeting of a client that begins with TLS into `first`; whether it asks for `host`.
async fn names(client: &mut TcpStream, first: &mut Vec<u8>, host: &str) -> io::Result<bool> {
    loop {
        match Hello::read(first) {
            Hello::Incomplete if first.len() <= MAX_RECORD => {
                if timeout(PATIENCE, client.read_buf(first)).await?? == 0 {
                    return Ok(false);
                }
            }
            hello => return Ok(hello.is_for(host)),
        }
    }
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
    if !is_token(method) || !is_visible(target) || !headers.iter().all(|header| is_header(header)) {
        return Ok(None);
    }
    Ok(Some(Head { method: method.to_owned(), target: target.to_owned(), headers, rest }))
}

/// A name of token characters, a colon, and nothing that another reader could take for the end of a line (RFC 9112,
/// sections 2.2 and 5.1): what is passed on must mean to the server what it meant here.
fn is_header(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, value)| is_token(name) && !value.contains(['\r', '\n', '\0']))
}

/// A method or the name of a header field (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The request line ends where it ends for everybody.
fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
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
async fn connect(host: &str, port: u16, policy: &Policy, resolver: &Resolver) -> Result<TcpStream, Refusal> {
    let forbidden = |why: &str| (FORBIDDEN, format!("{host} is not reachable from this sandbox: {why}."));
    if !policy.allows(host, port) {
        return Err(forbidden("the policy does not list it, or not this port"));
    }
    let unknown = |_| ("502 Bad Gateway", format!("{host} cannot be resolved."));
    let addresses = resolver.resolve(host, port, PATIENCE).await.map_err(unknown)?;
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
    fn a_request_line_was_three_lines_to_a_server_that_accepts_line_feeds() {
        assert!(is_token("GET") && is_visible("http://a.org/x?y#z"));
        for target in ["http://a/x\nHost:evil\nX:", "http://a/\r", "http://a/\0", "http://a/\u{e9}", "http://a/\t"] {
            assert!(!is_visible(target), "{target:?}");
        }
        for method in ["", "G ET", "GET\n", "G(T"] {
            assert!(!is_token(method), "{method:?}");
        }
    }

    #[tokio::test]
    async fn only_the_body_of_the_first_plain_request_is_passed_on() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, address) = (server.local_addr().unwrap().port(), proxy.local_addr().unwrap());
        let policy = Policy::Trusted(crate::egress::Service::of_option(&format!("127.0.0.1:{port}")));
        let serving = tokio::spawn(serve(proxy, policy, Arc::default()));
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "POST http://127.0.0.1:{port}/a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\n\r\n"
        );
        client.write_all(request.as_bytes()).await.unwrap();
        let (mut connection, _) = server.accept().await.unwrap();
        let mut head = vec![0; 16 * 1_024];
        let mut length = 0;
        while !head[..length].ends_with(b"\r\n\r\nhi") {
            length += connection.read(&mut head[length..]).await.unwrap();
        }
        connection.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
        connection.shutdown().await.unwrap();
        let mut answered = String::new();
        client.read_to_string(&mut answered).await.unwrap();
        assert!(answered.starts_with("HTTP/1.1 204"), "{answered}");
        drop(client);
        let mut rest = Vec::new();
        // The proxy may end the connection hard: it leaves unread what it was not to read.
        let _ = connection.read_to_end(&mut rest).await;
        assert_eq!(rest, b"", "nothing of a second request");
        serving.abort();
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
