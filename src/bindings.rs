//! What the deployment provides: the only place that knows the names of bindings, secrets and variables.

mod optional;

use crate::app::App;
use crate::app::accepted_hosts::AcceptedHosts;
use crate::app::rooms::programs::{NoPrograms, RoomPrograms};
use crate::config::{self, Config};
use crate::domain::account::quota::QuotaLimits;
use crate::domain::pool::fleet::FleetLimits;
use crate::domain::pool::scheduler::PoolLimits;
use crate::domain::secret::DeploymentSecret;
use crate::objects::account::call::{AccountStub, NoAccounts};
use crate::objects::container::instance::ContainerInstance;
use crate::objects::container::permit::ContainerPermit;
use crate::objects::container::runner::Runner;
use crate::objects::container::target::RunTarget;
use crate::objects::fleet::call::{AWAKE_SANDBOXES, FleetStub, RUN_CONTAINERS};
use crate::objects::key_gate::call::KeyGateStub;
use crate::objects::key_gate::quota::GateQuotaPorts;
use crate::objects::room::call::RoomStub;
use crate::objects::run_pool::quota::QuotaPorts;
use crate::objects::run_pool::runs::RecordPorts;
use crate::objects::run_pool::stub::RunPoolStub;
use crate::objects::runtime::ObjectRuntime;
use crate::objects::sandbox::stub::SandboxStub;
use crate::objects::usage_log::logic::LogPorts;
use crate::objects::usage_log::stub::UsageLogStub;
use crate::objects::webhooks::call::WebhooksStub;
use crate::objects::webhooks::logic::WebhookPorts;
use crate::platform::artifacts::Artifacts;
use crate::platform::background::AfterCall;
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::container::ContainerHandle;
use crate::platform::d1::D1;
use crate::platform::entropy::RuntimeEntropy;
use crate::platform::kv::RuntimeKv;
use crate::platform::object_storage::RuntimeStorage;
use crate::platform::reports::FetchReports;
use crate::platform::runner::RunnerFetch;
use crate::platform::site_files::StaticAssets;
use crate::platform::socket::RuntimeSockets;
use crate::platform::spool::RuntimeSpool;
use crate::platform::trees::Trees;
use crate::ports::accounts::{AccountLedger, Accounts};
use crate::ports::address_limiter::AddressLimiter;
use crate::ports::artifacts::ArtifactStore;
use crate::ports::fleet::Fleet;
use crate::ports::isolates::Isolates;
use crate::ports::rooms::{Programs, RoomProject, Rooms};
use crate::ports::sandboxes::{Disk, SandboxDirectory};
use crate::ports::site_files::SiteFiles;
use crate::ports::webhooks::Webhooks;
use crate::ports::{Background, KeyGates, KeyLedger, Kv, Mailer, PortError, Sql, UsageLogs};
use crate::store::accounts::SqlAccountLedger;
use crate::store::key_ledger::{NoLedger, SqlLedger};
use crate::store::log_ledger::SqlLogLedger;
use crate::store::sandboxes::SqlSandboxDirectory;
use crate::store::webhooks::SqlWebhookLedger;
use std::cell::RefCell;
use std::rc::Rc;
use worker::worker_sys::web_sys::{AbortController, AbortSignal};
use worker::{Env, Error, ObjectNamespace, Result, State};

use optional::{address_limiter, isolates, mailer, secret, variable};

const DEPLOYMENT_SECRET: &str = "DEPLOYMENT_SECRET";
const DEPLOYMENT_SECRET_PREVIOUS: &str = "DEPLOYMENT_SECRET_PREVIOUS";
const DB: &str = "DB";
const ACCOUNT: &str = "ACCOUNT";
const ARTIFACTS: &str = "ARTIFACTS";
const ASSETS: &str = "ASSETS";
const FLEET: &str = "FLEET";
const RUNS: &str = "RUNS";
const KEY_GATE: &str = "KEY_GATE";
const USAGE: &str = "USAGE";
const ROOM: &str = "ROOM";
const POOL: &str = "POOL";
const SANDBOX: &str = "SANDBOX";
const WEBHOOKS: &str = "WEBHOOKS";
const TREES: &str = "TREES";
const SANDBOX_URL: &str = "SANDBOX_URL";
const SANDBOX_SECRET: &str = "SANDBOX_SECRET";

/// How long the container of a sandbox outlives its object, in milliseconds. The alarm wakes the object much earlier.
const OUTLIVES_MS: i64 = 3_600_000;
/// The image of the containers of sandboxes, as wrangler.toml names it.
const IMAGE: &str = "core";
/// Their size: half a vCPU, 4 GiB of memory, 8 GB of disk. A sandbox has at most 2 GiB of memory and 2 GiB of files.
const SIZE: &str = "standard-1";

