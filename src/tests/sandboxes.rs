//! Sandboxes by their own logic, without the runtime between.

use crate::domain::input::page::Page;
use crate::domain::sandbox::id::SandboxId;
use crate::objects::runtime::ObjectRuntime;
use crate::objects::sandbox::logic::{SandboxLogic, SandboxPorts};
use crate::ports::ClientSignal;
use crate::ports::contexts::{CellCall, ContextAction};
use crate::ports::fleet::Fleet;
use crate::ports::http_messages::Upgrade;
use crate::ports::previews::{PortAnswer, PortsAnswer, PortsRequest, PreviewCall, TerminalCall};
use crate::ports::sandboxes::{
    ByteStream, ConfigChange, Content, EnvRequest, ExecutionRecord, Given, SandboxConfig, SandboxDirectory, SandboxOf,
    SandboxRefusal, SandboxReport, Sandboxes, SessionRecord, SessionRequest,
};
use crate::ports::snapshots::{SnapshotRequest, SnapshotResponse};
use crate::tests::fake_disk::FakeDisk;
use crate::tests::fake_host::{FakeHost, FakeHosts};
use crate::tests::fake_sockets::FakeSockets;
use crate::tests::fake_storage::FakeStorage;
use async_trait::async_trait;
use docle_protocol::context::ContextState;
use docle_protocol::sandbox::checkout::{CheckedOut, CheckoutJob};
use docle_protocol::sandbox::process::{ProcessRequest, ProcessResponse, ProcessWatch};
use docle_protocol::sandbox::{ExecJob, FileRequest, FileResponse};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// [`Sandboxes`] as the objects are: one [`SandboxLogic`] with a database of its own for each sandbox.
pub struct LocalSandboxes {
    runtime: ObjectRuntime,
    directory: Rc<dyn SandboxDirectory>,
    fleet: Rc<dyn Fleet>,
    pub hosts: Rc<FakeHosts>,
    pub disk: Rc<FakeDisk>,
    logics: RefCell<BTreeMap<SandboxId, Rc<SandboxLogic>>>,
    storages: RefCell<BTreeMap<SandboxId, Rc<FakeStorage>>>,
    /// The client of the next commands.
    pub client: RefCell<ClientSignal>,
}

impl LocalSandboxes {
    pub fn new(runtime: ObjectRuntime, directory: Rc<dyn SandboxDirectory>, fleet: Rc<dyn Fleet>) -> Self {
        let (hosts, disk, logics, storages) = Default::default();
        Self { runtime, directory, fleet, hosts, disk, logics, storages, client: RefCell::default() }
    }

    /// The objects that have stored something.
    pub fn stored(&self) -> usize {
        self.storages.borrow().values().filter(|storage| !storage.is_empty()).count()
    }

    fn of(&self, sandbox: &SandboxOf) -> Rc<SandboxLogic> {
        let storage = Rc::clone(self.storages.borrow_mut().entry(sandbox.id.clone()).or_default());
        let make = || {
            let host = Rc::new(FakeHost { hosts: Rc::clone(&self.hosts), id: sandbox.id.clone() });
            let (directory, fleet) = (Rc::clone(&self.directory), Rc::clone(&self.fleet));
            let ports = SandboxPorts {
                host,
                disk: self.disk.clone(),
                directory,
                fleet,
                sockets: Rc::new(FakeSockets::default()),
                preview_host: None,
            };
            SandboxLogic::new(ObjectRuntime { storage, ..self.runtime.clone() }, ports)
        };
        Rc::clone(self.logics.borrow_mut().entry(sandbox.id.clone()).or_insert_with(make))
    }
}

#[async_trait(?Send)]
impl Sandboxes for LocalSandboxes {
    async fn open(&self, sandbox: &SandboxOf, config: &SandboxConfig) -> Result<(), SandboxRefusal> {
        self.of(sandbox).open(sandbox.clone(), config.clone()).await
    }

    async fn configure(&self, sandbox: &SandboxOf, change: &ConfigChange) -> Result<(), SandboxRefusal> {
        self.of(sandbox).configure(&sandbox.project_id, change.clone()).await
    }

    async fn env(&self, sandbox: &SandboxOf, request: &EnvRequest) -> Result<Vec<String>, SandboxRefusal> {
        self.of(sandbox).env(&sandbox.project_id, request.clone()).await
    }

    async fn report(&self, sandbox: &SandboxOf) -> Result<SandboxReport, SandboxRefusal> {
        self.of(sandbox).report(&sandbox.project_id)
    }

    async fn exec(
        &self,
        sandbox: &SandboxOf,
        job: &ExecJob,
        file_path: Option<&str>,
    ) -> Result<Given<ByteStream>, SandboxRefusal> {
        let (logic, client) = (self.of(sandbox), self.client.borrow().clone());
        logic.exec(&sandbox.project_id, job.clone(), file_path.map(str::to_owned), client).await
    }

