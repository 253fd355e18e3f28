//! What y-websocket clients say and hear, frame by frame.
//!
//! <https://github.com/yjs/y-protocols/blob/master/PROTOCOL.md>: a number that says what follows, then its content. One
//! frame is one message.

use crate::lib0::{Reader, Writer};

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const QUERY_AWARENESS: u64 = 3;
/// Ours: a message of the JSON protocol as a string, for those who asked for it. Stock clients do not know it.
const EVENT: u64 = 100;
const STEP_1: u64 = 0;
const STEP_2: u64 = 1;
const UPDATE: u64 = 2;

/// A frame from a client.
#[derive(Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// What it knows of each client's structs, and the wish for the rest.
    Step1(Vec<(u64, u32)>),
    /// An update that answers our own step 1.
    Step2(&'a [u8]),
    Update(&'a [u8]),
    Presence(Vec<Entry<'a>>),
    QueryPresence,
    /// Something that this protocol has room for and rooms have no use for.
    Other,
}

/// Somebody's presence; the state is a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    pub client: u64,
    pub clock: u64,
    pub state: &'a str,
}

/// What stands for nobody there.
pub const GONE: &str = "null";

/// Reads a frame; `None` where it is none.
pub fn read(frame: &[u8]) -> Option<Said<'_>> {
    let mut reader = Reader::new(frame);
    let said = match reader.number()? {
        SYNC => match reader.number()? {
            STEP_1 => Said::Step1(read_state_vector(reader.buffer()?)?),
            STEP_2 => Said::Step2(reader.buffer()?),
            UPDATE => Said::Update(reader.buffer()?),
            _ => return None,
        },
        AWARENESS => Said::Presence(read_entries(reader.buffer()?)?),
        QUERY_AWARENESS => Said::QueryPresence,
        _ => return Some(Said::Other),
    };
    Some(said)
}

fn read_state_vector(bytes: &[u8]) -> Option<Vec<(u64, u32)>> {
    let mut reader = Reader::new(bytes);
    (0..reader.length()?).map(|_| Some((reader.number()?, reader.length()?))).collect()
}

fn read_entries(bytes: &[u8]) -> Option<Vec<Entry<'_>>> {
    let mut reader = Reader::new(bytes);
    (0..reader.length()?)
        .map(|_| Some(Entry { client: reader.number()?, clock: reader.number()?, state: reader.string()? }))
        .collect()
}

/// The question for what we do not know.
pub fn step_1(state_vector: &[u8]) -> Vec<u8> {
    Writer::default().number(SYNC).number(STEP_1).buffer(state_vector).finish()
}

/// The answer to a step 1.
pub fn step_2(update: &[u8]) -> Vec<u8> {
    Writer::default().number(SYNC).number(STEP_2).buffer(update).finish()
}

/// A change.
pub fn update(update: &[u8]) -> Vec<u8> {
    Writer::default().number(SYNC).number(UPDATE).buffer(update).finish()
}

/// Who is there.
pub fn presence<'a>(entries: impl ExactSizeIterator<Item = Entry<'a>>) -> Vec<u8> {
    let mut content = Writer::default().number(entries.len() as u64);
    for Entry { client, clock, state } in entries {
        content = content.number(client).number(clock).buffer(state.as_bytes());
    }
    Writer::default().number(AWARENESS).buffer(&content.finish()).finish()
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
    fn wire_format_unchanged() {
        assert_eq!(step_1(&[0]), [0, 0, 1, 0]);
        assert_eq!(step_2(&[0, 0]), [0, 1, 2, 0, 0]);
        assert_eq!(update(&[0, 0]), [0, 2, 2, 0, 0]);
        let entry = Entry { client: 300, clock: 2, state: "{}" };
        assert_eq!(presence([entry].into_iter()), [1, 7, 1, 0xac, 2, 2, 2, b'{', b'}']);
        assert_eq!(event("{}"), [100, 2, b'{', b'}']);
        assert_eq!(read(&[0, 0, 3, 1, 5, 7]), Some(Said::Step1(vec![(5, 7)])));
        assert_eq!(read(&presence([entry].into_iter())), Some(Said::Presence(vec![entry])));
        assert_eq!((read(&[3]), read(&[2, 1]), read(&[])), (Some(Said::QueryPresence), Some(Said::Other), None));
    }

    proptest! {
        #[test]
        fn any_frame_is_read_or_refused(mut frame: Vec<u8>, kind in 0..4_u8, step in 0..4_u8) {
            frame.insert(0, step);
            frame.insert(0, kind);
            let _ = read(&frame);
        }
    }
}
