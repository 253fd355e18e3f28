//! Stands in for the networking side-car that workerd starts beside every local container.
//!
//! workerd takes the image's name from its configuration and speaks to whatever runs in it: [`ingress`] carries
//! connections into the container and takes the settings, [`egress`] asks workerd about every connection that the
//! container opens, [`dns`] answers for names, and [`firewall`] closes every other way. The contract
//! is workerd's `container-client.c++`. TLS is never intercepted, and IPv6 is closed.

mod dns;
mod egress;
mod firewall;
mod http;
mod ingress;
mod settings;

use settings::{Options, Settings};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;

/// Where redirected connections arrive.
const EGRESS_PORT: u16 = 41_209;
/// Where redirected questions for names arrive.
const DNS_PORT: u16 = 41_053;

/// What all threads look at.
type Shared = Arc<Mutex<Settings>>;

fn main() -> ExitCode {
    match serve(Options::read(std::env::args().skip(1))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: Options) -> Result<(), String> {
    let settings = Settings::closed(settings::gateway()?, options.egress_port);
    let failed = |error: std::io::Error| error.to_string();
    let redirected = TcpListener::bind((Ipv4Addr::LOCALHOST, EGRESS_PORT)).map_err(failed)?;
    let questions = UdpSocket::bind((Ipv4Addr::LOCALHOST, DNS_PORT)).map_err(failed)?;
    // Before anything can run in this network namespace: workerd starts the container when the ingress port answers.
    firewall::apply(&settings)?;
    let settings: Shared = Arc::new(Mutex::new(settings));
    let (for_egress, for_dns) = (settings.clone(), settings.clone());
    thread::spawn(move || egress::serve(&redirected, &for_egress));
    thread::spawn(move || dns::serve(&questions, &for_dns));
    let listener = TcpListener::bind(&options.ingress).map_err(failed)?;
    ingress::serve(&listener, &settings);
    Ok(())
}
