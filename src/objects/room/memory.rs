//! Keeps a room in memory, reloads it after a failure, and knows which run belongs to it.

use crate::domain::timestamp::Timestamp;
use crate::objects::room::live::{Live, RoomPorts};
use crate::ports::rooms::{ProgramRequest, RunAs, RunningProgram};
use crate::ports::{Level, PortError};
use docle_room::close::CloseReason;
use docle_room::room::{Output, Room, RunRequest};
use futures::lock::Mutex;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The memory of a Room object. Everything in it can be rebuilt, except that a program is running.
pub struct RoomMemory {
    pub ports: RoomPorts,
    /// `None`: not loaded. It is never borrowed over an await.
    live: RefCell<Option<Live>>,
    /// The program that runs.
    running: RefCell<Option<Running>>,
    /// Counts the deletions. A run from before the last one changes nothing.
    generation: Cell<u64>,
    /// Held while the storage is being deleted.
    deleting: Mutex<()>,
    /// When the timer fires that is set, in milliseconds since 1970.
    timer: Cell<Option<i64>>,
}

/// What the object knows of a program that runs.
struct Running {
    /// The user whose program it is.
    user_id: String,
    project_id: String,
    /// The id of its run, once it has started.
    run: Option<String>,
}

/// A program that the room runs.
pub struct GrantedRun {
    pub generation: u64,
    pub program: ProgramRequest,
}

impl RoomMemory {
    pub fn new(ports: RoomPorts) -> Self {
        Self {
            ports,
            live: RefCell::default(),
            running: RefCell::default(),
            generation: Cell::default(),
            deleting: Mutex::default(),
            timer: Cell::default(),
        }
    }

    /// Resolves when no deletion is in progress. Each event first waits for it, so that the deletion cannot remove only
    /// a part of what the event stores.
    pub async fn settled(&self) {
        drop(self.deleting.lock().await);
    }

    /// Calls `act` with the room, which is loaded if it is not in memory.
    ///
    /// # Errors
    /// A port has failed. The room in memory may differ from what is stored, so it is dropped and every socket is
    /// closed. The clients reconnect. Those of Yjs send what they have seen and the room lacks: its last quarter second.
    pub fn with<R>(&self, act: impl FnOnce(&mut Live) -> Result<R, PortError>) -> Result<R, PortError> {
        let done = {
            let mut live = self.live.borrow_mut();
            let loaded = match live.take() {
                Some(loaded) => Ok(loaded),
                None => self.load(),
            };
            loaded.and_then(|loaded| act(live.insert(loaded)))
        };
        if done.is_err() {
            self.close_all(CloseReason::Failed);
        }
        done
    }

    /// Passes an event to the room and carries out its output. Returns the run that the room has granted.
    pub fn act(self: &Rc<Self>, event: impl FnOnce(&mut Room, i64) -> Output) -> Result<Option<GrantedRun>, PortError> {
        let granted = self.with(|live| {
            let output = event(&mut live.room, self.ports.now());
            let run = live.carry_out(output, &self.ports)?;
            live.note_if_empty(&self.ports)?;
            let Some(RunRequest { user_id, host, request }) = run else { return Ok(None) };
            let no_key = || PortError("A room without a key has granted a run.".to_owned());
            let billing_key = live.metadata.billing_key.clone().ok_or_else(no_key)?;
            let program = ProgramRequest { billing_key: RunAs::Room { billing_key, host }, request };
            Ok(Some(self.begin_run(user_id, program)))
        })?;
        self.set_timer();
        Ok(granted)
    }

    /// Records that a program runs, so that the room still knows it after it was dropped and loaded again.
    pub fn begin_run(&self, user_id: String, program: ProgramRequest) -> GrantedRun {
        let project_id = program.billing_key.project_id().to_owned();
        self.running.replace(Some(Running { user_id, project_id, run: None }));
        GrantedRun { generation: self.generation.get(), program }
    }

    /// Records that a run has started, unless the room was deleted after it began.
    pub fn note_started(&self, generation: u64, run: &str) {
        if self.generation.get() == generation
            && let Some(running) = self.running.borrow_mut().as_mut()
        {
            running.run = Some(run.to_owned());
        }
    }

    /// The program that runs; `None` if none does, or it has not started yet.
    pub fn running(&self) -> Option<RunningProgram> {
        let running = self.running.borrow();
        let Running { project_id, run, .. } = running.as_ref()?;
        Some(RunningProgram { project_id: project_id.clone(), run: run.clone()? })
    }

