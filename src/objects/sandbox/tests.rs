//! A sandbox whose runner, disk and directory fail in every way that they can, and whose object is reset at every moment.

use crate::domain::pool::fleet::{Admission, Renewal};
use crate::domain::sandbox::command::parse_exec;
use crate::domain::sandbox::id::SandboxId;
use crate::domain::sandbox::settings::{Runtime, RuntimeChange};
use crate::domain::timestamp::Timestamp;
use crate::objects::sandbox::logic::{SandboxLogic, SandboxPorts};
use crate::ports::fleet::Fleet;
use crate::ports::sandboxes::{
    ByteStream, ConfigChange, Given, SandboxConfig, SandboxDirectory, SandboxOf, SandboxRefusal, SandboxReport,
    TreePart,
};
use crate::ports::{ClientSignal, PortError};
use crate::tests::fake_disk::FakeDisk;
use crate::tests::fake_host::{FakeHost, FakeHosts};
use crate::tests::fake_sockets::FakeSockets;
use crate::tests::fault::Faults;
use crate::tests::object_fixture::{ObjectBench, Task};
use async_trait::async_trait;
use docle_api::sandboxes::SandboxStatus;
use docle_protocol::sandbox::FileRequest;
use futures::StreamExt;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

const PROJECT: &str = "proj_1";

/// The directory and the fleet.
#[derive(Default)]
struct Neighbours {
    /// The statuses that were noted; `None` when the row was removed.
    noted: RefCell<Vec<Option<SandboxStatus>>>,
    note_faults: Faults,
    /// The stored bytes that were noted last.
    stored_bytes: Cell<u64>,
    remove_faults: Faults,
    admission: Cell<Option<Admission>>,
    renewal: Cell<Option<Renewal>>,
    awake: Cell<i32>,
    is_suspended: Cell<bool>,
}

#[async_trait(?Send)]
impl SandboxDirectory for Neighbours {
    async fn owner_of(&self, _: &str) -> Result<Option<String>, PortError> {
        Ok(Some("user_1".into()))
    }

    async fn is_suspended(&self, _: &str) -> Result<bool, PortError> {
        Ok(self.is_suspended.get())
    }

    async fn note(
        &self,
        _: &SandboxId,
        status: SandboxStatus,
        _: Option<Timestamp>,
        stored_bytes: u64,
    ) -> Result<(), PortError> {
        let note = async || {
            self.stored_bytes.set(stored_bytes);
            self.noted.borrow_mut().push(Some(status));
        };
        self.note_faults.around(note).await
    }

    async fn remove(&self, _: &SandboxId) -> Result<(), PortError> {
        self.remove_faults.around(async || self.noted.borrow_mut().push(None)).await
    }
}

#[async_trait(?Send)]
impl Fleet for Neighbours {
    async fn ask(&self, _: &str, account: &str) -> Result<Admission, PortError> {
        assert_eq!(account, "user_1");
        let admission = self.admission.get().unwrap_or(Admission::Granted);
        if admission == Admission::Granted {
            self.awake.set(1);
        }
        Ok(admission)
    }

    async fn renew(&self, _: &str, _: &str, _: u32) -> Result<Renewal, PortError> {
        Ok(self.renewal.get().unwrap_or(Renewal::Renewed))
    }

    async fn release(&self, _: &str) -> Result<(), PortError> {
        self.awake.set(0);
        Ok(())
    }

    async fn containers_of(&self, _: &str) -> Result<u32, PortError> {
        Ok(0)
    }
}

struct Setup {
    bench: ObjectBench,
    hosts: Rc<FakeHosts>,
    disk: Rc<FakeDisk>,
    neighbours: Rc<Neighbours>,
    logic: Rc<SandboxLogic>,
    sandbox: SandboxOf,
    execs: u32,
}

impl Setup {
    /// A sandbox that runs.
    fn new() -> Self {
        let mut setup = Self::unopened();
        setup.open();
        setup
    }

    fn unopened() -> Self {
        let (bench, hosts, disk, neighbours) = (ObjectBench::new(), Rc::default(), Rc::default(), Rc::default());
        let id = SandboxId::parse("sbx_aaaaaaaaaaaaaaaaaaaaaaaaaa").unwrap();
        let sandbox = SandboxOf { project_id: PROJECT.into(), id };
        let logic = logic(&bench, &hosts, &disk, &neighbours, &sandbox);
        Self { bench, hosts, disk, neighbours, logic, sandbox, execs: 0 }
    }

    fn open(&mut self) {
        let (logic, sandbox) = (Rc::clone(&self.logic), self.sandbox.clone());
        let config = SandboxConfig { env: BTreeMap::new(), runtime: Runtime::default() };
        self.bench.run(async move { logic.open(sandbox, config).await }).unwrap();
        self.bench.settle();
    }

