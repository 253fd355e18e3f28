//! Machines of sandboxes without a machine: files in memory, and commands that do what they say.

use crate::domain::sandbox::id::SandboxId;
use crate::ports::contexts::{CellCall, ContextAction};
use crate::ports::http_messages::Upgrade;
use crate::ports::previews::{PortAnswer, PreviewCall};
use crate::ports::sandboxes::{ByteStream, Content, ContentHead, HostError, SandboxHost};
use crate::ports::{ClientSignal, PortError};
use crate::tests::fake_archives::{Files, all_received, archive, lost, patched, received, unpacked};
use crate::tests::fake_contexts::FakeContexts;
use crate::tests::fake_events::{complete, line};
use crate::tests::fake_ports;
use crate::tests::fake_processes::FakeProcesses;
use crate::tests::fault::Faults;
use async_trait::async_trait;
use docle_api::repositories::RepositoryError;
use docle_protocol::context::ContextState;
use docle_protocol::event::Piece;
use docle_protocol::sandbox::checkout::{CheckedOut, CheckoutJob, CheckoutRefused};
use docle_protocol::sandbox::process::{ProcessError, ProcessErrorCode, ProcessRequest, ProcessResponse, ProcessWatch};
use docle_protocol::sandbox::session::ExecSession;
use docle_protocol::sandbox::terminal::TerminalJob;
use docle_protocol::sandbox::{
    ExecCommand, ExecEnd, ExecEvent, ExecJob, FileEntry, FileError, FileErrorCode, FileKind, FileMatch, FileRequest,
    FileResponse, SandboxSpec, SandboxState,
};
use docle_tree::patch::Patch;
use docle_tree::restore::restore;
use docle_tree::save::save;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::{StreamExt, stream};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

type Events = UnboundedSender<Result<Vec<u8>, PortError>>;

/// A runner with the sandboxes that it has. Its commands: `hang` runs until it is ended, `write <path>` writes a file, `exit <n>`
/// ends so, `timeout` and `memory` meet their limits, and everything else is printed.
#[derive(Default)]
pub struct FakeHosts {
    pub machines: RefCell<BTreeMap<SandboxId, Files>>,
    /// Commands that hang.
    pub hanging: RefCell<BTreeMap<String, Events>>,
    pub executed: RefCell<Vec<String>>,
    pub contexts: FakeContexts,
    pub cancelled: RefCell<Vec<String>>,
    pub ended_sessions: RefCell<Vec<String>>,
    /// The sessions of commands.
    pub sessions: RefCell<Vec<ExecSession>>,
    /// Viewers of terminals, by session.
    pub terminals: RefCell<Vec<(String, TerminalJob)>>,
    /// Requests to make a sandbox.
    pub created: Cell<u32>,
    /// Processes in the background, of every machine.
    pub background: RefCell<BTreeMap<SandboxId, FakeProcesses>>,
    /// Processes that commands have left behind.
    pub processes: Cell<u32>,
    /// The variables of each machine.
    pub env: RefCell<BTreeMap<SandboxId, BTreeMap<String, String>>>,
    pub env_faults: Faults,
    /// MiB of each machine's disk.
    pub disks: RefCell<BTreeMap<SandboxId, u32>>,
    pub is_away: Cell<bool>,
    pub create_faults: Faults,
    pub end_faults: Faults,
    pub restore_faults: Faults,
    pub archive_faults: Faults,
    /// What programs write before a change of files arrives, one after another.
    pub meanwhile: RefCell<VecDeque<Files>>,
    pub write_faults: Faults,
}

impl FakeHosts {
    /// The files of a sandbox; `None` if there is no machine.
    pub fn files(&self, id: &SandboxId) -> Option<Vec<String>> {
        self.machines.borrow().get(id).map(|files| files.keys().cloned().collect())
    }

    /// How many machines there are.
    pub fn count(&self) -> usize {
        self.machines.borrow().len()
    }

    /// Loses everything, as a runner that is started anew.
    pub fn lose(&self) {
        self.machines.borrow_mut().clear();
        self.contexts.lose();
        self.background.borrow_mut().clear();
        self.hanging.borrow_mut().clear();
    }
}

/// One machine.
pub struct FakeHost {
    pub hosts: Rc<FakeHosts>,
    pub id: SandboxId,
}

impl FakeHost {
    fn with<T>(&self, call: impl FnOnce(&mut Files) -> Result<T, HostError>) -> Result<T, HostError> {
        self.reach()?;
        call(self.hosts.machines.borrow_mut().get_mut(&self.id).ok_or(HostError::Unknown)?)
    }

