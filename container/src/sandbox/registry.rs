//! The sandboxes of this runner, by id.

use super::environment;
use super::groups::Programs;
use super::living::Sandbox;
use crate::egress::{self, Policy};
use crate::interpreters::Interpreters;
use crate::jail::cgroup::{Group, Kind};
use crate::jail::handle::{Jail, Jailer};
use crate::jail::jailer::Settings;
use crate::jail::launch::{Creation, Notice};
use crate::jail::root::Tier;
use crate::jail::sandbox::{Plan, Reply};
use crate::seat::Common;
use docle_protocol::Network;
use docle_protocol::sandbox::{SandboxSpec, disk_inodes};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Sandboxes of one runner. Together with its slots they have fewer users than the range of a runner.
pub const MOST: u32 = 512;
/// Processes and threads that a sandbox may have, our own included. Where memory runs out, the kernel lists them all for
/// every one that it ends, and a slow console takes seconds for many.
const PROCESSES: u64 = 256;
/// Making a sandbox takes tens of milliseconds; after this long something is broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub struct Sandboxes {
    common: Common,
    /// Groups and users of sandboxes are numbered from here.
    first: u32,
    most: u32,
    path: String,
    /// Where the groups of commands are made, where they can be.
    holding: Option<PathBuf>,
    /// Where trees that are restored wait until they have come as a whole.
    pub spool: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_id: HashMap<String, Place>,
    numbers: BTreeSet<u32>,
    is_closed: bool,
}

#[derive(Debug, Clone)]
enum Place {
    /// Cancelled when it is there, or could not be made.
    Making(CancellationToken),
    Living(Arc<Sandbox>),
}

/// A sandbox, and whether it is new.
#[derive(Debug)]
pub struct Created {
    pub sandbox: Arc<Sandbox>,
    pub is_new: bool,
}

/// Why there is no sandbox.
#[derive(Debug)]
pub enum Refused {
    /// There are as many as there may be.
    Busy,
    /// This machine cannot make any.
    Unable,
    /// The runner is stopping.
    Stopping,
    Failed(io::Error),
}

impl Sandboxes {
    /// None yet. Their users come after those of the slots.
    pub fn new(common: &Common, first: u32, interpreters: &Interpreters) -> Arc<Self> {
        let able = common.tier != Tier::Shared;
        Arc::new(Self {
            // Nothing of a sandbox is forked of an interpreter.
            common: Common { zygote: None, ..common.clone() },
            first,
            most: if able { MOST } else { 0 },
            path: environment::path(interpreters),
            holding: able.then(|| common.cgroups.holding()).flatten(),
            spool: common.mount_point.parent().unwrap_or(Path::new("/")).to_owned(),
            known: Mutex::default(),
        })
    }

    /// Property → what holds it here, for people.
    pub fn properties(&self) -> [(String, String); 2] {
        let (count, end) = match (self.most, &self.holding) {
            (0, _) => ("none: sandboxes need namespaces", "none"),
            (_, Some(_)) => ("up to 512, beside the slots", "cgroup v2: all that a command has started ends with it"),
            (_, None) => ("up to 512, beside the slots", "a parent that adopts all that a command has started"),
        };
        [("sandboxes".into(), count.into()), ("commands of sandboxes".into(), end.into())]
    }

    /// A sandbox that lives.
    pub fn find(&self, id: &str) -> Option<Arc<Sandbox>> {
        match self.lock().by_id.get(id) {
            Some(Place::Living(sandbox)) if !sandbox.end.is_cancelled() => Some(Arc::clone(sandbox)),
            _ => None,
        }
    }

    /// Makes a sandbox unless it is there.
    pub async fn create(self: &Arc<Self>, id: &str, spec: SandboxSpec) -> Result<Created, Refused> {
        let (number, made) = loop {
            let wait_for = {
                let mut known = self.lock();
                match known.by_id.get(id).cloned() {
                    Some(Place::Living(sandbox)) if sandbox.end.is_cancelled() => sandbox.ended.clone(),
                    Some(Place::Living(sandbox)) => return Ok(Created { sandbox, is_new: false }),
                    Some(Place::Making(made)) => made,
                    None if self.most == 0 => return Err(Refused::Unable),
                    None if known.is_closed => return Err(Refused::Stopping),
                    None => {
                        let free = (0..self.most).find(|number| !known.numbers.contains(number));
                        let number = free.ok_or(Refused::Busy)?;
                        let made = CancellationToken::new();
                        known.numbers.insert(number);
                        known.by_id.insert(id.to_owned(), Place::Making(made.clone()));
                        break (number, made);
                    }
                }
            };
            wait_for.cancelled().await;
        };
        // A task of its own, so that it is finished and known also when nobody waits for it any more.
        let (sandboxes, id) = (Arc::clone(self), id.to_owned());
        let making = tokio::spawn(async move {
            let _made = made.drop_guard();
            let result = sandboxes.make(number, spec).await;
            let mut known = sandboxes.lock();
            match result {
                Ok((sandbox, jail, jailer)) => {
                    let sandbox = Arc::new(sandbox);
                    if known.is_closed {
                        sandbox.end.cancel();
                    }
                    known.by_id.insert(id.clone(), Place::Living(Arc::clone(&sandbox)));
                    tokio::spawn(sandboxes.clone().attend(id, number, Arc::clone(&sandbox), jail, jailer));
                    Ok(Created { sandbox, is_new: true })
                }
                Err(error) => {
                    known.by_id.remove(&id);
                    known.numbers.remove(&number);
                    Err(Refused::Failed(error))
                }
            }
        });
        making.await.unwrap_or_else(|error| Err(Refused::Failed(io::Error::other(error))))
    }

