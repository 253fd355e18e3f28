//! What use cases get: the settings and the ports, put together for one request.

use crate::app::accepted_hosts::AcceptedHosts;
use crate::config::Config;
use crate::domain::run::id::RunId;
use crate::domain::secret::DeploymentSecret;
use crate::domain::usage_log::name::{LogId, LogName};
use crate::ports::accounts::Accounts;
use crate::ports::address_limiter::AddressLimiter;
use crate::ports::artifacts::ArtifactStore;
use crate::ports::fleet::Fleet;
use crate::ports::isolates::Isolates;
use crate::ports::rooms::Rooms;
use crate::ports::sandboxes::Sandboxes;
use crate::ports::site_files::SiteFiles;
use crate::ports::socket::Sockets;
use crate::ports::spool::Spool;
use crate::ports::webhooks::Webhooks;
use crate::ports::{Background, Clock, Entropy, KeyGates, Kv, Level, Log, Mailer, PortError, RunPools, Sql, UsageLogs};
use serde_json::json;
use std::rc::Rc;

/// Everything that a use case may need, made for one request.
#[derive(Clone)]
pub struct App {
    pub config: Config,
    pub sql: Rc<dyn Sql>,
    pub gates: Rc<dyn KeyGates>,
    pub logs: Rc<dyn UsageLogs>,
    pub runs: Rc<dyn Kv>,
    /// The files that runs hand back.
    pub artifacts: Rc<dyn ArtifactStore>,
    pub rooms: Rc<dyn Rooms>,
    /// What accounts use of their quotas.
    pub accounts: Rc<dyn Accounts>,
    /// Who has containers.
    pub fleet: Rc<dyn Fleet>,
    pub sandboxes: Rc<dyn Sandboxes>,
    /// Who has awake sandboxes.
    pub awake_sandboxes: Rc<dyn Fleet>,
    pub secret: DeploymentSecret,
    /// `None` where the deployment has no such limiter.
    pub address_limiter: Option<Rc<dyn AddressLimiter>>,
    pub run_pools: Rc<dyn RunPools>,
    /// `None` where scripts cannot be run.
    pub isolates: Option<Rc<dyn Isolates>>,
    /// `None` where this deployment has no website.
    pub site: Option<Rc<dyn SiteFiles>>,
    /// `None` where mail cannot be sent.
    pub mailer: Option<Rc<dyn Mailer>>,
    /// Where the ends of runs are reported.
    pub webhooks: Rc<dyn Webhooks>,
    /// Hosts of exposed ports that visitors have reached.
    pub accepted_hosts: Rc<AcceptedHosts>,
    pub sockets: Rc<dyn Sockets>,
    pub spool: Rc<dyn Spool>,
    pub clock: Rc<dyn Clock>,
    pub entropy: Rc<dyn Entropy>,
    pub background: Rc<dyn Background>,
    pub log: Rc<dyn Log>,
}

impl App {
    /// Random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// The id of a new run of the project with this log.
    pub fn new_run_id(&self, log: LogId) -> RunId {
        RunId::in_log(LogName::of_project(log), self.random(), &self.secret)
    }

    /// Logs a failure that the response does not report.
    pub fn log_error(&self, message: &str, error: &PortError) {
        self.log.write(Level::Error, json!({ "message": message, "error": error.0 }));
    }
}
