//! Executes commands in a sandbox, and keeps their history.
//!
//! A task of its own reads the events of a command to their end, so that the history has it whether or not its client stays.
//! A client that leaves ends the command.

use crate::domain::run::events::{LineBuffer, LineTooLong};
use crate::domain::sandbox::command::{exec_status, written};
use crate::domain::timestamp::Timestamp;
use crate::objects::sandbox::logic::{SandboxLogic, Use, failure};
use crate::objects::sandbox::storage;
use crate::ports::ClientSignal;
use crate::ports::sandboxes::{ByteStream, ExecutionRecord, Given, SandboxRefusal};
use docle_api::sandbox_commands::ExecStatus;
use docle_protocol::sandbox::{ExecEvent, ExecJob, ExecReport};
use futures::channel::{mpsc, oneshot};
use futures::future::{Either, select};
use futures::{SinkExt, StreamExt};
use std::rc::Rc;

/// Chunks that wait for a client. The command waits when there are more.
const WAITING_CHUNKS: usize = 4;
/// How long a command that was ended may take to say how, in milliseconds.
const END_LIMIT_MS: u32 = 10_000;
/// Bytes of each stream that the history keeps.
const KEPT_BYTES: usize = 4_096;
/// How the last event begins.
const COMPLETE: &[u8] = br#"{"type":"complete""#;

impl SandboxLogic {
    /// Executes a command. `client` ends it when it leaves, and so does dropping the stream.
    ///
    /// # Errors
    /// Nothing was executed, unless it is [`SandboxRefusal::Interrupted`].
    pub async fn exec(
        self: &Rc<Self>,
        project_id: &str,
        job: ExecJob,
        file_path: Option<String>,
        client: ClientSignal,
    ) -> Result<Given<ByteStream>, SandboxRefusal> {
        let mut entered = self.enter(project_id).await?;
        self.files_change()?;
        let job = self.use_session(job)?;
        let started_at = self.now();
        // The command is ended by its id: an aborted request could not tell how it ended.
        let nobody = ClientSignal::default();
        let given = self.on_machine(&mut entered, async |host| host.exec(&job, &nobody).await).await?;
        let record = ExecutionRecord {
            id: job.id,
            command: written(&job.command),
            file_path,
            status: ExecStatus::System,
            exit_code: -1,
            output: String::new(),
            error: String::new(),
            duration_ms: 0.0,
            started_at,
        };
        Ok(self.followed(entered, given, record, client))
    }

    /// The same events, which are also read to their end for the history.
    pub(super) fn followed(
        self: &Rc<Self>,
        entered: Use,
        given: Given<ByteStream>,
        record: ExecutionRecord,
        client: ClientSignal,
    ) -> Given<ByteStream> {
        let (sender, receiver) = mpsc::channel(WAITING_CHUNKS);
        let own = Rc::clone(self);
        let (leave, left) = oneshot::channel();
        client.on_leave(move || {
            // Nobody waits for it when the command has ended.
            let _ = leave.send(());
        });
        let events = given.value;
        self.runtime.background.spawn(Box::pin(async move {
            own.follow(events, record, sender, left).await;
            // Files may have been written after the last save began.
            if let Err(error) = own.files_change() {
                own.runtime.log_failure("A change of files could not be noted.", &error.0);
            }
            drop(entered);
        }));
        Given { value: receiver.boxed_local(), restored_from: given.restored_from }
    }

    /// Passes the events on, and records the execution.
    async fn follow(
        &self,
        mut events: ByteStream,
        record: ExecutionRecord,
        mut client: mpsc::Sender<Result<Vec<u8>, crate::ports::PortError>>,
        left: oneshot::Receiver<()>,
    ) {
        let mut kept = KeptOutput::new(record);
        // A client that is never seen to leave drops its end of the signal, which is no leaving.
        let mut left = Box::pin(async move {
            if left.await.is_err() {
                std::future::pending::<()>().await;
            }
        });
        let has_left = loop {
            let chunk = match select(events.next(), &mut left).await {
                Either::Left((Some(Ok(chunk)), _)) => chunk,
                Either::Left((None | Some(Err(_)), _)) => break false,
                Either::Right(_) => break true,
            };
            kept.push(&chunk);
            match select(client.send(Ok(chunk)), &mut left).await {
                Either::Left((Ok(()), _)) => {}
                Either::Left((Err(_), _)) | Either::Right(_) => break true,
            }
        };
        if has_left {
            self.end_command(&mut events, &mut kept).await;
        }
        drop(client);
        self.record(kept, has_left);
    }