    async fn processes(
        &self,
        sandbox: &SandboxOf,
        request: &ProcessRequest,
    ) -> Result<Given<ProcessResponse>, SandboxRefusal> {
        self.of(sandbox).processes(&sandbox.project_id, request).await
    }

    async fn sessions(
        &self,
        sandbox: &SandboxOf,
        request: &SessionRequest,
    ) -> Result<Vec<SessionRecord>, SandboxRefusal> {
        self.of(sandbox).sessions(&sandbox.project_id, request).await
    }

    async fn watch(&self, sandbox: &SandboxOf, watch: &ProcessWatch) -> Result<ByteStream, SandboxRefusal> {
        let (logic, client) = (self.of(sandbox), self.client.borrow().clone());
        logic.watch(&sandbox.project_id, watch, client).await
    }

    async fn contexts(
        &self,
        sandbox: &SandboxOf,
        action: &ContextAction,
    ) -> Result<Given<Vec<ContextState>>, SandboxRefusal> {
        self.of(sandbox).contexts(&sandbox.project_id, action).await
    }

    async fn run_cell(&self, sandbox: &SandboxOf, call: &CellCall) -> Result<Given<ByteStream>, SandboxRefusal> {
        let (logic, client) = (self.of(sandbox), self.client.borrow().clone());
        logic.run_cell(&sandbox.project_id, call.clone(), client).await
    }

    async fn executions(&self, sandbox: &SandboxOf, page: &Page) -> Result<Vec<ExecutionRecord>, SandboxRefusal> {
        self.of(sandbox).executions(&sandbox.project_id, page)
    }

    async fn ports(&self, sandbox: &SandboxOf, request: &PortsRequest) -> Result<PortsAnswer, SandboxRefusal> {
        self.of(sandbox).ports(&sandbox.project_id, request)
    }

    async fn preview(
        &self,
        id: &SandboxId,
        call: &PreviewCall,
        body: Option<ByteStream>,
    ) -> Result<PortAnswer, SandboxRefusal> {
        let sandbox = SandboxOf { project_id: String::new(), id: id.clone() };
        let (logic, client) = (self.of(&sandbox), self.client.borrow().clone());
        logic.preview(call.clone(), body, client).await
    }

    async fn terminal(&self, sandbox: &SandboxOf, call: &TerminalCall) -> Result<Upgrade, SandboxRefusal> {
        self.of(sandbox).terminal(&sandbox.project_id, call).await
    }

    async fn files(&self, sandbox: &SandboxOf, request: &FileRequest) -> Result<Given<FileResponse>, SandboxRefusal> {
        self.of(sandbox).files(&sandbox.project_id, request).await
    }

    async fn read(
        &self,
        sandbox: &SandboxOf,
        path: &str,
        range: Option<&str>,
    ) -> Result<Given<Content>, SandboxRefusal> {
        self.of(sandbox).read(&sandbox.project_id, path, range).await
    }

    async fn write(
        &self,
        sandbox: &SandboxOf,
        path: &str,
        content: ByteStream,
    ) -> Result<Given<FileResponse>, SandboxRefusal> {
        self.of(sandbox).write(&sandbox.project_id, path, content).await
    }

    async fn check_out(&self, sandbox: &SandboxOf, job: &CheckoutJob) -> Result<Given<CheckedOut>, SandboxRefusal> {
        self.of(sandbox).check_out(&sandbox.project_id, job).await
    }

    async fn export(&self, sandbox: &SandboxOf, path: &str) -> Result<Given<ByteStream>, SandboxRefusal> {
        self.of(sandbox).export(&sandbox.project_id, path).await
    }

    async fn import(
        &self,
        sandbox: &SandboxOf,
        path: &str,
        archive: ByteStream,
    ) -> Result<Given<FileResponse>, SandboxRefusal> {
        self.of(sandbox).import(&sandbox.project_id, path, archive).await
    }

    async fn export_snapshot(&self, sandbox: &SandboxOf, id: &str) -> Result<ByteStream, SandboxRefusal> {
        self.of(sandbox).export_snapshot(&sandbox.project_id, id).await
    }

    async fn snapshots(
        &self,
        sandbox: &SandboxOf,
        request: &SnapshotRequest,
    ) -> Result<SnapshotResponse, SandboxRefusal> {
        self.of(sandbox).snapshots(sandbox, request.clone()).await
    }

    async fn sleep(&self, sandbox: &SandboxOf) -> Result<(), SandboxRefusal> {
        self.of(sandbox).sleep(&sandbox.project_id).await
    }

    async fn wake(&self, sandbox: &SandboxOf) -> Result<(), SandboxRefusal> {
        self.of(sandbox).start_now(&sandbox.project_id).await
    }

    async fn delete(&self, sandbox: &SandboxOf) -> Result<(), SandboxRefusal> {
        self.of(sandbox).delete(sandbox).await
    }
}
