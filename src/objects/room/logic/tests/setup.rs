//! A room with its storage, sockets and programs, and clients of the JSON protocol.

use super::*;
use crate::domain::room::id::RANDOM_BYTES;
use crate::domain::run::record::Owner;
use crate::domain::usage_log::name::LogId;
use crate::ports::Clock;
use crate::ports::rooms::{Admitted, ProgramRequest, Refused, RoomProject, RunMessage};
use crate::tests::app::secret;
use crate::tests::fake_room_sockets::FakeRoomSockets;
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fakes::{FakeEntropy, FakeLog, PoolBackground};
use crate::tests::fault::Faults;
use crate::tests::step_clock::StepClock;
use async_trait::async_trait;
use docle_room::role::Role;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::executor::LocalPool;
use futures::stream::LocalBoxStream;
use futures::task::LocalSpawnExt;
use futures::{FutureExt, StreamExt};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// [`Programs`] that a test carries out.
#[derive(Default)]
pub struct FakePrograms {
    pub started: RefCell<Vec<Started>>,
    pub faults: Faults,
}

/// A program that goes on until its sender is dropped.
pub struct Started {
    pub program: ProgramRequest,
    sender: UnboundedSender<RunMessage>,
}

#[async_trait(?Send)]
impl Programs for FakePrograms {
    async fn start(&self, program: ProgramRequest) -> Result<LocalBoxStream<'static, RunMessage>, Refused> {
        let start = async || {
            let (sender, messages) = unbounded();
            self.started.borrow_mut().push(Started { program, sender });
            messages.boxed_local()
        };
        let refuse = |error: PortError| Refused {
            code: "runner_unavailable".to_owned(),
            message: error.0,
            fields: BTreeMap::new(),
        };
        self.faults.around(start).await.map_err(refuse)
    }
}

/// [`RoomProject`] as a test says.
#[derive(Default)]
pub struct FakeProject {
    pub revoked: RefCell<BTreeSet<String>>,
    pub is_gone: Cell<bool>,
    pub is_suspended: Cell<bool>,
    pub removed: RefCell<Vec<RoomId>>,
    /// How often it was asked about a key.
    pub asked: Cell<usize>,
    /// What happens at the next questions.
    pub faults: Faults,
}

#[async_trait(?Send)]
impl RoomProject for FakeProject {
    async fn has_key(&self, key_hash: &str) -> Result<bool, PortError> {
        self.asked.set(self.asked.get() + 1);
        self.faults.around(async || !self.revoked.borrow().contains(key_hash)).await
    }

    async fn has_room(&self, _room: &RoomId) -> Result<bool, PortError> {
        self.faults.around(async || !self.is_gone.get()).await
    }

    async fn is_suspended(&self, _room: &RoomId) -> Result<bool, PortError> {
        self.faults.around(async || self.is_suspended.get()).await
    }

    async fn remove_room(&self, room: &RoomId) -> Result<(), PortError> {
        self.faults.around(async || self.removed.borrow_mut().push(room.clone())).await
    }
}

pub struct Setup {
    pub logic: Rc<RoomLogic>,
    pub kind: Kind,
    pub storage: Rc<FakeStorage>,
    pub sockets: Rc<FakeRoomSockets>,
    pub programs: Rc<FakePrograms>,
    pub project: Rc<FakeProject>,
    pub clock: Rc<StepClock>,
    pub pool: LocalPool,
    entropy: Rc<FakeEntropy>,
}

impl Setup {
    /// An open room.
    pub fn new() -> Self {
        Self::of(Kind::Open)
    }

    /// A room of this kind, which has stored nothing.
    pub fn of(kind: Kind) -> Self {
        let (storage, sockets, programs): (Rc<FakeStorage>, Rc<FakeRoomSockets>, Rc<FakePrograms>) = Default::default();
        let (project, clock, entropy): (Rc<FakeProject>, Rc<StepClock>, Rc<FakeEntropy>) = Default::default();
        let (logic, pool) = logic(&storage, &sockets, &project, &clock, &entropy, &programs);
        Self { logic, kind, storage, sockets, programs, project, clock, pool, entropy }
    }

