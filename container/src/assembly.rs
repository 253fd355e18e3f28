//! Puts a runner together from what the machine offers.

use crate::demand::Demand;
use crate::interpreters::{Installer, Interpreter, Interpreters, command_line, environment};
use crate::jail::cgroup::disks;
use crate::jail::launch::{Command, Warm};
use crate::jail::probe::{Grants, probe};
use crate::jail::root::{Root, Tier};
use crate::jail::zygote::Zygote;
use crate::options::Machine;
use crate::packages::{Layers, Registries};
use crate::place::Places;
use crate::repository::Repositories;
use crate::run::Runner;
use crate::sandbox::{MOST_SANDBOXES, Sandboxes};
use crate::seat::{Common, Seat};
use crate::seating::Seating;
use crate::shared_compile::SharedCompilations;
use crate::tree::Tree;
use crate::users::Users;
use docle_languages::{PackageTool, RunLanguage, WarmStart};
use docle_protocol::limits::DEFAULT_MEMORY_MB;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A runner that is ready, and what its jails hold by.
#[derive(Debug)]
pub struct Assembled {
    pub runner: Runner,
    pub grants: Grants,
    /// Whether Python's programs are forks of a started interpreter.
    pub forks: bool,
    pub sandboxes: Arc<Sandboxes>,
    /// Whom programs run as. Others may have these users when this is dropped.
    pub users: Users,
}

impl Assembled {
    /// Property of a jail, or of a start in it → what holds it here.
    pub fn properties(&self) -> BTreeMap<String, String> {
        let start = if self.forks { "forked of a started interpreter" } else { "started for each program alone" };
        let mut properties = self.grants.properties();
        if let Some(language) = forking() {
            properties.insert(language.name().into(), start.into());
        }
        properties.extend(self.sandboxes.properties());
        properties.insert("repositories".into(), self.runner.repositories.property());
        properties
    }
}

/// Finds everything, starts the jailer and makes the places.
///
/// # Errors
/// One sentence about what is missing and the way out.
pub fn assemble(machine: &Machine) -> Result<Assembled, String> {
    let grants = probe()?;
    let interpreters = interpreters(machine, grants.tier)?;
    let state = |error| format!("{} cannot be used as --state: {error}", machine.state.display());
    fs::create_dir_all(&machine.state).map_err(state)?;
    let path = fs::canonicalize(&machine.state).map_err(state)?;
    let registries = Registries {
        python: machine.python_index.clone(),
        npm: machine.npm_registry.clone(),
        hosts: machine.registry_hosts.clone(),
    };
    let repositories = Repositories { git: git(machine)?, trusted: machine.repository_hosts.clone() };
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
        tree: interpreters.tree.as_ref().map(|tree| tree.root().to_owned()),
    };
    let users = Users::take(machine.first_uid, count + MOST_SANDBOXES)?;
    let shown = root.binds.iter().map(|(source, _)| source.as_path());
    let disks = disks::under(shown.chain([Path::new("/usr"), root.layers.as_path()]).chain(root.tree.as_deref()));
    let make = |zygote: Option<Zygote>| {
        let common = Common {
            cgroups: grants.cgroups.clone(),
            tier: grants.tier,
            root: root.clone(),
            mount_point: mount_point.clone(),
            warm: warm(&interpreters, zygote.is_some()),
            zygote,
            first_uid: users.first,
            disks: disks.clone(),
        };
        seats(&common, count).map(|seats| (seats, Sandboxes::new(&common, count, &interpreters)))
    };
    let zygote = zygote(machine, &interpreters, grants.tier);
    let forks = zygote.is_some();
    let (seats, forks) = match make(zygote) {
        Err(error) if forks => {
            eprintln!("fork.unavailable error={:?}", error.to_string());
            (make(None), false)
        }
        seats => (seats, forks),
    };
    let (seats, sandboxes) = seats.map_err(|error| format!("The jails cannot be made: {error}."))?;
    let demand = Demand::new(&warm(&interpreters, forks));
    let seating = Arc::new(Seating::new(Places::open(seats, budget), demand));
    Ok(Assembled {
        runner: Runner { interpreters, repositories, layers, compilations: SharedCompilations::default(), seating },
        grants,
        forks,
        sandboxes,
        users,
    })
}

