//! What the object of a sandbox does.
//!
//! The row in its database is the truth: what it says has happened, and what has not been written there may have. Starts, saves
//! and the deletion exclude each other by one lock. Calls that need the machine are counted while they last, so that it never
//! goes to sleep under one of them.
//!
//! | reset while | what the next call or the alarm finds |
//! |---|---|
//! | it starts | `waking`: the machine is made anew, and the head restored |
//! | it saves | the head before; the new tree is garbage |
//! | it goes to sleep | `running` before the tree is the head; `sleeping` after that, and a machine that is to end |
//! | it is deleted | `deleting`: the alarm goes on |

use crate::domain::input::page::Page;
use crate::domain::sandbox::lifecycle::Activity;
use crate::domain::timestamp::Timestamp;
use crate::objects::runtime::ObjectRuntime;
use crate::objects::sandbox::storage::{self, Stored};
use crate::ports::PortError;
use crate::ports::fleet::Fleet;
use crate::ports::previews::PortRefusal;
use crate::ports::sandboxes::{
    ConfigChange, Disk, ExecutionRecord, Given, HostError, SandboxConfig, SandboxDirectory, SandboxHost, SandboxOf,
    SandboxRefusal, SandboxReport,
};
use crate::ports::socket::Sockets;
use docle_api::sandboxes::SandboxStatus;
use futures::lock::Mutex;
use std::cell::RefCell;
use std::rc::Rc;

/// What the logic needs beside the runtime.
#[derive(Clone)]
pub struct SandboxPorts {
    pub host: Rc<dyn SandboxHost>,
    pub disk: Rc<dyn Disk>,
    pub directory: Rc<dyn SandboxDirectory>,
    /// Who may have an awake sandbox.
    pub fleet: Rc<dyn Fleet>,
    pub sockets: Rc<dyn Sockets>,
    /// What the hosts of exposed ports end with; `None` where ports cannot be exposed.
    pub preview_host: Option<String>,
}

/// One sandbox.
pub struct SandboxLogic {
    pub(super) runtime: ObjectRuntime,
    pub(super) ports: SandboxPorts,
    pub(super) memory: Rc<RefCell<Memory>>,
    /// Held by a start, a save, a deletion.
    pub(super) transition: Mutex<()>,
}

/// What the object keeps in memory. It is never borrowed across an await.
#[derive(Default)]
pub struct Memory {
    loaded: bool,
    stored: Option<Stored>,
    /// Calls in progress that need the machine.
    active: u32,
    /// Counts the calls that need the machine.
    pub(super) uses: u64,
    last_use: Option<Timestamp>,
    /// Counts the starts that this memory knows of.
    pub(super) starts: u64,
    pub(super) save_again_at: Option<Timestamp>,
    pub(super) renew_at: Option<Timestamp>,
    pub(super) is_reclaimed: bool,
    /// Whether its account is suspended: nothing of it goes on.
    pub(super) is_suspended: bool,
    /// Whether a visitor has had it started, and the start goes on.
    pub(super) is_starting: bool,
    /// The last use that the directory has.
    pub(super) noted_use: Option<Timestamp>,
    /// The stored bytes that it has.
    pub(super) noted_bytes: Option<u64>,
}

/// A call that needs the machine, from its beginning to its end.
pub struct Use {
    logic: Rc<SandboxLogic>,
    /// Which start of the machine it was sent to.
    pub start: u64,
}

impl Drop for Use {
    fn drop(&mut self) {
        {
            let mut memory = self.logic.memory.borrow_mut();
            memory.active -= 1;
            memory.last_use = Some(self.logic.runtime.clock.now());
        }
        let logic = Rc::clone(&self.logic);
        self.logic.runtime.background.spawn(Box::pin(async move { logic.set_alarm_or_log().await }));
    }
}

impl SandboxLogic {
    pub fn new(runtime: ObjectRuntime, ports: SandboxPorts) -> Rc<Self> {
        Rc::new(Self { runtime, ports, memory: Rc::default(), transition: Mutex::default() })
    }