    fn reach(&self) -> Result<(), HostError> {
        if self.hosts.is_away.get() { Err(HostError::Unavailable("The runner is away.".into())) } else { Ok(()) }
    }
}

fn file_error(code: FileErrorCode) -> HostError {
    HostError::File(FileError { code, message: "It is so.".into() })
}

fn entry(path: &str, size: usize, kind: FileKind) -> FileEntry {
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/workspace/{path}") };
    FileEntry { path, path64: None, kind, size: size as u64, mode: 0o644, modified_ms: 0, target: None }
}

#[async_trait(?Send)]
impl SandboxHost for FakeHost {
    async fn create(&self, spec: &SandboxSpec) -> Result<bool, HostError> {
        self.reach()?;
        let create = async || {
            self.hosts.created.set(self.hosts.created.get() + 1);
            self.hosts.env.borrow_mut().insert(self.id.clone(), spec.env.clone());
            self.hosts.disks.borrow_mut().insert(self.id.clone(), spec.disk_mb);
            self.hosts.machines.borrow_mut().insert(self.id.clone(), Files::new()).is_none()
        };
        if self.hosts.machines.borrow().contains_key(&self.id) {
            return Ok(false);
        }
        self.hosts.create_faults.around(create).await.map_err(lost)
    }

    async fn state(&self) -> Result<SandboxState, HostError> {
        let processes = self.hosts.processes.get();
        self.with(|_| Ok(SandboxState { processes, mem_mb: 1, disk_bytes: 0, revision: 0 }))
    }

    async fn set_env(&self, env: &BTreeMap<String, String>) -> Result<(), HostError> {
        let set = async || {
            self.with(|_| {
                self.hosts.env.borrow_mut().insert(self.id.clone(), env.clone());
                Ok(())
            })
        };
        self.hosts.env_faults.around(set).await.map_err(lost)?
    }

    async fn end(&self) -> Result<(), HostError> {
        self.reach()?;
        self.hosts.contexts.lose_of(&self.id);
        self.hosts.background.borrow_mut().remove(&self.id);
        let end = async || drop(self.hosts.machines.borrow_mut().remove(&self.id));
        self.hosts.end_faults.around(end).await.map_err(lost)
    }

    async fn exec(&self, job: &ExecJob, _: &ClientSignal) -> Result<ByteStream, HostError> {
        self.with(|_| Ok(()))?;
        let words = match &job.command {
            ExecCommand::Shell(line) => line.clone(),
            ExecCommand::Argv(argv) => argv.join(" "),
        };
        self.hosts.executed.borrow_mut().push(words.clone());
        self.hosts.sessions.borrow_mut().extend(job.session.clone());
        let start = line(&ExecEvent::Start { pid: 7 });
        let (command, argument) = words.split_once(' ').unwrap_or((&words, ""));
        let (output, end, code) = match command {
            "hang" => {
                let (sender, events) = unbounded();
                sender.unbounded_send(Ok(start)).unwrap();
                self.hosts.hanging.borrow_mut().insert(job.id.clone(), sender);
                return Ok(events.boxed_local());
            }
            "write" => {
                self.with(|files| Ok(files.insert(argument.to_owned(), b"written".to_vec())))?;
                (String::new(), ExecEnd::Exited, 0)
            }
            "exit" => (String::new(), ExecEnd::Exited, argument.parse().unwrap()),
            "timeout" => ("before".to_owned(), ExecEnd::Timeout, 124),
            "memory" => (String::new(), ExecEnd::Memory, 137),
            _ => (format!("{words}\n"), ExecEnd::Exited, 0),
        };
        let output = line(&ExecEvent::Stdout { data: Piece(output.into_bytes()) });
        let all = [start, output, line(&complete(end, code))].concat();
        // Chunks end anywhere.
        let chunks: Vec<_> = all.chunks(30).map(|chunk| Ok(chunk.to_vec())).collect();
        Ok(stream::iter(chunks).boxed_local())
    }

    async fn contexts(&self, action: &ContextAction) -> Result<Vec<ContextState>, HostError> {
        self.with(|_| Ok(()))?;
        self.hosts.contexts.act(&self.id, action)
    }