    /// The object after a reset: its memory is lost, its storage and the runner are not. What was in progress never goes on.
    fn reset(&mut self) {
        self.logic = logic(&self.bench, &self.hosts, &self.disk, &self.neighbours, &self.sandbox);
    }

    fn start_exec(&mut self, line: &str, client: &ClientSignal) -> Task<Result<Given<ByteStream>, SandboxRefusal>> {
        self.execs += 1;
        let job = parse_exec(json!({ "command": line }), format!("e{}", self.execs), 300_000).unwrap();
        let (logic, client) = (Rc::clone(&self.logic), client.clone());
        self.bench.start(async move { logic.exec(PROJECT, job, None, client).await })
    }

    /// Executes a command to its end, and gives its events and what the answer says of a loss.
    fn exec(&mut self, line: &str) -> Result<(String, Option<i64>), SandboxRefusal> {
        let given = self.start_exec(line, &ClientSignal::default()).result()?;
        let restored_from = given.restored_from.map(|at| at.0);
        let chunks: Vec<_> = self.bench.run(given.value.collect::<Vec<_>>());
        let bytes: Vec<u8> = chunks.into_iter().flat_map(Result::unwrap).collect();
        self.bench.settle();
        Ok((String::from_utf8(bytes).unwrap(), restored_from))
    }

    fn start_sleep(&mut self) -> Task<Result<(), SandboxRefusal>> {
        let logic = Rc::clone(&self.logic);
        self.bench.start(async move { logic.sleep(PROJECT).await })
    }

    fn sleep(&mut self) -> Result<(), SandboxRefusal> {
        self.start_sleep().result()
    }

    fn wake(&mut self) -> Result<(), SandboxRefusal> {
        let logic = Rc::clone(&self.logic);
        self.bench.run(async move { logic.start_now(PROJECT).await })
    }

    fn delete(&mut self) -> Result<(), SandboxRefusal> {
        let (logic, sandbox) = (Rc::clone(&self.logic), self.sandbox.clone());
        self.bench.run(async move { logic.delete(&sandbox).await })
    }

    fn write_file(&mut self, path: &'static str, content: &'static str) {
        let content: ByteStream = futures::stream::iter([Ok(content.as_bytes().to_vec())]).boxed_local();
        let logic = Rc::clone(&self.logic);
        self.bench.run(async move { logic.write(PROJECT, path, content).await.map(drop) }).unwrap();
    }

    fn read_file(&self, path: &str) -> String {
        String::from_utf8(self.hosts.machines.borrow()[&self.sandbox.id][path].clone()).unwrap()
    }

    fn delete_file(&mut self, path: &str) {
        let request = FileRequest::Delete { path: path.into(), recursive: false };
        let logic = Rc::clone(&self.logic);
        self.bench.run(async move { logic.files(PROJECT, &request).await.map(drop) }).unwrap();
    }

    fn configure(&mut self, runtime: RuntimeChange) {
        let change = ConfigChange { env: None, runtime };
        let logic = Rc::clone(&self.logic);
        self.bench.run(async move { logic.configure(PROJECT, change).await }).unwrap();
    }

    /// Lets time pass to the alarm and fires it.
    fn fire_alarm(&mut self) {
        self.bench.reach_alarm();
        let logic = Rc::clone(&self.logic);
        self.bench.run(async move { logic.alarm().await }).unwrap();
        self.bench.settle();
    }

    fn report(&self) -> SandboxReport {
        self.logic.report(PROJECT).unwrap()
    }

    fn status(&self) -> SandboxStatus {
        self.report().status
    }

    fn files(&self) -> Option<Vec<String>> {
        self.hosts.files(&self.sandbox.id)
    }

    /// The trees whose manifests are stored.
    fn trees(&self) -> Vec<u64> {
        let parts = self.disk.parts.borrow();
        parts
            .keys()
            .filter_map(|(_, part)| if let TreePart::Manifest { save, .. } = part { Some(*save) } else { None })
            .collect()
    }
}

fn logic(
    bench: &ObjectBench,
    hosts: &Rc<FakeHosts>,
    disk: &Rc<FakeDisk>,
    neighbours: &Rc<Neighbours>,
    sandbox: &SandboxOf,
) -> Rc<SandboxLogic> {
    let host = Rc::new(FakeHost { hosts: Rc::clone(hosts), id: sandbox.id.clone() });
    let (directory, fleet) = (neighbours.clone(), neighbours.clone());
    SandboxLogic::new(
        bench.runtime.clone(),
        SandboxPorts {
            host,
            disk: disk.clone(),
            directory,
            fleet,
            sockets: Rc::new(FakeSockets::default()),
            preview_host: None,
        },
    )
}

mod commands;
mod deletion;
mod env;
mod host;
mod loss;
mod merges;
mod previews;
mod processes;
mod series;
mod sessions;
mod sleep;
mod snapshots;