    /// Ends a command whose client has left, and reads how it ended.
    async fn end_command(&self, events: &mut ByteStream, kept: &mut KeptOutput) {
        if kept.report.is_some() {
            return;
        }
        let id = kept.record.id.clone();
        let rest = Box::pin(async {
            if let Err(error) = self.ports.host.cancel(&id).await {
                self.runtime.log_failure("A command could not be ended.", &failure(error).0);
            }
            while let Some(Ok(chunk)) = events.next().await {
                kept.push(&chunk);
            }
        });
        select(rest, self.runtime.clock.sleep(END_LIMIT_MS)).await;
    }

    fn record(&self, kept: KeptOutput, has_left: bool) {
        // A sandbox that was deleted meanwhile has no history.
        let is_there = matches!(self.stored(), Ok(Some(_)));
        let record = kept.finish(has_left, self.now());
        let stored = if is_there { storage::add_execution(&*self.runtime.storage, &record) } else { Ok(()) };
        if let Err(error) = stored {
            self.runtime.log_failure("An execution could not be recorded.", &error.0);
        }
    }
}

/// More bytes than an event with output, or with a report, has.
const MAX_OUTPUT_LINE: usize = 256 * 1_024;

/// What the history keeps of a command.
struct KeptOutput {
    record: ExecutionRecord,
    lines: LineBuffer,
    /// Whether the rest of a line follows that is too long to be one of output.
    is_skipping: bool,
    output: Vec<u8>,
    error: Vec<u8>,
    report: Option<ExecReport>,
}

impl KeptOutput {
    fn new(record: ExecutionRecord) -> Self {
        let (lines, output, error) = (LineBuffer::default(), Vec::new(), Vec::new());
        Self { record, lines, is_skipping: false, output, error, report: None }
    }

    fn push(&mut self, mut chunk: &[u8]) {
        if self.is_skipping {
            let Some(end) = chunk.iter().position(|&byte| byte == b'\n') else { return };
            (chunk, self.is_skipping) = (&chunk[end + 1..], false);
        }
        self.lines.push(chunk);
        loop {
            let line = match self.lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => return,
                Err(LineTooLong) => {
                    (self.lines, self.is_skipping) = (LineBuffer::default(), true);
                    return;
                }
            };
            // A result of a cell, which may be long.
            if line.len() > MAX_OUTPUT_LINE {
                continue;
            }
            // Output that the history does not keep need not be decoded.
            let is_full = self.output.len() >= KEPT_BYTES && self.error.len() >= KEPT_BYTES;
            if is_full && !line.starts_with(COMPLETE) {
                continue;
            }
            match serde_json::from_slice(&line) {
                Ok(ExecEvent::Stdout { data }) => keep(&mut self.output, &data.0),
                Ok(ExecEvent::Stderr { data }) => keep(&mut self.error, &data.0),
                Ok(ExecEvent::Complete { report }) => self.report = Some(report),
                Ok(ExecEvent::Start { .. }) | Err(_) => {}
            }
        }
    }

    fn finish(self, has_left: bool, now: Timestamp) -> ExecutionRecord {
        let Self { mut record, output, error, report, .. } = self;
        record.output = String::from_utf8_lossy(&output).into_owned();
        record.error = String::from_utf8_lossy(&error).into_owned();
        match report {
            Some(report) => {
                (record.status, record.exit_code) = (exec_status(&report), report.exit_code);
                record.duration_ms = report.duration_ms;
            }
            None => {
                record.status = if has_left { ExecStatus::Killed } else { ExecStatus::System };
                record.duration_ms = (now.0 - record.started_at.0) as f64;
            }
        }
        record
    }
}

fn keep(into: &mut Vec<u8>, bytes: &[u8]) {
    let room = KEPT_BYTES - into.len().min(KEPT_BYTES);
    into.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_result_was_held_whole_and_what_came_after_it_was_lost() {
        let mut kept = KeptOutput::new(ExecutionRecord {
            id: "exec_1".to_owned(),
            command: String::new(),
            file_path: None,
            status: ExecStatus::System,
            exit_code: 1,
            output: String::new(),
            error: String::new(),
            duration_ms: 0.0,
            started_at: Timestamp(0),
        });
        let long = format!("{{\"type\":\"result\",\"data\":{{\"a\":\"{}\"}}}}\n", "x".repeat(3 * 1_024 * 1_024));
        let output = "{\"type\":\"stdout\",\"data\":\"YQ==\"}\n";
        for chunk in (long + output).as_bytes().chunks(100_000) {
            kept.push(chunk);
        }
        assert_eq!(kept.output, b"a");
    }
}
