//! The rules of the network namespace that container and side-car share: closed, but for what the settings open.

use crate::settings::Settings;
use crate::{DNS_PORT, EGRESS_PORT};
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

/// Replaces all rules at once.
///
/// # Errors
/// What iptables says. The old rules then stay, which are closed ones at the start only.
pub fn apply(settings: &Settings) -> Result<(), String> {
    restore("iptables-restore", &filter(settings))?;
    restore("iptables-restore", &redirections(settings))?;
    let ipv6 = fs::read_to_string("/proc/sys/net/ipv6/conf/all/disable_ipv6");
    if ipv6.is_ok_and(|disabled| disabled.trim() == "0") {
        restore("ip6tables-restore", CLOSED_IPV6)?;
    }
    Ok(())
}

const CLOSED_IPV6: &str = "*filter\n:INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT DROP\n-A OUTPUT -o lo -j ACCEPT\n\
    -A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A OUTPUT -j REJECT\nCOMMIT\n";

fn filter(Settings { gateway, port, internet, .. }: &Settings) -> String {
    let dns = if *internet { "-A OUTPUT -p udp --dport 53 -j ACCEPT\n" } else { "" };
    format!(
        "*filter\n:INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT DROP\n\
         -A OUTPUT -o lo -j ACCEPT\n-A OUTPUT -d 127.0.0.0/8 -j ACCEPT\n\
         -A OUTPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n\
         -A OUTPUT -p tcp -d {gateway} --dport {port} -j ACCEPT\n{dns}\
         -A OUTPUT -p tcp -j REJECT --reject-with tcp-reset\n-A OUTPUT -j REJECT\nCOMMIT\n"
    )
}

fn redirections(Settings { gateway, port, internet, intercepted }: &Settings) -> String {
    // Where nothing is open, a refused connection says more than one that is accepted and then closed.
    let tcp = if *internet || !intercepted.is_empty() {
        format!("-A OUTPUT -p tcp -j REDIRECT --to-ports {EGRESS_PORT}\n")
    } else {
        String::new()
    };
    let dns = if *internet {
        String::new()
    } else {
        format!("-A OUTPUT -p udp --dport 53 -j REDIRECT --to-ports {DNS_PORT}\n")
    };
    format!(
        "*nat\n:OUTPUT ACCEPT\n-A OUTPUT -o lo -j RETURN\n-A OUTPUT -d 127.0.0.0/8 -j RETURN\n\
         -A OUTPUT -p tcp -d {gateway} --dport {port} -j RETURN\n{tcp}{dns}COMMIT\n"
    )
}

/// Runs `command`, or its older form where the kernel lacks nftables.
fn restore(command: &str, rules: &str) -> Result<(), String> {
    let legacy = command.replace("-restore", "-legacy-restore");
    feed(command, rules).or_else(|error| feed(&legacy, rules).map_err(|_| error))
}

fn feed(command: &str, rules: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{command}: {error}");
    let mut child = Command::new(command).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(rules.as_bytes()).map_err(failed)?;
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
