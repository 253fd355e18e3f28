//! Waits for what a process does: its end, a line of its output, a port that listens.

use super::living::Sandbox;
use super::log::Read;
use super::process::Process;
use super::processes::Refusal;
use docle_protocol::sandbox::process::{ProcessErrorCode, WaitCondition, WaitResult};
use regex::{Regex, RegexBuilder};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A line without an end counts when nothing more comes for this long.
const LINE_PATIENCE: Duration = Duration::from_millis(200);
/// The most bytes of a line. A longer one counts in parts.
const MAX_LINE: usize = 64 << 10;
/// Between two looks at a port.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of a compiled regular expression. Matching takes time in proportion to its size and to the text.
const MAX_PATTERN: usize = 128 << 10;

/// What is waited for, ready to be compared.
enum Wanted {
    Exit,
    Text(String),
    Pattern(Regex),
    Port(u16),
}

/// A condition that is valid.
pub struct Wait(Wanted);

impl Wait {
    /// Reads a condition.
    ///
    /// # Errors
    /// The regular expression is none, or too large.
    pub fn new(condition: WaitCondition) -> Result<Self, Refusal> {
        Ok(Self(match condition {
            WaitCondition::Exit => Wanted::Exit,
            WaitCondition::Port { port } => Wanted::Port(port),
            WaitCondition::Log { pattern, regex: false } => Wanted::Text(pattern),
            WaitCondition::Log { pattern, regex: true } => {
                let built = RegexBuilder::new(&pattern).size_limit(MAX_PATTERN).build();
                Wanted::Pattern(built.map_err(|error| Refusal::of(ProcessErrorCode::BadPattern, error.to_string()))?)
            }
        }))
    }

    /// Waits until it holds, the process has ended, or the time is up.
    pub async fn until(&self, sandbox: &Sandbox, process: &Arc<Process>, limit: Duration) -> WaitResult {
        let held = async {
            match &self.0 {
                Wanted::Exit => {
                    process.ended.cancelled().await;
                    WaitResult::Exited
                }
                Wanted::Port(port) => listens(sandbox, process, *port).await,
                Wanted::Text(_) | Wanted::Pattern(_) => self.line(process).await,
            }
        };
        timeout(limit, held).await.unwrap_or(WaitResult::Timeout)
    }

    async fn line(&self, process: &Process) -> WaitResult {
        let mut changes = process.log.changes();
        let (mut at, mut begun) = (0, [Vec::new(), Vec::new()]);
        loop {
            match process.log.read(at) {
                Read::Output { position, stream, bytes, .. } => {
                    at = position;
                    if let Some(found) = self.in_lines(&mut begun[stream as usize], &bytes) {
                        return found;
                    }
                    // A process that never stops writing must not keep the time limit from being looked at.
                    tokio::task::yield_now().await;
                }
                Read::Dropped { position, .. } => (at, begun) = (position, Default::default()),
                Read::Nothing => {
                    if timeout(LINE_PATIENCE, changes.changed()).await.is_ok() {
                        continue;
                    }
                    if let Some(found) = begun.iter().find_map(|line| self.in_line(line)) {
                        return found;
                    }
                    let _ = changes.changed().await;
                }
                Read::End { .. } => {
                    return begun.iter().find_map(|line| self.in_line(line)).unwrap_or(WaitResult::Exited);
                }
            }
        }
    }

    /// Looks at the lines that `bytes` completes, and keeps the beginning of the next one.
    fn in_lines(&self, begun: &mut Vec<u8>, bytes: &[u8]) -> Option<WaitResult> {
        let mut rest = bytes;
        while let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
            begun.extend_from_slice(&rest[..length]);
            let line = std::mem::take(begun);
            rest = &rest[length + 1..];
            if let Some(found) = self.in_line(&line) {
                return Some(found);
            }
        }
        begun.extend_from_slice(rest);
        if begun.len() < MAX_LINE {
            return None;
        }
        self.in_line(&std::mem::take(begun))
    }

    fn in_line(&self, line: &[u8]) -> Option<WaitResult> {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        match &self.0 {
            Wanted::Text(text) if !line.is_empty() && line.contains(text.as_str()) => {
                Some(WaitResult::Line { line: line.into_owned(), groups: Vec::new() })
            }
            Wanted::Pattern(pattern) => {
                let found = pattern.captures(&line).filter(|_| !line.is_empty())?;
                let groups = found.iter().skip(1).map(|group| group.map(|group| group.as_str().to_owned())).collect();
                Some(WaitResult::Line { line: line.into_owned(), groups })
            }
            _ => None,
        }
    }
}

async fn listens(sandbox: &Sandbox, process: &Process, port: u16) -> WaitResult {
    loop {
        let has_ended = process.ended.is_cancelled();
        if sandbox.listens(port).await.unwrap_or(false) {
            return WaitResult::Listening;
        }
        if has_ended {
            return WaitResult::Exited;
        }
        tokio::select! {
            () = sleep(LOOK) => {}
            () = process.ended.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(line: &str, groups: &[Option<&str>]) -> WaitResult {
        WaitResult::Line { line: line.into(), groups: groups.iter().map(|group| group.map(str::to_owned)).collect() }
    }

    fn wait(pattern: &str, regex: bool) -> Wait {
        Wait::new(WaitCondition::Log { pattern: pattern.into(), regex }).ok().unwrap()
    }

    #[test]
    fn a_line_is_found_whole_however_it_comes() {
        let text = wait("ready", false);
        let mut begun = Vec::new();
        assert_eq!(text.in_lines(&mut begun, b"not yet\nserver rea"), None);
        assert_eq!(text.in_lines(&mut begun, b"dy on 80\r\nmore"), Some(line("server ready on 80", &[])));
        let pattern = wait(r"port (\d+)(/tls)?", true);
        assert_eq!(
            pattern.in_lines(&mut Vec::new(), b"on port 8080\n"),
            Some(line("on port 8080", &[Some("8080"), None]))
        );
        let dots = wait(".", false);
        assert_eq!(dots.in_lines(&mut Vec::new(), b"abc\n"), None, "a text is no pattern");
    }

    #[test]
    fn a_line_without_end_needs_no_more_memory_than_its_bound() {
        let text = wait("x", false);
        let mut begun = Vec::new();
        for _ in 0..100 {
            assert_eq!(text.in_lines(&mut begun, &[b'a'; 10_000]), None);
            assert!(begun.len() < MAX_LINE);
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in ["(", "(?=a)", r"\1", "(a{1000}){1000}"] {
            let refused = Wait::new(WaitCondition::Log { pattern: pattern.into(), regex: true });
            assert!(matches!(refused, Err(Refusal::Process(error)) if error.code == ProcessErrorCode::BadPattern));
        }
    }
}