    /// Ends a sandbox, and resolves when nothing of it is left.
    pub async fn delete(&self, id: &str) {
        loop {
            let wait_for = match self.lock().by_id.get(id) {
                None => return,
                Some(Place::Making(made)) => made.clone(),
                Some(Place::Living(sandbox)) => {
                    sandbox.end.cancel();
                    sandbox.ended.clone()
                }
            };
            wait_for.cancelled().await;
        }
    }

    /// Ends all sandboxes, and makes none any more.
    pub async fn close(&self) {
        let ids: Vec<String> = {
            let mut known = self.lock();
            known.is_closed = true;
            known.by_id.keys().cloned().collect()
        };
        futures_util::future::join_all(ids.iter().map(|id| self.delete(id))).await;
    }

    async fn attend(self: Arc<Self>, id: String, number: u32, sandbox: Arc<Sandbox>, jail: Jail, jailer: Jailer) {
        sandbox.attend(jail, jailer).await;
        {
            let mut known = self.lock();
            known.by_id.remove(&id);
            known.numbers.remove(&number);
        }
        sandbox.ended.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn make(&self, number: u32, spec: SandboxSpec) -> io::Result<(Sandbox, Jail, Jailer)> {
        let slot = self.first + number;
        let common = self.common.clone();
        let holding = self.holding.clone();
        let memory_bytes = (u64::from(spec.memory_mb) + u64::from(spec.disk_mb)) << 20;
        let settings = Settings {
            tier: common.tier,
            root: common.root.clone(),
            mount_point: common.mount_point.clone(),
            uid: common.first_uid + slot,
            counts_processes: common.cgroups != Kind::None,
            zygote: None,
        };
        let uid = (common.tier != Tier::UserNamespace).then_some(settings.uid);
        let prepare = move || -> io::Result<(Group, Option<Programs>, Jailer)> {
            let mut group = Group::of_processes(&common.cgroups, slot, PROCESSES)?;
            group.limit_disks(&common.disks)?;
            let programs = holding.map(|base| Programs::create(&base, slot)).transpose()?;
            let mut jailer = Jailer::start(&settings, &group)?;
            if let Some(programs) = &programs {
                programs.join(jailer.pid())?;
            }
            jailer.ready()?;
            // What the spawner holds is not the sandbox's.
            group.rest(memory_bytes)?;
            group.prepare(memory_bytes)?;
            Ok((group, programs, jailer))
        };
        let (group, programs, jailer) = tokio::task::spawn_blocking(prepare).await.map_err(io::Error::other)??;
        let plan = Plan {
            disk_bytes: u64::from(spec.disk_mb) << 20,
            inodes: disk_inodes(spec.disk_mb),
            egress: spec.network != Network::None,
            watched_memory_bytes: (!group.is_real()).then_some(memory_bytes),
        };
        let mut jail = jailer.create(&Creation { warm: None, sandbox: Some(plan) })?;
        jail.close_streams();
        let ready = timeout(PATIENCE, ready(&mut jail)).await;
        let egress = ready.map_err(|_| io::Error::other("a sandbox does not start"))??;
        let policy = match spec.network.clone() {
            Network::None => None,
            Network::Public => Some(Policy::Public),
            Network::Hosts { hosts } => Some(Policy::Hosts(hosts)),
        };
        let control = jail.requests()?;
        let sandbox = Sandbox::new(spec, (uid, self.path.clone()), control, group, programs);
        if let (Some(socket), Some(policy)) = (egress, policy) {
            let listener = tokio::net::TcpListener::from_std(socket.into())?;
            let end = sandbox.end.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = egress::serve_sandbox(listener, policy, Arc::default()) => {}
                    () = end.cancelled() => {}
                }
            });
        }
        Ok((sandbox, jail, jailer))
    }
}

/// Waits until init is ready, and takes the socket that listens for what leaves the sandbox.
async fn ready(jail: &mut Jail) -> io::Result<Option<OwnedFd>> {
    match jail.notice().await? {
        Some((Notice::Sandbox(Reply::Ready), socket)) => Ok(socket),
        Some((Notice::Failed { step, errno }, _)) => {
            let error = io::Error::from_raw_os_error(errno);
            Err(io::Error::other(format!("a sandbox cannot {step}: {error}")))
        }
        other => Err(io::Error::other(format!("a sandbox said {other:?} instead of that it is there"))),
    }
}
