//! What the runner and a kernel say to each other: lines of JSON. A kernel is the author's own process, so whatever it says is
//! checked, and bounded before it is read.

use super::bash;
use docle_languages::ContextLanguage;
use docle_protocol::context::{CellError, MAX_CELL_LINE_BYTES};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What the runner says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Order<'a> {
    Run {
        code: &'a str,
        env: &'a BTreeMap<String, String>,
        /// Whether the code is TypeScript.
        is_typescript: bool,
    },
    /// The cell that runs is to end, as after Ctrl-C.
    Interrupt,
    /// All output that came before the message with this number was read.
    Ack { number: u64 },
}

impl Order<'_> {
    /// The order as the kernel of a language reads it; empty if that is told nothing.
    pub fn encode(&self, language: ContextLanguage) -> Vec<u8> {
        match (language, self) {
            (ContextLanguage::Bash, Order::Run { code, env, .. }) => bash::cell(code, env).into_bytes(),
            // A shell waits for no answer, and an interrupt is a signal.
            (ContextLanguage::Bash, Order::Interrupt | Order::Ack { .. }) => Vec::new(),
            _ => self.line(),
        }
    }

    fn line(&self) -> Vec<u8> {
        let mut line = serde_json::to_vec(self).expect("orders hold only strings and numbers");
        line.push(b'\n');
        line
    }
}

/// What a kernel says. A message with a number waits for its [`Order::Ack`].
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Message {
    /// It waits for its first cell.
    Ready,
    /// Output has been written that is to come before what follows.
    Sync { number: u64 },
    Result {
        number: u64,
        data: Map<String, Value>,
        #[serde(default)]
        main: bool,
    },
    Error {
        number: u64,
        #[serde(flatten)]
        error: CellError,
    },
    /// The cell has ended.
    #[serde(rename_all = "camelCase")]
    Done {
        cpu_ms: f64,
        #[serde(rename = "memMB")]
        mem_mb: f64,
    },
}

/// Takes lines out of what a kernel has written.
#[derive(Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    searched: usize,
}

/// What the values of one line may weigh, in the runner and in the Worker. A number takes about 32 bytes of memory, so this is 25 MB; a list
/// that a kernel shows has less than half as many numbers.
const MAX_WEIGHT: usize = 800_000;
/// A list and an object have memory of their own, however short they are: 4 values, and a node of a tree with 11 names and values.
const LIST_WEIGHT: usize = 4;
const OBJECT_WEIGHT: usize = 20;

/// The kernel does not speak as kernels do.
#[derive(Debug, PartialEq, Eq)]
pub struct Unreadable;

impl Lines {
    /// What is read next goes here.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// The next message, if it is there as a whole.
    pub fn next(&mut self) -> Result<Option<Message>, Unreadable> {
        let Some(length) = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n') else {
            self.searched = self.bytes.len();
            return if self.searched > MAX_CELL_LINE_BYTES { Err(Unreadable) } else { Ok(None) };
        };
        let rest = self.bytes.split_off(self.searched + length + 1);
        let line = std::mem::replace(&mut self.bytes, rest);
        self.searched = 0;
        if weight(&line) > MAX_WEIGHT {
            return Err(Unreadable);
        }
        serde_json::from_slice(&line).map(Some).map_err(|_| Unreadable)
    }
}

/// What the values of a line of JSON weigh. What stands inside of a text weighs nothing.
fn weight(line: &[u8]) -> usize {
    let (mut weight, mut in_text, mut is_escaped) = (0, false, false);
    for &byte in line {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            b',' if !in_text => weight += 1,
            b'[' if !in_text => weight += LIST_WEIGHT,
            b'{' if !in_text => weight += OBJECT_WEIGHT,
            _ => {}
        }
    }
    weight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_in_any_pieces() {
        let text = br#"{"type":"ready"}
{"type":"result","number":1,"data":{"text/plain":"1"},"main":true}
{"type":"error","number":2,"name":"E","message":"m","traceback":[]}
{"type":"done","count":1,"cpuMs":1.5,"memMB":2}
"#;
        let mut lines = Lines::default();
        let mut found = Vec::new();
        for byte in text {
            lines.buffer().push(*byte);
            found.extend(lines.next().unwrap());
        }
        assert_eq!(found[0], Message::Ready);
        assert!(matches!(&found[1], Message::Result { number: 1, main: true, data } if data.len() == 1));
        assert!(matches!(&found[2], Message::Error { number: 2, error } if error.name == "E"));
        assert_eq!(found[3], Message::Done { cpu_ms: 1.5, mem_mb: 2.0 });
        assert_eq!(lines.next(), Ok(None));
    }

    #[test]
    fn what_is_no_message_is_not_passed_on() {
        for wrong in ["x\n", "{}\n", "{\"type\":\"result\"}\n", &format!("{}\n", "[".repeat(1_000))] {
            let mut lines = Lines::default();
            lines.buffer().extend_from_slice(wrong.as_bytes());
            assert_eq!(lines.next(), Err(Unreadable), "{wrong}");
        }
        let mut many = Lines::default();
        let result =
            |data: &str| format!("{{\"type\":\"result\",\"number\":1,\"data\":{{\"a\":{data}}},\"main\":true}}\n");
        many.buffer().extend_from_slice(result(&format!("[{}]", vec!["0"; MAX_WEIGHT + 2].join(","))).as_bytes());
        assert_eq!(many.next(), Err(Unreadable), "a line of numbers became a gigabyte");
        for (open, close) in [("[", "]"), ("{\"\":", "}")] {
            let deep = format!("{}0{}", open.repeat(50), close.repeat(50));
            let mut nested = Lines::default();
            nested.buffer().extend_from_slice(result(&format!("[{}]", vec![deep; 20_000].join(","))).as_bytes());
            assert_eq!(nested.next(), Err(Unreadable), "a line without commas became gigabytes");
        }
        let page = "{\\\"a\\\":[1,2]},".repeat(200_000);
        let mut text = Lines::default();
        text.buffer().extend_from_slice(result(&format!("\"{page}\"")).as_bytes());
        assert!(matches!(text.next(), Ok(Some(Message::Result { .. }))), "what stands in a text weighs nothing");
        let mut endless = Lines::default();
        endless.buffer().resize(MAX_CELL_LINE_BYTES + 1, b'a');
        assert_eq!(endless.next(), Err(Unreadable));
    }
}