    async fn run_cell(&self, call: &CellCall) -> Result<ByteStream, HostError> {
        self.with(|_| Ok(()))?;
        self.hosts.executed.borrow_mut().push(call.job.code.clone());
        let lines = self.hosts.contexts.run(&self.id, call)?;
        if call.job.code == "hang" {
            let (sender, events) = unbounded();
            sender.unbounded_send(Ok(lines)).unwrap();
            self.hosts.hanging.borrow_mut().insert(call.job.id.clone(), sender);
            return Ok(events.boxed_local());
        }
        let chunks: Vec<_> = lines.chunks(30).map(|chunk| Ok(chunk.to_vec())).collect();
        Ok(stream::iter(chunks).boxed_local())
    }

    async fn cancel(&self, exec: &str) -> Result<(), HostError> {
        self.hosts.cancelled.borrow_mut().push(exec.to_owned());
        if let Some(sender) = self.hosts.hanging.borrow_mut().remove(exec) {
            let _ = sender.unbounded_send(Ok(line(&complete(ExecEnd::Killed, 137))));
        }
        Ok(())
    }

    async fn end_session(&self, session: &str) -> Result<(), HostError> {
        self.with(|_| {
            self.hosts.ended_sessions.borrow_mut().push(session.to_owned());
            if self.hosts.sessions.borrow().iter().any(|used| used.id == session) {
                return Ok(());
            }
            let code = ProcessErrorCode::UnknownSession;
            Err(HostError::Process(ProcessError { code, message: "It has no shell.".into() }))
        })
    }

    async fn processes(&self, request: &ProcessRequest) -> Result<ProcessResponse, HostError> {
        self.with(|_| self.hosts.background.borrow_mut().entry(self.id.clone()).or_default().request(request))
    }

    async fn watch(&self, watch: &ProcessWatch, _: &ClientSignal) -> Result<ByteStream, HostError> {
        self.with(|_| self.hosts.background.borrow_mut().entry(self.id.clone()).or_default().watch(watch))
    }

    async fn port(&self, call: &PreviewCall, _: Option<ByteStream>, _: &ClientSignal) -> Result<PortAnswer, HostError> {
        self.with(|_| fake_ports::answer(call))
    }

    async fn terminal(&self, session: &str, job: &TerminalJob) -> Result<Upgrade, HostError> {
        self.with(|_| {
            self.hosts.terminals.borrow_mut().push((session.to_owned(), job.clone()));
            Ok(Upgrade(Box::new(())))
        })
    }

    async fn files(&self, request: &FileRequest) -> Result<FileResponse, HostError> {
        self.with(|files| {
            let found = |files: &Files, path: &str| {
                let size = files.get(path).map(Vec::len);
                size.map(|size| entry(path, size, FileKind::File)).ok_or(file_error(FileErrorCode::NotFound))
            };
            Ok(match request {
                FileRequest::Stat { path } if path == "/workspace" || path == "." => {
                    FileResponse::Entry { entry: entry("/workspace", 0, FileKind::Directory) }
                }
                FileRequest::Stat { path } | FileRequest::Chmod { path, .. } => {
                    FileResponse::Entry { entry: found(files, path)? }
                }
                FileRequest::List { .. } => {
                    let entries = files.iter().map(|(path, content)| entry(path, content.len(), FileKind::File));
                    FileResponse::Entries { entries: entries.collect(), more: false }
                }
                FileRequest::Search { text, is_regex: true, .. } if text == "(" => {
                    return Err(file_error(FileErrorCode::BadSearch));
                }
                FileRequest::Search { text, limit, .. } => {
                    let all: Vec<_> = files.keys().filter(|path| path.contains(text.as_str())).collect();
                    let more = all.len() > *limit as usize;
                    let found = |path: &String| FileMatch {
                        path: entry(path, 0, FileKind::File).path,
                        path64: None,
                        place: None,
                    };
                    FileResponse::Matches { matches: all.into_iter().take(*limit as usize).map(found).collect(), more }
                }
                FileRequest::Mkdir { path, .. } => FileResponse::Entry { entry: entry(path, 0, FileKind::Directory) },
                FileRequest::Move { from, to, overwrite } | FileRequest::Copy { from, to, overwrite } => {
                    found(files, from)?;
                    if files.contains_key(to) && !overwrite {
                        return Err(file_error(FileErrorCode::AlreadyExists));
                    }
                    let content = files[from].clone();
                    if matches!(request, FileRequest::Move { .. }) {
                        files.remove(from);
                    }
                    files.insert(to.clone(), content);
                    FileResponse::Entry { entry: found(files, to)? }
                }
                FileRequest::Delete { path, .. } => {
                    found(files, path)?;
                    files.remove(path);
                    FileResponse::Deleted
                }
            })
        })
    }