    /// Makes the sandbox, and starts it after the answer. It may be repeated.
    ///
    /// # Errors
    /// Nothing is stored.
    pub async fn open(self: &Rc<Self>, sandbox: SandboxOf, config: SandboxConfig) -> Result<(), SandboxRefusal> {
        if let Some(stored) = self.stored()? {
            return if stored.sandbox == sandbox { Ok(()) } else { Err(SandboxRefusal::NotFound) };
        }
        let project_id = sandbox.project_id.clone();
        self.put(Stored::new(sandbox, config, self.now()))?;
        let own = Rc::clone(self);
        self.runtime.background.spawn(Box::pin(async move {
            // A start that is refused leaves a sandbox that the first call starts.
            if let Err(refusal) = own.enter(&project_id).await.map(drop) {
                own.runtime.log_failure("A new sandbox was not started.", &format!("{refusal:?}"));
            }
        }));
        Ok(())
    }

    /// Changes the settings.
    ///
    /// # Errors
    /// There is no such sandbox, or nothing is changed.
    pub async fn configure(&self, project_id: &str, change: ConfigChange) -> Result<(), SandboxRefusal> {
        self.own(project_id)?;
        let ConfigChange { env, runtime } = change;
        let is_new_env = env.is_some();
        self.change(|stored| {
            stored.config.env = env.unwrap_or(std::mem::take(&mut stored.config.env));
            runtime.apply(&mut stored.config.runtime);
        })?;
        self.set_alarm().await?;
        if is_new_env { self.send_env(project_id).await } else { Ok(()) }
    }

    /// What the sandbox is like.
    ///
    /// # Errors
    /// There is no such sandbox.
    pub fn report(&self, project_id: &str) -> Result<SandboxReport, SandboxRefusal> {
        let stored = self.own(project_id)?;
        let last_used_at = self.memory.borrow().last_use.or(stored.last_used_at);
        Ok(SandboxReport {
            status: stored.status,
            saved_at: stored.head.map(|head| head.saved_at),
            config: stored.config,
            last_used_at,
            save_failing: stored.save_failing,
            restored_from: stored.restored_from,
        })
    }

    /// Executions that have ended, the newest first.
    ///
    /// # Errors
    /// There is no such sandbox.
    pub fn executions(&self, project_id: &str, page: &Page) -> Result<Vec<ExecutionRecord>, SandboxRefusal> {
        self.own(project_id)?;
        Ok(storage::executions(&*self.runtime.storage, page)?)
    }

    /// Begins a call that needs the machine, and starts it unless it runs.
    ///
    /// # Errors
    /// There is no such sandbox, or its machine cannot be started.
    pub(super) async fn enter(self: &Rc<Self>, project_id: &str) -> Result<Use, SandboxRefusal> {
        self.own(project_id)?;
        let mut entered = self.begin_use();
        self.wake().await?;
        entered.start = self.memory.borrow().starts;
        Ok(entered)
    }

    /// Begins a call that needs the machine. From here on it does not go to sleep.
    pub(super) fn begin_use(self: &Rc<Self>) -> Use {
        let now = self.now();
        let mut memory = self.memory.borrow_mut();
        memory.active += 1;
        memory.uses += 1;
        memory.last_use = Some(now);
        Use { logic: Rc::clone(self), start: memory.starts }
    }

    /// Does something on the machine. If the runner has lost it, nothing was done there: the machine is made anew with the
    /// files that were saved last, and the same is done there.
    pub(super) async fn on_machine<T>(
        self: &Rc<Self>,
        entered: &mut Use,
        call: impl AsyncFn(&dyn SandboxHost) -> Result<T, HostError>,
    ) -> Result<Given<T>, SandboxRefusal> {
        let mut result = call(&*self.ports.host).await;
        if result.as_ref().is_err_and(|error| *error == HostError::Unknown) {
            self.lost(entered.start)?;
            self.wake().await?;
            entered.start = self.memory.borrow().starts;
            result = call(&*self.ports.host).await;
        }
        let value = result.map_err(refusal)?;
        Ok(Given { value, restored_from: self.take_restored()? })
    }

    /// Notes that something uses the machine, which must not go to sleep for a while.
    pub(super) fn note_use(&self) {
        let now = self.now();
        self.memory.borrow_mut().last_use = Some(now);
    }

    /// Notes that files change.
    pub(super) fn files_change(&self) -> Result<(), PortError> {
        let now = self.now();
        self.change(|stored| {
            stored.unsaved_since.get_or_insert(now);
            stored.last_used_at = Some(now);
        })
    }

