//! Processes of a machine without a machine: `hang` runs until it is ended, everything else prints itself and has ended.

use crate::ports::PortError;
use crate::ports::sandboxes::{ByteStream, HostError};
use docle_protocol::event::Piece;
use docle_protocol::sandbox::process::{
    ProcessEnd, ProcessError, ProcessErrorCode, ProcessEvent, ProcessRequest, ProcessResponse, ProcessState,
    ProcessWatch, WaitResult,
};
use docle_protocol::sandbox::{ExecCommand, ExecEnd};
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::{StreamExt, stream};

/// The processes of one machine.
#[derive(Default)]
pub struct FakeProcesses {
    all: Vec<ProcessState>,
    /// Readers of processes that hang.
    readers: Vec<UnboundedSender<Result<Vec<u8>, PortError>>>,
}

impl FakeProcesses {
    pub fn request(&mut self, request: &ProcessRequest) -> Result<ProcessResponse, HostError> {
        let process = match request {
            ProcessRequest::Start { job } => {
                let hangs = job.command == ExecCommand::Shell("hang".into());
                self.all.push(ProcessState {
                    id: job.id.clone(),
                    name: job.name.clone(),
                    pid: self.all.len() as u32 + 10,
                    command: job.command.clone(),
                    cwd: "/workspace".into(),
                    started_ms: 0,
                    stdin: job.stdin,
                    log_bytes: 0,
                    dropped_bytes: 0,
                    ended: (!hangs).then(|| end(ExecEnd::Exited, 0)),
                });
                self.all.len() - 1
            }
            ProcessRequest::List => return Ok(ProcessResponse::Processes { processes: self.all.clone() }),
            ProcessRequest::KillAll => {
                for process in &mut self.all {
                    process.ended.get_or_insert(end(ExecEnd::Killed, 143));
                }
                return Ok(ProcessResponse::Processes { processes: self.all.clone() });
            }
            ProcessRequest::Get { process } => self.find(process)?,
            ProcessRequest::Kill { process, .. } => {
                let found = self.find(process)?;
                self.all[found].ended.get_or_insert(end(ExecEnd::Killed, 143));
                self.readers.clear();
                found
            }
            ProcessRequest::Stdin { process, .. } | ProcessRequest::Signal { process, .. } => {
                let found = self.find(process)?;
                if self.all[found].ended.is_some() {
                    return Err(refused(ProcessErrorCode::ProcessEnded));
                }
                found
            }
        };
        Ok(ProcessResponse::Process { process: self.all[process].clone() })
    }

    pub fn watch(&mut self, watch: &ProcessWatch) -> Result<ByteStream, HostError> {
        let (ProcessWatch::Logs { process, .. } | ProcessWatch::Wait { process, .. }) = watch;
        let process = self.all[self.find(process)?].clone();
        let line = |event: &ProcessEvent| [serde_json::to_vec(event).unwrap(), b"\n".to_vec()].concat();
        let output = ProcessEvent::Stdout { position: 3, at_ms: 1, data: Piece(b"out".to_vec()) };
        if process.ended.is_none() && matches!(watch, ProcessWatch::Logs { follow: true, .. }) {
            let (sender, events) = unbounded();
            sender.unbounded_send(Ok(line(&output))).unwrap();
            self.readers.push(sender);
            return Ok(events.boxed_local());
        }
        let all = match watch {
            ProcessWatch::Logs { .. } => {
                [b"\n".to_vec(), line(&output), line(&ProcessEvent::End { position: 3, process })].concat()
            }
            ProcessWatch::Wait { .. } => line(&ProcessEvent::Waited { result: WaitResult::Exited, process }),
        };
        // Chunks end anywhere.
        let chunks: Vec<_> = all.chunks(30).map(|chunk| Ok(chunk.to_vec())).collect();
        Ok(stream::iter(chunks).boxed_local())
    }

    fn find(&self, name: &str) -> Result<usize, HostError> {
        let same = |process: &ProcessState| process.id == name || process.pid.to_string() == name;
        self.all.iter().position(same).ok_or(refused(ProcessErrorCode::UnknownProcess))
    }
}

fn refused(code: ProcessErrorCode) -> HostError {
    HostError::Process(ProcessError { code, message: "It is so.".into() })
}

fn end(end: ExecEnd, exit_code: i32) -> ProcessEnd {
    ProcessEnd { end, exit_code, signal: None, ended_ms: 5, cpu_ms: 1.0, mem_mb: 2.0 }
}
