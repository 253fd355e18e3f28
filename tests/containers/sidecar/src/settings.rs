//! What workerd wants: from the command line at start, from `PUT /egress` later.

use serde::Deserialize;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};

/// The command line, as far as it decides anything here.
pub struct Options {
    /// Where workerd listens on the gateway for connections that the container opens.
    pub egress_port: u16,
    /// Where to listen for workerd.
    pub ingress: String,
}

impl Options {
    /// Reads `--name value` and `--name=value`; what is not known decides nothing.
    pub fn read(arguments: impl Iterator<Item = String>) -> Self {
        let mut options = Self { egress_port: 49_121, ingress: "0.0.0.0:39001".to_owned() };
        let mut words =
            arguments.flat_map(|word| word.splitn(2, '=').map(str::to_owned).collect::<Vec<_>>()).peekable();
        while let Some(name) = words.next() {
            let Some(value) = words.next_if(|word| !word.starts_with("--")) else { continue };
            match name.as_str() {
                "--http-egress-port" => options.egress_port = value.parse().unwrap_or(options.egress_port),
                "--http-ingress-address" => options.ingress = value,
                _ => {}
            }
        }
        options
    }
}

/// What the container may reach at the moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub gateway: IpAddr,
    pub port: u16,
    pub internet: bool,
    /// Names, with `*`, whose connections workerd wants to see.
    pub intercepted: Vec<String>,
}

/// The body of `PUT /egress`. Whatever it leaves out stays as it was.
#[derive(Debug, Deserialize)]
pub struct Update {
    port: Option<u16>,
    dns: Option<Dns>,
    internet: Option<Internet>,
}

#[derive(Debug, Deserialize)]
struct Dns {
    #[serde(rename = "allowHostnames", default)]
    allow_hostnames: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Internet {
    enabled: bool,
}

impl Settings {
    /// Nothing may be reached.
    pub fn closed(gateway: IpAddr, port: u16) -> Self {
        Self { gateway, port, internet: false, intercepted: Vec::new() }
    }

    /// These settings with an update.
    pub fn with(&self, update: Update) -> Self {
        let lower = |dns: Dns| dns.allow_hostnames.iter().map(|name| name.to_lowercase()).collect();
        Self {
            gateway: self.gateway,
            port: update.port.unwrap_or(self.port),
            internet: update.internet.map_or(self.internet, |internet| internet.enabled),
            intercepted: update.dns.map_or_else(|| self.intercepted.clone(), lower),
        }
    }

    /// Whether workerd wants to see connections to `name`.
    pub fn intercepts(&self, name: &str) -> bool {
        self.intercepted.iter().any(|pattern| matches(pattern.as_bytes(), name.as_bytes()))
    }
}

/// The host, as the container sees it.
pub fn gateway() -> Result<IpAddr, String> {
    let named = ("host.docker.internal", 0u16).to_socket_addrs().ok();
    let named = named.and_then(|mut addresses| addresses.find(|address| address.is_ipv4())).map(|found| found.ip());
    named.or_else(default_route).ok_or_else(|| "There is neither host.docker.internal nor a default route.".to_owned())
}

fn default_route() -> Option<IpAddr> {
    let table = fs::read_to_string("/proc/net/route").ok()?;
    let mut routes = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let gateway = routes.find(|fields| fields.get(1) == Some(&"00000000"))?.get(2)?.to_string();
    Some(Ipv4Addr::from(u32::from_str_radix(&gateway, 16).ok()?.swap_bytes()).into())
}

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skipped| matches(rest, &name[skipped..])),
        Some((byte, rest)) => name.split_first().is_some_and(|(first, others)| byte == first && matches(rest, others)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_in_both_forms_and_between_unknown_ones() {
        let read = |words: &[&str]| Options::read(words.iter().map(|&word| word.to_owned()));
        let spaced = ["--http-egress-port", "7", "--dns-enabled", "--http-ingress-address", "0.0.0.0:1"];
        for options in [read(&spaced), read(&["--http-egress-port=7", "--http-ingress-address=0.0.0.0:1", "--x"])] {
            assert_eq!((options.egress_port, options.ingress.as_str()), (7, "0.0.0.0:1"));
        }
    }

    #[test]
    fn an_update_leaves_alone_what_it_does_not_name() {
        let closed = Settings::closed(Ipv4Addr::LOCALHOST.into(), 1);
        let update = |text| serde_json::from_str(text).unwrap();
        let open = closed.with(update(r#"{"internet":{"enabled":true},"dns":{"allowHostnames":["*.Example.com"]}}"#));
        assert!(open.internet && open.port == 1 && open.intercepts("a.example.com") && !open.intercepts("example.com"));
        assert_eq!(open.with(update(r#"{"port":2}"#)), Settings { port: 2, ..open.clone() });
    }
}