    /// The time of the files if the machine was lost and no answer has told so.
    fn take_restored(&self) -> Result<Option<Timestamp>, PortError> {
        let Some(stored) = self.stored()? else { return Ok(None) };
        if !stored.tells_restored {
            return Ok(None);
        }
        self.change(|stored| stored.tells_restored = false)?;
        Ok(stored.restored_from)
    }

    /// The sandbox if it is one of this project.
    pub(super) fn own(&self, project_id: &str) -> Result<Stored, SandboxRefusal> {
        let stored = self.stored()?.filter(|stored| stored.sandbox.project_id == project_id);
        stored.filter(|stored| stored.status != SandboxStatus::Deleting).ok_or(SandboxRefusal::NotFound)
    }

    /// What is stored.
    pub(super) fn stored(&self) -> Result<Option<Stored>, PortError> {
        let mut memory = self.memory.borrow_mut();
        if !memory.loaded {
            memory.stored = storage::load(&*self.runtime.storage)?;
            memory.last_use = memory.stored.as_ref().and_then(|stored| stored.last_used_at);
            memory.loaded = true;
        }
        Ok(memory.stored.clone())
    }

    /// Changes what is stored. After an error nothing has changed. A sandbox that is gone does not change.
    pub(super) fn change(&self, change: impl FnOnce(&mut Stored)) -> Result<(), PortError> {
        let Some(mut stored) = self.stored()? else { return Ok(()) };
        change(&mut stored);
        self.put(stored)
    }

    pub(super) fn put(&self, stored: Stored) -> Result<(), PortError> {
        storage::save(&*self.runtime.storage, &stored)?;
        let mut memory = self.memory.borrow_mut();
        (memory.loaded, memory.stored) = (true, Some(stored));
        Ok(())
    }

    /// Reads from the storage what memory has forgotten.
    pub(super) fn load_again(&self) {
        self.memory.borrow_mut().loaded = false;
    }

    /// Forgets everything about a sandbox that is deleted.
    pub(super) fn forget(&self) {
        let mut memory = self.memory.borrow_mut();
        (memory.loaded, memory.stored) = (true, None);
    }

    pub(super) fn now(&self) -> Timestamp {
        self.runtime.clock.now()
    }

    pub(super) fn activity(&self, stored: &Stored) -> Activity {
        let memory = self.memory.borrow();
        Activity {
            active: if memory.is_suspended { 0 } else { memory.active },
            last_use: memory.last_use.unwrap_or(stored.created_at),
            unsaved_since: stored.unsaved_since,
            save_again_at: memory.save_again_at,
            is_reclaimed: memory.is_reclaimed || memory.is_suspended,
        }
    }

    /// The last use, which may be newer than what is stored.
    pub(super) fn last_use(&self) -> Option<Timestamp> {
        self.memory.borrow().last_use
    }
}

/// What a failure of the machine means for the caller.
pub(super) fn refusal(error: HostError) -> SandboxRefusal {
    match error {
        HostError::Unknown => SandboxRefusal::Unavailable("The runner has lost the sandbox twice.".to_owned()),
        HostError::File(error) => SandboxRefusal::File(error),
        HostError::Process(error) => SandboxRefusal::Process(error),
        HostError::Checkout(refused) => SandboxRefusal::Checkout(refused),
        HostError::Port(error) => SandboxRefusal::Port(PortRefusal::Program(error)),
        HostError::NoContext => SandboxRefusal::NoContext,
        HostError::TooManyContexts => SandboxRefusal::TooManyContexts,
        HostError::Unavailable(why) => SandboxRefusal::Unavailable(why),
        HostError::Lost(why) => SandboxRefusal::Interrupted(why),
    }
}

/// A failure of the machine for the log.
pub(super) fn failure(error: HostError) -> PortError {
    PortError(match error {
        HostError::Unknown => "The runner has no such sandbox.".to_owned(),
        HostError::File(error) => error.message,
        HostError::Process(error) => error.message,
        HostError::Checkout(refused) => refused.message,
        HostError::Port(error) => error.message,
        HostError::NoContext => "The sandbox has no such context.".to_owned(),
        HostError::TooManyContexts => "The sandbox has too many contexts.".to_owned(),
        HostError::Unavailable(why) | HostError::Lost(why) => why,
    })
}
