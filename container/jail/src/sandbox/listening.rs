//! Which TCP sockets listen in the network of a sandbox, as proc_pid_net(5) lists them.

use std::fs;
use std::io;

/// `TCP_LISTEN` of the kernel's table of states.
const LISTEN: &str = "0A";

/// Whether a socket of IPv4 or IPv6 listens on the port, whatever its address.
pub fn listening(port: u16) -> io::Result<bool> {
    // A kernel without IPv6 has no second table.
    let tables =
        [fs::read_to_string("/proc/self/net/tcp")?, fs::read_to_string("/proc/self/net/tcp6").unwrap_or_default()];
    Ok(tables.iter().any(|table| lists(table, port)))
}

/// A line is its number, the local address and port, the remote ones, the state, and more.
fn lists(table: &str, port: u16) -> bool {
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().and_then(|address| address.rsplit(':').next());
        let state = fields.nth(1);
        state == Some(LISTEN) && local.and_then(|digits| u16::from_str_radix(digits, 16).ok()) == Some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_listens_counts() {
        let table = "  sl  local_address rem_address   st tx_queue\n\
                        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n\
                        1: 0100007F:1F91 0100007F:D431 01 00000000:00000000\n\
                        2: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A 0:0\n";
        assert!(lists(table, 8_080) && lists(table, 3_000));
        assert!(!lists(table, 8_081), "it is connected");
        assert!(!lists(table, 80) && !lists("", 80));
    }
}