/// What all requests of an isolate share. The first request creates it, because reading every binding from the runtime
/// costs as much as a small request.
struct Deployment {
    config: Config,
    sql: Rc<dyn Sql>,
    gates: Rc<dyn KeyGates>,
    logs: Rc<dyn UsageLogs>,
    runs: Rc<dyn Kv>,
    artifacts: Rc<dyn ArtifactStore>,
    rooms: Rc<dyn Rooms>,
    accounts: Rc<dyn Accounts>,
    fleet: Rc<dyn Fleet>,
    secret: DeploymentSecret,
    address_limiter: Option<Rc<dyn AddressLimiter>>,
    run_pools: Rc<ObjectNamespace>,
    sandboxes: Rc<ObjectNamespace>,
    awake_sandboxes: Rc<dyn Fleet>,
    isolates: Option<Rc<dyn Isolates>>,
    site: Option<Rc<dyn SiteFiles>>,
    mailer: Option<Rc<dyn Mailer>>,
    webhooks: Rc<dyn Webhooks>,
    accepted_hosts: Rc<AcceptedHosts>,
}

thread_local! {
    /// One for each isolate, for as long as the isolate lives.
    static DEPLOYMENT: RefCell<Option<Rc<Deployment>>> = const { RefCell::new(None) };
}

fn deployment(env: &Env) -> Result<Rc<Deployment>> {
    if let Some(made) = DEPLOYMENT.with_borrow(Option::clone) {
        return Ok(made);
    }
    let config = Config::from_variables(|name| variable(env, name))?;
    let sql: Rc<dyn Sql> = Rc::new(D1(env.d1(DB)?));
    let made = Rc::new(Deployment {
        mailer: mailer(env, &config, &sql),
        config,
        gates: Rc::new(KeyGateStub { namespace: env.durable_object(KEY_GATE)? }),
        logs: Rc::new(UsageLogStub { namespace: env.durable_object(USAGE)?, pools: env.durable_object(POOL)? }),
        sql,
        runs: Rc::new(RuntimeKv(env.kv(RUNS)?)),
        webhooks: Rc::new(WebhooksStub { namespace: env.durable_object(WEBHOOKS)? }),
        accepted_hosts: Rc::default(),
        artifacts: Rc::new(Artifacts(env.bucket(ARTIFACTS)?)),
        rooms: Rc::new(RoomStub { namespace: env.durable_object(ROOM)? }),
        accounts: Rc::new(AccountStub { namespace: env.durable_object(ACCOUNT)? }),
        fleet: Rc::new(FleetStub { namespace: env.durable_object(FLEET)?, name: RUN_CONTAINERS }),
        secret: DeploymentSecret::parse(&secret(env, DEPLOYMENT_SECRET), &secret(env, DEPLOYMENT_SECRET_PREVIOUS))?,
        address_limiter: address_limiter(env),
        run_pools: Rc::new(env.durable_object(POOL)?),
        sandboxes: Rc::new(env.durable_object(SANDBOX)?),
        awake_sandboxes: Rc::new(FleetStub { namespace: env.durable_object(FLEET)?, name: AWAKE_SANDBOXES }),
        isolates: isolates(env).map(|worker| Rc::new(worker) as Rc<dyn Isolates>),
        site: env.service(ASSETS).ok().map(|files| Rc::new(StaticAssets(files.into_rpc())) as Rc<dyn SiteFiles>),
    });
    DEPLOYMENT.set(Some(Rc::clone(&made)));
    Ok(made)
}

/// The application for one request. `client_left` is aborted when the client of the request disconnects.
///
/// # Errors
/// The deployment lacks a binding, or a variable is invalid.
pub fn app(client_left: AbortSignal, env: &Env, background: Rc<dyn Background>) -> Result<App> {
    let made = deployment(env)?;
    Ok(App {
        config: made.config.clone(),
        sql: Rc::clone(&made.sql),
        gates: Rc::clone(&made.gates),
        logs: Rc::clone(&made.logs),
        runs: Rc::clone(&made.runs),
        artifacts: Rc::clone(&made.artifacts),
        rooms: Rc::clone(&made.rooms),
        accounts: Rc::clone(&made.accounts),
        fleet: Rc::clone(&made.fleet),
        secret: made.secret.clone(),
        address_limiter: made.address_limiter.clone(),
        run_pools: Rc::new(RunPoolStub { namespace: Rc::clone(&made.run_pools), client_left: client_left.clone() }),
        sandboxes: Rc::new(SandboxStub { namespace: Rc::clone(&made.sandboxes), client_left }),
        awake_sandboxes: Rc::clone(&made.awake_sandboxes),
        isolates: made.isolates.clone(),
        site: made.site.clone(),
        mailer: made.mailer.clone(),
        webhooks: Rc::clone(&made.webhooks),
        accepted_hosts: Rc::clone(&made.accepted_hosts),
        sockets: Rc::new(RuntimeSockets),
        spool: Rc::new(RuntimeSpool),
        clock: Rc::new(RuntimeClock),
        entropy: Rc::new(RuntimeEntropy),
        background,
        log: Rc::new(Console),
    })
}