    /// A room of a project, which has opened it with the key `a`.
    pub fn owned() -> Self {
        let mut setup = Self::of(Kind::Owned);
        setup.open().unwrap();
        setup
    }

    /// The object as it is after a reset: what was in memory is lost, what the sockets hold is not.
    pub fn reset(&mut self) {
        let (storage, sockets, project) = (&self.storage, &self.sockets, &self.project);
        (self.logic, self.pool) = logic(storage, sockets, project, &self.clock, &self.entropy, &self.programs);
    }

    /// A crash of the runtime: the sockets are lost as well.
    pub fn crash(&mut self) {
        self.sockets.open().into_iter().for_each(|id| self.sockets.lose(id));
        self.reset();
    }

    /// Lets time pass, and the timers of the room fire.
    pub fn pass_ms(&mut self, milliseconds: i64) {
        self.clock.pass_ms(milliseconds);
        self.pool.run_until_stalled();
    }

    /// The rows of the log.
    pub fn rows(&self) -> usize {
        use crate::ports::LocalSql;
        self.storage.exec("SELECT 1 FROM log", &[]).map_or(0, |rows| rows.len())
    }

    /// Does something to its end.
    pub fn until<R, F: Future<Output = R>>(&mut self, work: impl FnOnce(Rc<RoomLogic>) -> F) -> R {
        self.pool.run_until(work(Rc::clone(&self.logic)))
    }

    /// Begins something that goes on beside what follows. Answers with what it comes to.
    pub fn begin<R: 'static, F: Future<Output = R> + 'static>(
        &mut self,
        work: impl FnOnce(Rc<RoomLogic>) -> F,
    ) -> Rc<RefCell<Option<R>>> {
        let end = Rc::new(RefCell::new(None));
        let work = work(Rc::clone(&self.logic));
        let ended = Rc::clone(&end);
        self.pool.spawner().spawn_local(work.map(move |end| drop(ended.replace(Some(end))))).unwrap();
        self.pool.run_until_stalled();
        end
    }

    pub fn open(&mut self) -> Result<(), PortError> {
        self.until(|room| async move { room.open(room_id(), billing_key("a")).await })
    }

    pub fn delete(&mut self) -> Result<(), PortError> {
        self.until(|room| async move { room.delete().await })
    }

    pub fn state(&mut self) -> Option<Value> {
        let kind = self.kind;
        self.until(|room| async move { room.state(kind).await }).unwrap()
    }

    /// Connects a client; `None` if there is no such room.
    pub fn connect(&mut self, name: &str) -> Result<Option<u32>, PortError> {
        self.connect_as(join(name))
    }

    pub fn connect_as(&mut self, join: JoinRequest) -> Result<Option<u32>, PortError> {
        let kind = self.kind;
        let upgrade = self.until(|room| async move { room.connect(kind, join).await })?;
        Ok(upgrade.map(|upgrade| *upgrade.0.downcast().unwrap()))
    }

    /// Connects a client, which asks for the text at once.
    pub fn join(&mut self, name: &str) -> u32 {
        let id = self.connect(name).unwrap().unwrap();
        self.sends(id, json!({ "type": "sync" })).unwrap();
        id
    }

    pub fn sends(&mut self, id: u32, message: Value) -> Result<(), PortError> {
        // A second later, so that no client is too fast.
        self.clock.pass_ms(1_000);
        self.until(|room| async move { room.on_frame(id, Incoming::Text(&message.to_string())).await })
    }

    /// The same at once after what it sent before.
    pub fn sends_at_once(&mut self, id: u32, message: &Value) {
        self.until(|room| async move { room.on_frame(id, Incoming::Text(&message.to_string())).await }).unwrap();
    }

    /// A client sends its whole text, made of what the room has now.
    pub fn types(&mut self, id: u32, code: &str) -> Result<(), PortError> {
        let rev = self.state().unwrap()["rev"].clone();
        self.sends(id, update(&rev, code))
    }

