//! What the deployment provides for sandboxes.

use super::{SANDBOX_URL, TREES, deployment, run_target, variable};
use crate::objects::container::instance::ContainerInstance;
use crate::objects::container::target::RunTarget;
use crate::objects::runtime::ObjectRuntime;
use crate::platform::container::ContainerHandle;
use crate::platform::runner::RunnerFetch;
use crate::platform::trees::Trees;
use crate::ports::fleet::Fleet;
use crate::ports::sandboxes::{Disk, SandboxDirectory};
use crate::store::sandboxes::SqlSandboxDirectory;
use std::rc::Rc;
use worker::{Env, State};

/// How long the container of a sandbox outlives its object, in milliseconds. The alarm wakes the object much earlier.
const OUTLIVES_MS: i64 = 3_600_000;
/// The image of the containers of sandboxes, as wrangler.toml names it.
const IMAGE: &str = "core";
/// Their size: half a vCPU, 4 GiB of memory, 8 GB of disk. A sandbox has at most 2 GiB of memory and 2 GiB of files.
const SIZE: &str = "standard-1";

/// What a sandbox needs beside its machine.
pub struct SandboxBindings {
    pub disk: Rc<dyn Disk>,
    pub directory: Rc<dyn SandboxDirectory>,
    pub fleet: Rc<dyn Fleet>,
}

/// What a sandbox needs beside its machine.
///
/// # Errors
/// The settings of the deployment are invalid, or it has no bucket.
pub fn sandbox_ports(env: &Env) -> Result<SandboxBindings, String> {
    let made = deployment(env).map_err(|error| error.to_string())?;
    Ok(SandboxBindings {
        disk: Rc::new(Trees(env.bucket(TREES).map_err(|error| error.to_string())?)),
        directory: Rc::new(SqlSandboxDirectory(Rc::clone(&made.sql))),
        fleet: Rc::clone(&made.awake_sandboxes),
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