    async fn read(&self, path: &str, range: Option<&str>) -> Result<Content, HostError> {
        let content = self.with(|files| files.get(path).cloned().ok_or(file_error(FileErrorCode::NotFound)))?;
        let whole = content.len();
        let (status, content) = match range {
            Some("bytes=0-1") => (206, content[..2].to_vec()),
            _ => (200, content),
        };
        let range = (status == 206).then(|| format!("bytes 0-1/{whole}"));
        let head = ContentHead { status, range, length: Some(content.len() as u64) };
        Ok(Content { head, body: stream::iter([Ok(content)]).boxed_local() })
    }

    async fn write(&self, path: &str, content: ByteStream) -> Result<FileResponse, HostError> {
        let chunks: Vec<_> = content.collect().await;
        let chunks: Result<Vec<_>, _> = chunks.into_iter().collect();
        let bytes = chunks.map_err(lost)?.concat();
        let write = async || {
            self.with(|files| {
                let size = bytes.len();
                files.insert(path.to_owned(), bytes);
                Ok(FileResponse::Entry { entry: entry(path, size, FileKind::File) })
            })
        };
        self.hosts.write_faults.around(write).await.map_err(lost)?
    }

    async fn check_out(&self, job: &CheckoutJob) -> Result<CheckedOut, HostError> {
        self.with(|files| {
            if job.repository.url.ends_with("none") {
                let message = "there is no such repository: check url".to_owned();
                let refused = CheckoutRefused { repository_error: RepositoryError::NotFound, message };
                return Err(HostError::Checkout(refused));
            }
            files.insert(format!("{}/README.md", job.path), b"read".to_vec());
            let path = format!("/workspace/{}", job.path);
            Ok(CheckedOut { path, commit: "c0ffee".to_owned(), branch: job.repository.reference.clone() })
        })
    }

    async fn export(&self, _: &str) -> Result<ByteStream, HostError> {
        let bytes = self.with(|files| Ok(archive(files)))?;
        Ok(stream::iter([Ok(bytes)]).boxed_local())
    }

    async fn import(&self, path: &str, archive: ByteStream) -> Result<FileResponse, HostError> {
        let chunks: Result<Vec<_>, _> = archive.collect::<Vec<_>>().await.into_iter().collect();
        let sent = unpacked(&chunks.map_err(lost)?.concat());
        self.with(|files| {
            files.extend(sent);
            Ok(FileResponse::Entry { entry: entry(path, 0, FileKind::Directory) })
        })
    }

    async fn save_tree(&self, base: ByteStream, number: u64) -> Result<ByteStream, HostError> {
        let files = self.with(|files| Ok(files.clone()))?;
        self.hosts.archive_faults.around(async || ()).await.map_err(lost)?;
        let (manifest, _) = received(base).await?;
        let mut frames = Vec::new();
        save(archive(&files).as_slice(), manifest.as_ref(), number, |frame| {
            frames.push(Ok(frame.encode()));
            Ok(())
        })
        .unwrap();
        Ok(stream::iter(frames).boxed_local())
    }

    async fn restore_tree(&self, frames: ByteStream) -> Result<(), HostError> {
        let (manifest, packs) = received(frames).await?;
        let (manifest, mut bytes) = (manifest.unwrap(), Vec::new());
        let read = |pack: u32, offset: u32, buffer: &mut [u8]| {
            buffer.copy_from_slice(&packs[pack as usize][offset as usize..offset as usize + buffer.len()]);
            Ok(())
        };
        restore(&manifest, read, &mut bytes).unwrap();
        let files = unpacked(&bytes);
        let has_room = files.values().map(Vec::len).sum::<usize>() >> 20 < self.hosts.disks.borrow()[&self.id] as usize;
        let restore = async || {
            self.with(|own| {
                *own = if has_room { files } else { return Err(file_error(FileErrorCode::NoSpace)) };
                Ok(())
            })
        };
        self.hosts.restore_faults.around(restore).await.map_err(lost)?
    }

    async fn patch_tree(&self, frames: ByteStream) -> Result<(), HostError> {
        let [(before, _), (after, packs)] = all_received(frames).await?.try_into().expect("two trees");
        let patch = Patch::new(&before.unwrap(), &after.unwrap());
        let meanwhile = self.hosts.meanwhile.borrow_mut().pop_front();
        let change = async || {
            self.with(|own| {
                own.extend(meanwhile.unwrap_or_default());
                *own = patched(own, &patch, &packs).ok_or(file_error(FileErrorCode::Changed))?;
                Ok(())
            })
        };
        self.hosts.restore_faults.around(change).await.map_err(lost)?
    }
}
