//! The only way out of a jail: an HTTP proxy in the runner that decides, name by name and address by address.
//!
//! A jail has a network of its own with nothing but loopback on it. Where its policy allows more, the server holds
//! a socket that listens inside that network, and connects to what [`policy`] lets through.

mod body;
mod hello;
pub mod policy;
mod proxy;
mod resolve;
mod traffic;

pub use policy::{Policy, Service};
pub use proxy::{serve, serve_sandbox};
pub use traffic::Traffic;

use crate::jail::launch::EGRESS_ADDRESS;

/// The variables that make HTTP clients use the proxy.
pub fn environment() -> Vec<(String, String)> {
    let proxy = format!("http://{EGRESS_ADDRESS}");
    let names = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"];
    let mut variables: Vec<_> = names.iter().map(|name| ((*name).to_owned(), proxy.clone())).collect();
    variables.push(("NO_PROXY".into(), "localhost,127.0.0.1".into()));
    variables.push(("no_proxy".into(), "localhost,127.0.0.1".into()));
    // Node's own fetch and http modules look at the variables above only when told to.
    variables.push(("NODE_USE_ENV_PROXY".into(), "1".into()));
    variables
}
