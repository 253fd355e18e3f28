//! The y-websocket protocol: reads and writes its messages.
//!
//! <https://github.com/yjs/y-protocols/blob/master/PROTOCOL.md>: a message is a number for its type and then its content.
//! Each binary frame holds one message.

use crate::lib0_encoding::{Reader, Writer};

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;
/// Our extension: a message of the JSON protocol as a string, for clients that connect with `?events=1`. Stock clients do
/// not know it.
const EVENT: u64 = 100;
const PERMISSION_DENIED: u64 = 0;
const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;

/// A message from a client.
#[derive(Debug, PartialEq, Eq)]
pub enum YjsMessage<'a> {
    /// The client's state vector. The room answers with the structs that the client lacks.
    Step1(Vec<(u64, u32)>),
    /// An update: the answer to the room's own step 1.
    Step2(&'a [u8]),
    Update(&'a [u8]),
    Presence(Vec<PresenceEntry<'a>>),
    QueryPresence,
    /// A message of another type, which rooms ignore.
    Other,
}

/// The presence of one Yjs client; the state is a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PresenceEntry<'a> {
    pub client: u64,
    pub clock: u64,
    pub state: &'a str,
}

/// The presence state of a client that has gone offline.
pub const OFFLINE: &str = "null";

/// Reads a frame; `None` if it is malformed.
pub fn read(frame: &[u8]) -> Option<YjsMessage<'_>> {
    let mut reader = Reader::new(frame);
    let message = match reader.number()? {
        SYNC => match reader.number()? {
            STEP_1 => YjsMessage::Step1(read_state_vector(reader.buffer()?)?),
            STEP_2 => YjsMessage::Step2(reader.buffer()?),
            UPDATE => YjsMessage::Update(reader.buffer()?),
            _ => return None,
        },
        AWARENESS => YjsMessage::Presence(read_entries(reader.buffer()?)?),
        QUERY_AWARENESS => YjsMessage::QueryPresence,
        _ => return Some(YjsMessage::Other),
    };
    Some(message)
}

fn read_state_vector(bytes: &[u8]) -> Option<Vec<(u64, u32)>> {
    let mut reader = Reader::new(bytes);
    (0..reader.length()?).map(|_| Some((reader.number()?, reader.length()?))).collect()
}

fn read_entries(bytes: &[u8]) -> Option<Vec<PresenceEntry<'_>>> {
    let mut reader = Reader::new(bytes);
    (0..reader.length()?)
        .map(|_| Some(PresenceEntry { client: reader.number()?, clock: reader.number()?, state: reader.string()? }))
        .collect()
}

/// The request for the structs that the room lacks.
pub fn step_1(state_vector: &[u8]) -> Vec<u8> {
    Writer::default().number(SYNC).number(STEP_1).buffer(state_vector).finish()
}

/// The answer to a step 1.
pub fn step_2(update: &[u8]) -> Vec<u8> {
    Writer::default().number(SYNC).number(STEP_2).buffer(update).finish()
}

/// An update of the document.
pub fn update(update: &[u8]) -> Vec<u8> {
    Writer::default().number(SYNC).number(UPDATE).buffer(update).finish()
}

/// The presence of some clients.
pub fn presence<'a>(entries: impl ExactSizeIterator<Item = PresenceEntry<'a>>) -> Vec<u8> {
    let mut content = Writer::default().number(entries.len() as u64);
    for PresenceEntry { client, clock, state } in entries {
        content = content.number(client).number(clock).buffer(state.as_bytes());
    }
    Writer::default().number(AWARENESS).buffer(&content.finish()).finish()
}

/// The message that says why the room refuses a client, <https://github.com/yjs/y-protocols/blob/master/auth.js>. Stock
/// clients print it.
pub fn permission_denied(reason: &str) -> Vec<u8> {
    Writer::default().number(AUTH).number(PERMISSION_DENIED).buffer(reason.as_bytes()).finish()
}

/// A message of the JSON protocol.
pub fn event(message: &str) -> Vec<u8> {
    Writer::default().number(EVENT).buffer(message.as_bytes()).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn yjs_protocol_format_unchanged() {
        assert_eq!(step_1(&[0]), [0, 0, 1, 0]);
        assert_eq!(step_2(&[0, 0]), [0, 1, 2, 0, 0]);
        assert_eq!(update(&[0, 0]), [0, 2, 2, 0, 0]);
        let entry = PresenceEntry { client: 300, clock: 2, state: "{}" };
        assert_eq!(presence([entry].into_iter()), [1, 7, 1, 0xac, 2, 2, 2, b'{', b'}']);
        assert_eq!(event("{}"), [100, 2, b'{', b'}']);
        assert_eq!(permission_denied("no"), [2, 0, 2, b'n', b'o']);
        assert_eq!(read(&[0, 0, 3, 1, 5, 7]), Some(YjsMessage::Step1(vec![(5, 7)])));
        assert_eq!(read(&presence([entry].into_iter())), Some(YjsMessage::Presence(vec![entry])));
        assert_eq!(
            (read(&[3]), read(&[2, 1]), read(&[])),
            (Some(YjsMessage::QueryPresence), Some(YjsMessage::Other), None)
        );
    }

    proptest! {
        #[test]
        fn any_frame_is_read_or_rejected(mut frame: Vec<u8>, kind in 0..4_u8, step in 0..4_u8) {
            frame.insert(0, step);
            frame.insert(0, kind);
            let _ = read(&frame);
        }
    }
}