    pub fn leaves(&mut self, id: u32) -> Result<(), PortError> {
        self.until(|room| async move { room.on_close(id).await })
    }

    /// Fires the alarm when it is due; nothing happens if none is set.
    pub fn alarm(&mut self) -> Result<(), PortError> {
        let Some(at) = self.storage.alarm_at() else { return Ok(()) };
        self.clock.pass_ms((at - self.clock.now().0).max(0));
        self.storage.fire();
        let done = self.until(|room| async move { room.alarm().await });
        if done.is_err() {
            // The runtime repeats an alarm that fails.
            self.until(|room| async move { room.alarm().await })?;
        }
        done
    }

    /// The text as a reset object reads it.
    pub fn code(&mut self) -> String {
        self.reset();
        self.state().unwrap()["code"].as_str().unwrap().to_owned()
    }

    /// A client types a program and runs it, through its socket.
    pub fn runs(&mut self, id: u32) -> Rc<RefCell<Option<Result<(), PortError>>>> {
        self.sends(id, json!({ "type": "update", "data": { "code": "print(1)" } })).unwrap();
        self.begin(|room| async move { room.on_frame(id, Incoming::Text(r#"{"type":"run"}"#)).await })
    }

    /// A client runs the room's program by HTTP, with a key of its own where there is one.
    pub fn runs_by_http(&mut self, key: Option<&str>) -> Rc<RefCell<Option<Result<RoomRunEnd, PortError>>>> {
        let admitted = key.map(|key| Admitted { billing_key: billing_key(key), ip: None });
        let run = RoomRun {
            user_id: "api".into(),
            admitted,
            host: None,
            code: Some("print(1)".into()),
            lang: None,
            stdin: None,
            policy: None,
        };
        self.begin(|room| async move { room.run(run).await })
    }

    /// The program that was started first says something; `None` ends it.
    pub fn program_says(&mut self, message: Option<RunMessage>) {
        match message {
            Some(message) => {
                // The room may have stopped listening.
                let _ = self.programs.started.borrow()[0].sender.unbounded_send(message);
            }
            None => drop(self.programs.started.borrow_mut().remove(0)),
        }
        self.pool.run_until_stalled();
    }
}

fn logic(
    storage: &Rc<FakeStorage>,
    sockets: &Rc<FakeRoomSockets>,
    project: &Rc<FakeProject>,
    clock: &Rc<StepClock>,
    entropy: &Rc<FakeEntropy>,
    programs: &Rc<FakePrograms>,
) -> (Rc<RoomLogic>, LocalPool) {
    let (background, pool) = PoolBackground::new();
    let ports = RoomPorts {
        storage: storage.clone(),
        sockets: sockets.clone(),
        project: project.clone(),
        clock: clock.clone(),
        entropy: entropy.clone(),
        background: Rc::new(background),
        log: Rc::new(FakeLog::default()),
    };
    (Rc::new(RoomLogic::new(ports, programs.clone())), pool)
}

/// The room that the project opens.
pub fn room_id() -> RoomId {
    RoomId::from_random(Kind::Owned, [7; RANDOM_BYTES], &secret())
}

pub fn billing_key(key_hash: &str) -> BillingKey {
    let owner = Owner { project_id: "proj_1".into(), log_id: LogId::default(), key_id: format!("key_{key_hash}") };
    BillingKey { key_hash: key_hash.to_owned(), owner }
}

pub fn result() -> Value {
    json!({ "ok": true, "stdout": "1\n" })
}

pub fn join(name: &str) -> JoinRequest {
    JoinRequest {
        role: Role::Owner,
        name: Some(name.to_owned()),
        expires_at: None,
        host: None,
        speaks_yjs: false,
        wants_events: false,
        key_hash: None,
    }
}

/// The message of a client that sends its whole text.
pub fn update(rev: &Value, code: &str) -> Value {
    json!({ "type": "update", "rev": rev, "data": { "code": code } })
}