/// The places, each with its first jail. They get ready side by side.
fn seats(common: &Common, count: u32) -> io::Result<Vec<Seat>> {
    let mut seats = (0..count).map(|index| Seat::create(common, index)).collect::<io::Result<Vec<_>>>()?;
    let (demand, mut waiting) = (Demand::new(&common.warm), BTreeMap::new());
    for seat in &mut seats {
        let language = demand.most_wanted(&waiting, count).map(|(language, _)| language);
        seat.open(language)?;
        if let Some(language) = language {
            *waiting.entry(language).or_default() += 1;
        }
    }
    Ok(seats)
}

/// The file of `container/fork`, as cargo names it.
const FORK: &str = "libdocle_fork.so";

/// The Python that programs are forked of, where that is wanted and the library is there.
fn zygote(machine: &Machine, interpreters: &Interpreters, tier: Tier) -> Option<Zygote> {
    // Without a root directory of its own, the jailer's Python would see another one than its programs.
    if machine.no_fork || tier == Tier::Shared {
        return None;
    }
    let beside = || Some(std::env::current_exe().ok()?.with_file_name(FORK)).filter(|library| library.exists());
    let library = machine.fork.clone().or_else(beside)?;
    let language = forking()?;
    let interpreter = interpreters.languages.get(&language)?;
    Some(Zygote { command: plain(language, interpreter), library })
}

/// The language whose programs are forks of one interpreter, where the machine can do that.
fn forking() -> Option<RunLanguage> {
    let mut languages = RunLanguage::of_machine();
    languages.find(|(_, machine)| machine.warm_start == WarmStart::Fork).map(|(language, _)| language)
}

/// How interpreters are started ahead.
fn warm(interpreters: &Interpreters, forks: bool) -> Arc<BTreeMap<RunLanguage, Warm>> {
    let warm = |(&language, interpreter): (&RunLanguage, &Interpreter)| {
        let command = plain(language, interpreter);
        let start = language.runner().machine.as_ref().map(|machine| machine.warm_start);
        let warm = match start {
            Some(WarmStart::Fork) if forks => Warm::Fork { script: command.script },
            _ => Warm::Execute(command),
        };
        (language, warm)
    };
    Arc::new(interpreters.languages.iter().map(warm).collect())
}

/// The command of a job that asks for nothing special.
fn plain(language: RunLanguage, interpreter: &Interpreter) -> Command {
    let script = language.default_entrypoint();
    let argv = command_line(&interpreter.executable, script, &[]);
    Command { argv, env: environment(language, interpreter, script, DEFAULT_MEMORY_MB), script: script.into() }
}

fn interpreters(machine: &Machine, tier: Tier) -> Result<Interpreters, String> {
    let mut found = Interpreters::default();
    let explain = |flag: &str| {
        let flag = flag.to_owned();
        move |error| format!("{error}; name another one with {flag}.")
    };
    for (language, known) in RunLanguage::of_machine() {
        let executable = machine.executable(language);
        let interpreter =
            Interpreter::find(language, known, &executable).map_err(explain(&format!("--{}", language.name())))?;
        found.languages.insert(language, interpreter);
    }
    if let Some(uv) = &machine.uv {
        found.installers.insert(PackageTool::Pip, Installer::uv(uv).map_err(explain("--uv"))?);
    }
    if let Some(npm) = &machine.npm {
        found.installers.insert(PackageTool::Npm, Installer::npm(npm).map_err(explain("--npm"))?);
    }
    // Without a mount namespace, a program cannot have another root than the runner.
    if let Some(directory) = machine.languages.as_ref().filter(|_| tier != Tier::Shared) {
        found.tree = Some(
            Tree::open(directory)
                .map_err(|error| format!("{}: {error}", directory.display()))
                .map_err(explain("--languages"))?,
        );
    }
    Ok(found)
}

/// git where jails show it, at the same path.
fn git(machine: &Machine) -> Result<Option<PathBuf>, String> {
    let is_shown = |path: &PathBuf| path.is_file() && path.starts_with("/usr");
    if let Some(named) = &machine.git {
        let found = fs::canonicalize(named).ok().filter(is_shown);
        let missing = || format!("{} is no file below /usr; name another one with --git.", named.display());
        return found.map(Some).ok_or_else(missing);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join("git")).find(|path| path.is_file());
    Ok(found.and_then(|found| fs::canonicalize(found).ok()).filter(is_shown))
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