    /// Passes an event of a run to the room, unless the room was deleted after the run began.
    pub fn on_run(
        self: &Rc<Self>,
        generation: u64,
        event: impl FnOnce(&mut Room, i64) -> Output,
    ) -> Result<(), PortError> {
        if self.generation.get() == generation { self.act(event).map(drop) } else { Ok(()) }
    }

    /// Stores the result of a run and passes its end to the room, unless the room was deleted after the run began.
    pub fn end_run(
        &self,
        generation: u64,
        store: impl FnOnce() -> Result<(), PortError>,
        event: impl FnOnce(&mut Room, i64) -> Output,
    ) -> Result<(), PortError> {
        if self.generation.get() != generation {
            return Ok(());
        }
        let done = self.with(|live| {
            store()?;
            let output = event(&mut live.room, self.ports.now());
            live.carry_out(output, &self.ports).map(drop)
        });
        self.running.take();
        done
    }

    /// Sets the alarm when something is due before the one that is set.
    pub async fn set_alarm(&self) -> Result<(), PortError> {
        let due = self.with(|live| {
            let next = live.next_alarm(self.ports.now());
            let is_new = next.is_some_and(|next| live.alarm.is_none_or(|alarm| next < alarm));
            Ok(next.filter(|_| is_new).inspect(|next| live.alarm = Some(*next)))
        })?;
        let Some(at) = due else { return Ok(()) };
        let set = self.ports.storage.set_alarm(Timestamp(at)).await;
        if set.is_err() {
            self.close_all(CloseReason::Failed);
        }
        set
    }

    /// Makes the room store and send what waits, when that is due. The timer keeps the object in memory until then.
    fn set_timer(self: &Rc<Self>) {
        let Some(at) = self.live.borrow().as_ref().and_then(Live::next_timer) else { return };
        if self.timer.get().is_some_and(|set| set <= at) {
            return;
        }
        self.timer.set(Some(at));
        let memory = Rc::clone(self);
        let sleep = self.ports.clock.sleep(u32::try_from(at - self.ports.now()).unwrap_or(0));
        self.ports.background.spawn(Box::pin(async move {
            sleep.await;
            // An earlier timer may have taken the place of this one, and the room may have been dropped.
            if memory.timer.get() != Some(at) {
                return;
            }
            memory.timer.set(None);
            memory.settled().await;
            if memory.live.borrow().is_some()
                && let Err(error) = memory.act(Room::on_timer)
            {
                let line = json!({ "message": "A room could not store its updates.", "error": error.0 });
                memory.ports.log.write(Level::Error, line);
            }
        }));
    }

    /// Closes every socket and deletes what is stored. It does not load the room, so that an unreadable room can be
    /// deleted. It may be repeated.
    pub async fn delete(&self) -> Result<(), PortError> {
        let _only_deletion = self.deleting.lock().await;
        self.delete_all().await
    }

    /// The same for a room that nobody has used for a long time, if that is so. It first removes the room from the list
    /// of its project. Clients that come meanwhile wait, and then find no room.
    pub async fn delete_unused(&self) -> Result<bool, PortError> {
        let _only_deletion = self.deleting.lock().await;
        let now = self.ports.now();
        let over = self.with(|live| Ok(live.end().filter(|end| *end <= now).map(|_| live.metadata.room.clone())))?;
        let Some(room) = over else { return Ok(false) };
        if let Some(room) = room {
            self.ports.project.remove_room(&room).await?;
        }
        self.delete_all().await?;
        Ok(true)
    }

    async fn delete_all(&self) -> Result<(), PortError> {
        self.generation.set(self.generation.get() + 1);
        self.running.take();
        self.close_all(CloseReason::Deleted);
        self.ports.storage.delete_all().await
    }

    /// Closes every socket and drops the room, which is loaded again when it is needed.
    fn close_all(&self, reason: CloseReason) {
        for (connection, _) in self.ports.sockets.list() {
            self.ports.close(connection, reason);
        }
        self.live.take();
    }

    fn load(&self) -> Result<Live, PortError> {
        let mut live = Live::load(&self.ports)?;
        if let Some(Running { user_id, .. }) = &*self.running.borrow() {
            live.room.resume_run(user_id);
        }
        Ok(live)
    }
}
