//! The name that a client asks a TLS server for, which it says in clear before anything else (RFC 8446, section 4.1.2; RFC
//! 6066, section 3).
//!
//! Many servers answer for many names. Where a policy lists names, a tunnel to one of them must not end at another one.

use std::net::IpAddr;

/// What the first bytes of a tunnel are.
#[derive(Debug, PartialEq, Eq)]
pub enum Hello {
    /// The beginning of a greeting; its end is still to come.
    Incomplete,
    /// A greeting, with the name in it.
    Named(Option<String>),
    /// Something else.
    Other,
}

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const RECORD_HEAD: usize = 5;
/// Bytes of the longest record.
pub const MAX_RECORD: usize = RECORD_HEAD + (1 << 14);

impl Hello {
    /// Reads what a client has sent so far. A greeting in several records is nothing that clients in use send.
    pub fn read(bytes: &[u8]) -> Self {
        match *bytes {
            [] | [HANDSHAKE] | [HANDSHAKE, 3] | [HANDSHAKE, 3, _] | [HANDSHAKE, 3, _, _] => Self::Incomplete,
            [HANDSHAKE, 3, _, high, low, ref rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                match rest.get(..length) {
                    Some(record) => read_record(record).map_or(Self::Other, Self::Named),
                    None if length <= MAX_RECORD => Self::Incomplete,
                    None => Self::Other,
                }
            }
            _ => Self::Other,
        }
    }

    /// Whether the client asks for `host`. For an address clients name nothing.
    pub fn is_for(&self, host: &str) -> bool {
        match self {
            Self::Named(Some(name)) => name.eq_ignore_ascii_case(host.trim_end_matches('.')),
            Self::Named(None) => host.parse::<IpAddr>().is_ok(),
            _ => false,
        }
    }
}

/// The name in a greeting; `None` for what is no greeting.
fn read_record(record: &[u8]) -> Option<Option<String>> {
    let mut record = Reader(record);
    if record.number(1)? != u32::from(CLIENT_HELLO) {
        return None;
    }
    let length = record.number(3)?;
    let mut hello = Reader(record.take(length)?);
    // Version and random bytes; then the session, the ciphers and the compressions, each with its length.
    hello.take(34)?;
    for size in [1, 2, 1] {
        hello.list(size)?;
    }
    if hello.0.is_empty() {
        return Some(None);
    }
    let mut extensions = Reader(hello.list(2)?);
    while !extensions.0.is_empty() {
        let (kind, content) = (extensions.number(2)?, extensions.list(2)?);
        if kind != u32::from(SERVER_NAME) {
            continue;
        }
        let mut names = Reader(Reader(content).list(2)?);
        // There is one kind of name, 0, and one name of it.
        if names.number(1)? != 0 {
            return None;
        }
        return Some(Some(String::from_utf8(names.list(2)?.to_vec()).ok()?));
    }
    Some(None)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length as usize)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes, the highest first.
    fn number(&mut self, bytes: u32) -> Option<u32> {
        Some(self.take(bytes)?.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }

    /// Bytes after a number that says how many they are.
    fn list(&mut self, bytes: u32) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(size: usize, content: &[u8]) -> Vec<u8> {
        let length = (content.len() as u32).to_be_bytes();
        [&length[4 - size..], content].concat()
    }

    fn greeting(name: Option<&str>) -> Vec<u8> {
        let server = name.map(|name| {
            let names = list(2, &[&[0][..], &list(2, name.as_bytes())].concat());
            [&[0, 0][..], &list(2, &names)].concat()
        });
        let extensions = [vec![0, 43], list(2, &[2, 3, 4]), server.unwrap_or_default()].concat();
        let hello = [vec![3; 34], list(1, &[9; 32]), list(2, &[19, 1]), list(1, &[0]), list(2, &extensions)].concat();
        let handshake = [vec![CLIENT_HELLO], list(3, &hello)].concat();
        [vec![HANDSHAKE, 3, 1], list(2, &handshake)].concat()
    }

    #[test]
    fn a_tunnel_to_a_listed_name_ended_at_another_one() {
        let hello = Hello::read(&greeting(Some("A.example.org")));
        assert_eq!(hello, Hello::Named(Some("A.example.org".into())));
        assert!(hello.is_for("a.example.org") && hello.is_for("a.example.org."));
        assert!(!hello.is_for("b.example.org"));
        let unnamed = Hello::read(&greeting(None));
        assert!(unnamed.is_for("192.0.2.1") && !unnamed.is_for("a.example.org"));
        assert_eq!(Hello::read(b"GET / HTTP/1.1\r\n"), Hello::Other);
        assert!(!Hello::Other.is_for("a.example.org"));
    }

    #[test]
    fn every_beginning_of_a_greeting_is_incomplete() {
        let whole = greeting(Some("a.org"));
        for length in 0..whole.len() {
            assert_eq!(Hello::read(&whole[..length]), Hello::Incomplete, "{length}");
        }
        assert_eq!(
            Hello::read(&[whole.clone(), vec![1, 2, 3]].concat()),
            Hello::read(&whole),
            "what follows is not its"
        );
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            Hello::read(&bytes);
            Hello::read(&[&[HANDSHAKE, 3, 3, 0, bytes.len() as u8][..], &bytes].concat());
            let length = bytes.len() as u8;
            Hello::read(&[&[HANDSHAKE, 3, 3, 0, length + 4, CLIENT_HELLO, 0, 0, length][..], &bytes].concat());
        }
    }
}