/// Runs the programs of a room, and answers what it asks about its project. If the settings of the deployment are invalid,
/// each start is refused.
pub fn room_ports(env: &Env, object: &State) -> (Rc<dyn Programs>, Rc<dyn RoomProject>) {
    // No client owns the run of a room: the run continues when the client that requested it disconnects.
    let never_aborted = AbortController::new().map(|controller| controller.signal()).map_err(Error::from);
    match never_aborted.and_then(|signal| app(signal, env, Rc::new(AfterCall::of(object)))) {
        Ok(app) => {
            let app = Rc::new(RoomPrograms(app));
            (Rc::clone(&app) as Rc<dyn Programs>, app)
        }
        Err(error) => {
            let none = Rc::new(NoPrograms { log: Rc::new(Console), error: PortError(error.to_string()) });
            (Rc::clone(&none) as Rc<dyn Programs>, none)
        }
    }
}

/// Where the pools of the projects record runs: the logs of the projects, and what is stored beside their records.
///
/// # Errors
/// The settings of the deployment are invalid.
pub fn run_records(env: &Env) -> std::result::Result<RecordPorts, String> {
    let made = deployment(env).map_err(|error| error.to_string())?;
    Ok(RecordPorts {
        logs: Rc::clone(&made.logs),
        runs: Rc::clone(&made.runs),
        artifacts: Rc::clone(&made.artifacts),
        secret: made.secret.clone(),
    })
}

/// Where the pools of the projects report the ends of runs.
///
/// # Errors
/// The settings of the deployment are invalid.
pub fn webhooks(env: &Env) -> std::result::Result<Rc<dyn Webhooks>, String> {
    Ok(Rc::clone(&deployment(env).map_err(|error| error.to_string())?.webhooks))
}

/// What the object that delivers the reports of an account needs.
///
/// # Errors
/// The settings of the deployment are invalid.
pub fn webhook_ports(env: &Env) -> std::result::Result<WebhookPorts, String> {
    let made = deployment(env).map_err(|error| error.to_string())?;
    Ok(WebhookPorts {
        ledger: Rc::new(SqlWebhookLedger(Rc::clone(&made.sql))),
        logs: Rc::clone(&made.logs),
        runs: Rc::clone(&made.runs),
        sender: Rc::new(FetchReports),
        mailer: made.mailer.clone(),
        secret: made.secret.clone(),
    })
}

/// What the object of an account needs: limits, the database, and the other accounts.
pub type Quotas = (QuotaLimits, Rc<dyn AccountLedger>, Rc<dyn Accounts>);

/// What the object of an account needs.
///
/// # Errors
/// The settings of the deployment are invalid.
pub fn quotas(env: &Env) -> std::result::Result<Quotas, String> {
    let made = deployment(env).map_err(|error| error.to_string())?;
    Ok((made.config.quotas, Rc::new(SqlAccountLedger(Rc::clone(&made.sql))), Rc::clone(&made.accounts)))
}

/// Where the pools of the projects get what they hold of the quotas of accounts.
///
/// # Errors
/// The settings of the deployment are invalid.
pub fn quota_ports(env: &Env) -> std::result::Result<QuotaPorts, String> {
    let (_, ledger, accounts) = quotas(env)?;
    Ok(QuotaPorts { accounts, ledger })
}

/// Where the gates of keys get what they hold of the quotas of accounts. If the settings of the deployment are invalid, every
/// script is refused.
pub fn gate_quota_ports(env: &Env) -> GateQuotaPorts {
    let accounts: Rc<dyn Accounts> = match deployment(env) {
        Ok(made) => Rc::clone(&made.accounts),
        Err(error) => Rc::new(NoAccounts(PortError(error.to_string()))),
    };
    GateQuotaPorts { accounts, entropy: Rc::new(RuntimeEntropy) }
}

/// How many containers there may be.
///
/// # Errors
/// A sentence that names the invalid variable.
pub fn fleet_limits(env: &Env) -> std::result::Result<FleetLimits, String> {
    config::fleet_limits(|name| variable(env, name))
}

/// How many sandboxes may be awake.
///
/// # Errors
/// A sentence that names the invalid variable.
pub fn awake_limits(env: &Env) -> std::result::Result<FleetLimits, String> {
    config::awake_limits(|name| variable(env, name))
}

