//! Adds up what waits in the sockets of a program, where no control group counts it.
//!
//! Internet sockets are read from `/proc/net`, those of the own file system from sock_diag(7), which alone knows about them.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};

/// Looks into the queues of one network.
#[derive(Debug)]
pub struct Queues {
    /// `None` where the kernel does not answer such questions.
    local: Option<OwnedFd>,
    /// Only sockets of this user count, where others are in sight.
    uid: Option<u32>,
}

/// Tables of internet sockets.
const TABLES: [&str; 4] = ["tcp", "tcp6", "udp", "udp6"];

// See linux/netlink.h, linux/sock_diag.h and linux/unix_diag.h.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const REQUEST_DUMP: u16 = 0x301;
const SHOW_QUEUES: u32 = 0x10;
const SHOW_MEMORY: u32 = 0x20;
const SHOW_USER: u32 = 0x40;
const QUEUES: u16 = 4;
const MEMORY: u16 = 5;
const USER: u16 = 7;
const DONE: u16 = 3;
const ERROR: u16 = 2;
const MESSAGE_HEAD: usize = 16;
const SOCKET_HEAD: usize = 16;
const ATTRIBUTE_HEAD: usize = 4;
/// In the list of what a socket holds: bytes that it has received, and bytes that it has sent and nobody has taken.
const RECEIVED: usize = 0;
const SENT: usize = 2;

impl Queues {
    /// Prepares to look.
    pub fn new(uid: Option<u32>) -> Self {
        let (family, protocol) = (AddressFamily::Netlink, SockProtocol::NetlinkSockDiag);
        Self { local: socket(family, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol).ok(), uid }
    }

    /// What waits now. Where the kernel says nothing that is 0.
    pub fn held_bytes(&self) -> u64 {
        let tables = TABLES.iter().filter_map(|name| fs::read_to_string(format!("/proc/net/{name}")).ok());
        let internet: u64 = tables.map(|table| of_table(&table, self.uid)).sum();
        internet + self.local.as_ref().and_then(|socket| of_local(socket, self.uid).ok()).unwrap_or(0)
    }
}

/// Adds up the queues in one of the kernel's tables, see proc_pid_net(5).
fn of_table(table: &str, uid: Option<u32>) -> u64 {
    let of_line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let owner: u32 = fields.get(7)?.parse().ok()?;
        let (sent, received) = fields.get(4)?.split_once(':')?;
        let bytes = |hex| u64::from_str_radix(hex, 16).ok();
        uid.is_none_or(|uid| uid == owner).then_some(bytes(sent)? + bytes(received)?)
    };
    table.lines().skip(1).filter_map(of_line).sum()
}

/// Asks for all sockets of the own file system and adds up what they hold.
fn of_local(socket: &OwnedFd, uid: Option<u32>) -> nix::Result<u64> {
    let mut request = Vec::with_capacity(40);
    request.extend(40_u32.to_ne_bytes());
    request.extend([SOCK_DIAG_BY_FAMILY, REQUEST_DUMP].into_iter().flat_map(u16::to_ne_bytes));
    request.extend([0_u32; 2].into_iter().flat_map(u32::to_ne_bytes));
    request.extend([libc::AF_UNIX as u8, 0, 0, 0]);
    // All states, no certain inode, what to show, and no cookie.
    let body = [u32::MAX, 0, SHOW_QUEUES | SHOW_MEMORY | SHOW_USER, 0, 0];
    request.extend(body.into_iter().flat_map(u32::to_ne_bytes));
    send(socket.as_raw_fd(), &request, MsgFlags::empty())?;
    let (mut buffer, mut sum) = (vec![0; 32 * 1_024], 0);
    loop {
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let mut answer = buffer.get(..length).ok_or(Errno::EMSGSIZE)?;
        while let Some((kind, message, rest)) = next(answer, MESSAGE_HEAD, |head| number(head, 0)) {
            match kind {
                DONE => return Ok(sum),
                ERROR => return Err(Errno::EOPNOTSUPP),
                _ => sum += message.get(SOCKET_HEAD..).map_or(0, |attributes| of_socket(attributes, uid)),
            }
            answer = rest;
        }
    }
}

/// What one socket holds by its attributes. Who has sent counts, and also who is to receive: the sender may be gone.
fn of_socket(mut attributes: &[u8], uid: Option<u32>) -> u64 {
    let (mut held, mut owner) = (0, None);
    while let Some((kind, value, rest)) = next(attributes, ATTRIBUTE_HEAD, |head| u32::from(short(head, 0))) {
        match kind {
            QUEUES => held += u64::from(number(value, 0)),
            MEMORY => held += u64::from(number(value, RECEIVED * 4)) + u64::from(number(value, SENT * 4)),
            USER => owner = Some(number(value, 0)),
            _ => {}
        }
        attributes = rest;
    }
    if uid.is_none_or(|uid| owner == Some(uid)) { held } else { 0 }
}

/// Splits the first record off: its kind, which lies 4 or 2 bytes into its head, its content, and what follows.
fn next(bytes: &[u8], head: usize, length: impl Fn(&[u8]) -> u32) -> Option<(u16, &[u8], &[u8])> {
    if bytes.len() < head {
        return None;
    }
    let length = length(bytes) as usize;
    let content = bytes.get(head..length)?;
    let kind = short(bytes, if head == ATTRIBUTE_HEAD { 2 } else { 4 });
    // Records begin at multiples of four bytes.
    Some((kind, content, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn short(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map_or(0, u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::UdpSocket;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_waited_in_sockets_was_nobody_s_memory() {
        let own = nix::unistd::geteuid().as_raw();
        let queues = Queues::new(Some(own));
        let before = queues.held_bytes();
        let (mut sender, receiver) = UnixStream::pair().unwrap();
        sender.write_all(&vec![1; 100_000]).unwrap();
        let local = queues.held_bytes();
        assert!(local >= before + 100_000, "{before} {local}");
        // The queue stays when its sender is gone.
        drop(sender);
        assert!(queues.held_bytes() >= before + 100_000);
        drop(receiver);

        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.send_to(&vec![1; 60_000], receiver.local_addr().unwrap()).unwrap();
        assert!(Queues::new(None).held_bytes() >= 60_000);
        assert!(queues.held_bytes() >= 60_000);
        assert!(Queues::new(Some(own + 1)).held_bytes() < 60_000, "nobody else's");
    }

    #[test]
    fn a_table_is_read_as_the_kernel_writes_it() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                     0: 0100007F:2329 00000000:0000 07 00000010:000004F0 00:00000000 00000000  1000        0 271 2 0 0\n";
        assert_eq!(of_table(table, Some(1_000)), 0x10 + 0x4f0);
        assert_eq!(of_table(table, Some(1)), 0);
        assert_eq!(of_table("", None) + of_table("head\nnot a line\n", None), 0);
    }

    #[test]
    fn records_that_are_cut_end_the_list() {
        assert!(next(&[1, 2], ATTRIBUTE_HEAD, |head| u32::from(short(head, 0))).is_none());
        let longer = [9_u16.to_ne_bytes(), 5_u16.to_ne_bytes()].concat();
        assert_eq!(of_socket(&longer, None), 0);
        let zero = [0_u8; 8];
        assert_eq!(of_socket(&zero, None), 0, "and so does one without a length");
    }
}
