//! What the shell of a session reads, and the marks that it writes when a command is done.
//!
//! Bash reads commands from its standard input. The descriptors 201 and 202 are the streams of the shell. Each command gets
//! them as its own, so that what it does to its standard streams ends with it. The command is one quoted word for `eval`, so no quote that
//! is left open and no `break` reaches beyond it. After it the shell writes a mark that nobody can know before into each stream:
//! everything that the command has written stands before the mark.

use crate::kernel::bash::quoted;
use docle_protocol::sandbox::{ExecCommand, ExecJob};

/// What the shell is told before the first command.
pub const PREPARATION: &str = "exec 201>&1 202>&2\n\\builtin shopt -s expand_aliases\n";

/// A command for the shell. The empty lines are for a parser that has come to the end of the word inside a quote: it drops the
/// line that follows. Variables before `eval` are those of the command alone, which they are not before `builtin eval`.
pub fn of(job: &ExecJob, mark: &str) -> String {
    let command = match &job.command {
        ExecCommand::Shell(text) => quoted(&format!("{text}\n")),
        ExecCommand::Argv(argv) => {
            let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
            quoted(&words.join(" "))
        }
    };
    let variables: String = job.env.iter().map(|(name, value)| format!("{name}={} ", quoted(value))).collect();
    let input = match job.stdin.as_str() {
        "" => "/dev/null".to_owned(),
        text => format!("<(\\builtin printf %s {})", quoted(text)),
    };
    let (remember, enter, leave) = match job.cwd.as_str() {
        "" => ("", String::new(), ""),
        cwd => (
            "__docle_cwd=$PWD\n",
            format!("\\builtin cd -- {} && ", quoted(&absolute(cwd))),
            "\\builtin cd -- \"$__docle_cwd\"; ",
        ),
    };
    format!(
        "{remember}{{ {enter}{variables}\\eval {command}; }} < {input} >&201 2>&202 201>&- 202>&-\n\n\n\
         {{ \\builtin printf '{mark}%d;' \"$?\" >&201; \\builtin printf '{mark};' >&202; {leave}}} >/dev/null 2>/dev/null\n"
    )
}

fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/workspace/{path}") }
}

/// Looks for the mark in one stream.
#[derive(Debug)]
pub struct Marked {
    mark: Vec<u8>,
    /// What may be the beginning of the mark; after the mark, what follows it.
    held: Vec<u8>,
    is_marked: bool,
    /// What stands between the mark and its end.
    said: Option<String>,
}

/// More bytes than an exit code has, with what ends it.
const MAX_CODE: usize = 12;

impl Marked {
    pub fn new(mark: &str) -> Self {
        Self { mark: mark.as_bytes().to_vec(), held: Vec::new(), is_marked: false, said: None }
    }

    /// What the mark says, if it has come.
    pub fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }

    /// Takes what was read, and gives what is output. What comes after the mark was written by others, and is output, too.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.said.is_some() {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        let mut output = Vec::new();
        if !self.is_marked {
            let length = self.mark.len();
            let found = self.held.windows(length).position(|window| window == self.mark);
            // Without a mark, what cannot be its beginning.
            let keeps = |kept: &usize| self.mark.starts_with(&self.held[self.held.len() - kept..]);
            let most = (length - 1).min(self.held.len());
            let until = found.unwrap_or_else(|| self.held.len() - (0..=most).rev().find(keeps).unwrap_or(0));
            output.extend(self.held.drain(..until));
            if found.is_none() {
                return output;
            }
            self.held.drain(..length);
            self.is_marked = true;
        }
        match self.held.iter().take(MAX_CODE).position(|byte| *byte == b';') {
            Some(end) => {
                self.said = Some(String::from_utf8_lossy(&self.held[..end]).into_owned());
                output.extend(self.held.drain(..).skip(end + 1));
            }
            // The command itself has written a mark, which it can know of its own shell.
            None if self.held.len() >= MAX_CODE => {
                output.append(&mut self.held);
                self.is_marked = false;
            }
            None => {}
        }
        output
    }

    /// What was held back and is no mark, because the stream has ended.
    pub fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_mark_is_found_however_it_comes(before in "[mark;0-9]{0,30}", after in "[mark;]{0,9}", cut in 1usize..9) {
            let mut marked = Marked::new("mark-0x");
            let text = format!("{before}mark-0x12;{after}");
            let output: Vec<u8> = text.as_bytes().chunks(cut).flat_map(|chunk| marked.push(chunk)).collect();
            prop_assert_eq!(marked.said(), Some("12"));
            prop_assert_eq!(String::from_utf8(output).unwrap(), before + &after);
        }

        #[test]
        fn a_mark_without_an_end_held_everything_after_it(more in "[a-z]{12,400}", cut in 1usize..50) {
            let mut marked = Marked::new("mark-0x");
            let text = format!("mark-0x{more}");
            for chunk in text.as_bytes().chunks(cut) {
                marked.push(chunk);
                prop_assert!(marked.held.len() < 7 + MAX_CODE, "{} bytes", marked.held.len());
            }
            prop_assert_eq!(marked.said(), None);
            marked.push(b"mark-0x0;");
            prop_assert_eq!(marked.said(), Some("0"));
        }

        #[test]
        fn what_is_no_mark_is_output(text in "[mark0-]{0,40}", cut in 1usize..9) {
            let mut marked = Marked::new("mark-0x");
            let mut output: Vec<u8> = text.as_bytes().chunks(cut).flat_map(|chunk| marked.push(chunk)).collect();
            output.extend(marked.rest());
            prop_assert_eq!(String::from_utf8(output).unwrap(), text);
            prop_assert_eq!(marked.said(), None);
        }
    }
}