/// What a sandbox needs beside its machine.
pub struct SandboxBindings {
    pub disk: Rc<dyn Disk>,
    pub directory: Rc<dyn SandboxDirectory>,
    pub fleet: Rc<dyn Fleet>,
    pub preview_host: Option<String>,
}

/// What a sandbox needs beside its machine.
///
/// # Errors
/// The settings of the deployment are invalid, or it has no bucket.
pub fn sandbox_ports(env: &Env) -> std::result::Result<SandboxBindings, String> {
    let made = deployment(env).map_err(|error| error.to_string())?;
    Ok(SandboxBindings {
        disk: Rc::new(Trees(env.bucket(TREES).map_err(|error| error.to_string())?)),
        directory: Rc::new(SqlSandboxDirectory(Rc::clone(&made.sql))),
        fleet: Rc::clone(&made.awake_sandboxes),
        preview_host: made.config.preview_host().map(str::to_owned),
    })
}

/// The machine of a sandbox: at `SANDBOX_URL` if that variable is set, else in the object's container. The sandbox itself asks
/// for its place among those that are awake, and ends its container.
pub fn sandbox_target(env: &Env, object: &State, runtime: &ObjectRuntime) -> RunTarget<RunnerFetch> {
    if variable(env, SANDBOX_URL).is_some() {
        return run_target(env, object, runtime, 0);
    }
    match ContainerHandle::choosing(object, IMAGE, SIZE).map(Rc::new) {
        Some(container) => {
            let http = Rc::new(RunnerFetch::Container(Rc::clone(&container)));
            RunTarget::Container(ContainerInstance::new(container, http, runtime.clone(), OUTLIVES_MS, None))
        }
        None => RunTarget::Missing,
    }
}

/// The database, as a key's gate uses it. If the settings of the deployment are invalid, every method fails.
pub fn ledger(env: &Env) -> Rc<dyn KeyLedger> {
    match deployment(env) {
        Ok(made) => Rc::new(SqlLedger { sql: Rc::clone(&made.sql) }),
        Err(error) => Rc::new(NoLedger(PortError(error.to_string()))),
    }
}

/// The database, KV and the files of runs, as the log of a project uses them.
///
/// # Errors
/// The settings of the deployment are invalid.
pub fn log_ports(env: &Env) -> std::result::Result<LogPorts, String> {
    let made = deployment(env).map_err(|error| error.to_string())?;
    Ok(LogPorts {
        ledger: Rc::new(SqlLogLedger { sql: Rc::clone(&made.sql) }),
        kv: Rc::clone(&made.runs),
        artifacts: Rc::clone(&made.artifacts),
    })
}

/// The runtime, as the logic of an object uses it.
pub fn object_runtime(object: &State) -> ObjectRuntime {
    ObjectRuntime {
        storage: Rc::new(RuntimeStorage::of(object)),
        clock: Rc::new(RuntimeClock),
        entropy: Rc::new(RuntimeEntropy),
        background: Rc::new(AfterCall::of(object)),
        log: Rc::new(Console),
    }
}

/// What executes the jobs of an object: the runner at `SANDBOX_URL` if that variable is set, else the object's
/// container if its class has one.
pub fn run_target(env: &Env, object: &State, runtime: &ObjectRuntime, sleep_after_ms: i64) -> RunTarget<RunnerFetch> {
    if let Some(url) = variable(env, SANDBOX_URL) {
        let secret = secret(env, SANDBOX_SECRET);
        let http = Rc::new(RunnerFetch::Url(url.trim_end_matches('/').to_owned()));
        return RunTarget::Url(Runner::new(http, Rc::clone(&runtime.clock), secret));
    }
    match ContainerHandle::of(object).map(Rc::new) {
        Some(container) => {
            let http = Rc::new(RunnerFetch::Container(Rc::clone(&container)));
            // If the settings are invalid, the object refuses every run.
            let permit = deployment(env).ok().map(|made| {
                let ledger = Rc::new(SqlAccountLedger(Rc::clone(&made.sql)));
                ContainerPermit::new(Rc::clone(&made.fleet), ledger, runtime.clone())
            });
            RunTarget::Container(ContainerInstance::new(container, http, runtime.clone(), sleep_after_ms, permit))
        }
        None => RunTarget::Missing,
    }
}

/// The namespace of RunPool objects, through which one object of a pool calls the others.
pub fn run_pools(env: &Env) -> Option<ObjectNamespace> {
    env.durable_object(POOL).ok()
}

/// The limits on the containers and runs of one project.
///
/// # Errors
/// A sentence that names the invalid variable.
pub fn pool_limits(env: &Env) -> std::result::Result<PoolLimits, String> {
    config::pool_limits(|name| variable(env, name))
}
