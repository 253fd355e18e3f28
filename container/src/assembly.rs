//! Puts a runner together from what the machine offers.

use crate::interpreters::{Installer, Interpreter, Interpreters, command_line, environment};
use crate::jail::launch::Command;
use crate::jail::probe::{Grants, probe};
use crate::jail::root::{Root, Tier};
use crate::options::Machine;
use crate::packages::{Layers, Registries};
use crate::place::Places;
use crate::run::Runner;
use crate::seat::{Common, Seat};
use docle_protocol::Language;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// A runner that is ready, and what its jails hold by.
#[derive(Debug)]
pub struct Assembled {
    pub runner: Runner,
    pub grants: Grants,
}

/// Finds everything, starts the jailer and makes the places.
///
/// # Errors
/// One sentence about what is missing and the way out.
pub fn assemble(machine: &Machine) -> Result<Assembled, String> {
    let grants = probe()?;
    let interpreters = interpreters(machine)?;
    let state = |error| format!("{} cannot be used as --state: {error}", machine.state.display());
    fs::create_dir_all(&machine.state).map_err(state)?;
    let path = fs::canonicalize(&machine.state).map_err(state)?;
    let registries = Registries {
        python: machine.python_index.clone(),
        npm: machine.npm_registry.clone(),
        hosts: machine.registry_hosts.clone(),
    };
    let layers = Layers::open(&path, machine.layers_mb << 20, registries).map_err(state)?;
    let mount_point = path.join("root");
    fs::create_dir_all(&mount_point).map_err(state)?;

    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    let count = match grants.tier {
        // Programs that share a file system and a process table do not share time.
        Tier::Shared => 1,
        Tier::Root | Tier::UserNamespace => machine.places.unwrap_or(4 * cores).max(1),
    };
    let budget = machine.memory_mb.unwrap_or_else(|| memory_mb() / 4 * 3);
    let root = Root {
        binds: interpreters.binds(),
        places: interpreters.package_places(),
        layers: layers.directory().to_owned(),
    };
    let common =
        Common { cgroups: grants.cgroups.clone(), tier: grants.tier, root, mount_point, warm: warm(&interpreters) };
    let languages = Language::ALL.into_iter().cycle();
    let seats: io::Result<Vec<_>> =
        (0..count).zip(languages).map(|(index, language)| Seat::create(&common, index, Some(language))).collect();
    let seats = seats.map_err(|error| format!("The jails cannot be made: {error}."))?;
    let places = Places::open(seats, budget);
    Ok(Assembled { runner: Runner { interpreters, layers, places }, grants })
}

/// How interpreters are started ahead: as for a job that asks for nothing special.
fn warm(interpreters: &Interpreters) -> Arc<BTreeMap<Language, Command>> {
    let command = |(language, interpreter): (&Language, &Interpreter)| {
        let script = language.default_entrypoint();
        let argv = command_line(&interpreter.executable, script, &[]);
        let command = Command { argv, env: environment(*language, interpreter, script), script: script.into() };
        (*language, command)
    };
    Arc::new(interpreters.languages.iter().map(command).collect())
}

fn interpreters(machine: &Machine) -> Result<Interpreters, String> {
    let mut found = Interpreters::default();
    let explain = |flag: &str| {
        let flag = flag.to_owned();
        move |error| format!("{error}; name another one with {flag}.")
    };
    found.languages.insert(Language::Python, Interpreter::python(&machine.python).map_err(explain("--python"))?);
    found.languages.insert(Language::Node, Interpreter::node(&machine.node).map_err(explain("--node"))?);
    if let Some(uv) = &machine.uv {
        found.installers.insert(Language::Python, Installer::uv(uv).map_err(explain("--uv"))?);
    }
    if let Some(npm) = &machine.npm {
        found.installers.insert(Language::Node, Installer::npm(npm).map_err(explain("--npm"))?);
    }
    Ok(found)
}

/// The machine's memory in MiB, or what a container may use of it.
fn memory_mb() -> u32 {
    let total = read(Path::new("/proc/meminfo"))
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok())
        .unwrap_or(1 << 20)
        / 1_024;
    let caps = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let cap = caps.iter().filter_map(|path| read(Path::new(path)).trim().parse::<u64>().ok()).min();
    cap.map_or(total, |cap| total.min(cap >> 20)) as u32
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
