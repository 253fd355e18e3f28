//! Package layers: sets of installed packages, each installed once, read-only, and found by what they contain.
//!
//! A layer's name is the hash of everything that decides its content: language, interpreter version, registry and
//! requirements. Installing happens in a jail like any other, on a file system that vanishes with it; only when the
//! installer has succeeded and nothing of it runs any more, the jail's first process copies the result out, and the
//! runner gives it its name in one step. So no program, not even an installation script, ever writes a layer.

mod installer;
mod refusals;
mod shelf;

pub use refusals::Refusal;
pub use shelf::Layer;

use crate::egress::{Policy, Service};
use crate::events;
use crate::execution::{Program, execute};
use crate::interpreters::{Installer, Interpreter};
use crate::seat::{Prepared, Seat};
use crate::seating::{NoJail, Seating};
use docle_languages::{PackageTool, RunLanguage};
use docle_protocol::limits::INSTALL_TIMEOUT_MS;
use refusals::Refusals;
use sha2::{Digest, Sha256};
use shelf::Shelf;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;

/// Memory of an installation, the files it unpacks included.
const INSTALL_MEMORY_MB: u32 = 2_048;
/// Bytes kept of what an installer says.
const INSTALL_OUTPUT_BYTES: usize = 64 * 1_024;
/// A layer is resolved anew after this long.
const LAYERS_LAST: Duration = Duration::from_secs(24 * 60 * 60);

/// Where packages come from.
#[derive(Debug, Clone)]
pub struct Registries {
    /// A "simple" index (PEP 503).
    pub python: String,
    pub npm: String,
    /// Hosts that the two lead to, besides their own.
    pub hosts: Vec<String>,
}

/// All layers of this runner.
#[derive(Debug)]
pub struct Layers {
    shelf: Arc<Shelf>,
    staging: PathBuf,
    registries: Registries,
    refusals: Refusals,
    installing: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// One set of packages for one interpreter.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub language: RunLanguage,
    pub interpreter: &'a Interpreter,
    pub installer: Option<&'a Installer>,
    pub packages: &'a [String],
}

/// A directory that one run fills. It is removed with this.
#[derive(Debug)]
pub struct Staged {
    shelf: Arc<Shelf>,
    name: String,
    path: PathBuf,
}

impl Staged {
    /// Keeps what is in the directory until the layer is dropped.
    pub fn keep(self) -> io::Result<Layer> {
        self.shelf.put_temporary(&self.name, &self.path)
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Nothing is here where it was kept.
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                eprintln!("layer.not_removed error={:?}", error.to_string());
            }
            _ => {}
        }
    }
}

/// Why there is no layer.
#[derive(Debug)]
pub enum Failure {
    /// The installer said no.
    Refused(Refusal),
    /// The caller left.
    Cancelled,
    /// No place became free.
    Full,
    /// The runner's own trouble.
    System(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<NoJail> for Failure {
    fn from(reason: NoJail) -> Self {
        match reason {
            NoJail::Full => Self::Full,
            NoJail::Failed(error) => Self::System(error),
        }
    }
}

impl Layers {
    /// Opens the layers below `state`, which may hold `budget_bytes` together, and removes what an interrupted
    /// installation left.
    pub fn open(state: &Path, budget_bytes: u64, registries: Registries) -> io::Result<Self> {
        let (directory, staging) = (state.join("layers"), state.join("staging"));
        if staging.exists() {
            fs::remove_dir_all(&staging)?;
        }
        fs::create_dir_all(&staging)?;
        let shelf = Arc::new(Shelf::open(directory, budget_bytes)?);
        Ok(Self { shelf, staging, registries, refusals: Refusals::default(), installing: Mutex::default() })
    }

    /// Where the layers lie on the host.
    pub fn directory(&self) -> &Path {
        self.shelf.directory()
    }

    /// Whether a layer holds something that its language reads while it starts: Python's `.pth` files and
    /// `sitecustomize` modules.
    pub fn needs_cold_start(&self, language: RunLanguage, layer: Option<&Layer>) -> bool {
        let (PackageTool::Pip, Some(layer)) = (language.package_manager, layer) else { return false };
        let libraries = fs::read_dir(self.directory().join(layer.name()).join("lib")).into_iter().flatten().flatten();
        let mut names =
            libraries.filter_map(|library| fs::read_dir(library.path().join("site-packages")).ok()).flatten();
        names.any(|name| name.is_ok_and(|name| is_read_at_start(&name.file_name().to_string_lossy())))
    }

    /// An empty directory for what a run is to keep until it has ended; whatever is not kept is removed.
    pub fn stage(&self, run: &str) -> io::Result<(Staged, OwnedFd)> {
        self.shelf.make_way()?;
        let name = hex::encode(Sha256::digest(run));
        let path = self.staging.join(&name);
        fs::create_dir(&path)?;
        let staged = Staged { shelf: self.shelf.clone(), name, path };
        let directory = OwnedFd::from(fs::File::open(&staged.path)?);
        Ok((staged, directory))
    }

    /// Whether a layer holds a file of this name that may be executed, or anything at all where no name is known.
    pub fn has(&self, layer: &Layer, name: Option<&str>) -> bool {
        let directory = self.directory().join(layer.name());
        match name {
            // A link is followed by the program's jail only.
            Some(name) => fs::symlink_metadata(directory.join(name))
                .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o100 != 0),
            None => fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some()),
        }
    }

    /// The layer that holds `wanted`, if it is there. It stays while the answer lives.
    pub fn find(&self, wanted: Wanted<'_>) -> Option<Layer> {
        self.shelf.take(&self.name(wanted, SystemTime::now()))
    }

    /// Installs `wanted` in a place of its own, unless another run has done so meanwhile, or was told a moment ago that
    /// there is no such thing. The layer stays while the answer lives.
    pub async fn install(
        &self,
        wanted: Wanted<'_>,
        seating: &Arc<Seating>,
        cancel: &CancellationToken,
    ) -> Result<Layer, Failure> {
        let name = self.name(wanted, SystemTime::now());
        let turn = self.turn(&name);
        let _turn = tokio::select! {
            guard = turn.lock() => guard,
            () = cancel.cancelled() => return Err(Failure::Cancelled),
        };
        if let Some(layer) = self.shelf.take(&name) {
            return Ok(layer);
        }
        if let Some(refusal) = self.refusals.find(&name, Instant::now()) {
            return Err(Failure::Refused(refusal));
        }
        self.shelf.make_way()?;
        let program = self.program(wanted)?;
        let (mut place, prepared) = tokio::select! {
            taken = seating.take(INSTALL_MEMORY_MB, None, None) => taken?,
            () = cancel.cancelled() => return Err(Failure::Cancelled),
        };
        let staged = self.staging.join(&name);
        let installed = fill(program, &staged, place.seat(), prepared, cancel).await;
        seating.give_back(place);
        let finished = installed.and_then(|()| Ok(self.shelf.put(&name, &staged)?));
        if finished.is_err() && staged.exists() {
            // Nothing but the copy of a jail's first process has ever written here.
            fs::remove_dir_all(&staged)?;
        }
        match finished {
            Err(Failure::Refused(refusal)) if installer::is_missing(wanted.language.package_manager, &refusal) => {
                self.refusals.remember(&name, refusal.clone(), Instant::now());
                Err(Failure::Refused(refusal))
            }
            // A registry in trouble is no reason not to run what it gave a day ago.
            Err(Failure::Refused(refusal)) => {
                let earlier = self.name(wanted, SystemTime::now() - LAYERS_LAST);
                self.shelf.take(&earlier).ok_or(Failure::Refused(refusal))
            }
            finished => finished,
        }
    }

    /// The installer as a program.
    fn program(&self, wanted: Wanted<'_>) -> Result<Program, Failure> {
        let no_installer = || {
            let message = format!("this runner has no package installer for {}", wanted.language.name());
            Failure::Refused(Refusal { exit_code: 1, message })
        };
        let installer = wanted.installer.ok_or_else(no_installer)?;
        Ok(Program {
            command: installer::command(wanted, installer, &self.registries),
            warm: None,
            files: Vec::new(),
            stdin: String::new(),
            cell: None,
            more_stdin: None,
            terminal: None,
            workspace: None,
            layer: None,
            tree: false,
            export: None,
            timeout: Duration::from_millis(INSTALL_TIMEOUT_MS.into()),
            cpu: None,
            file_bytes: None,
            memory_bytes: u64::from(INSTALL_MEMORY_MB) << 20,
            max_output_bytes: INSTALL_OUTPUT_BYTES,
            egress: Some(Policy::Trusted(self.registries.reachable())),
            artifacts: None,
        })
    }

    /// Two runs that want the same layer install it once.
    fn turn(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut installing = self.installing.lock().unwrap_or_else(PoisonError::into_inner);
        installing.retain(|_, turn| Arc::strong_count(turn) > 1);
        installing.entry(name.to_owned()).or_default().clone()
    }

    fn name(&self, wanted: Wanted, now: SystemTime) -> String {
        let registry = match wanted.language.package_manager {
            PackageTool::Pip => &self.registries.python,
            PackageTool::Npm => &self.registries.npm,
            PackageTool::None => "",
        };
        // Also for pinned requirements: what those need in turn is resolved when they are installed, and a version that was
        // bad for an hour must not stay for ever.
        let period = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() / LAYERS_LAST.as_secs();
        let mut hash = Sha256::new();
        for part in [wanted.language.name(), &wanted.interpreter.version, registry, &period.to_string()] {
            hash.update(part);
            hash.update([0]);
        }
        for package in wanted.sorted() {
            hash.update(package);
            hash.update([0]);
        }
        hex::encode(hash.finalize())
    }
}

/// Executes an installer, and has what it installed copied to `staged`.
async fn fill(
    program: Program,
    staged: &Path,
    seat: &mut Seat,
    prepared: Prepared,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let (sender, output) = events::channel();
    fs::create_dir(staged)?;
    let program = Program { export: Some(OwnedFd::from(fs::File::open(staged)?)), ..program };
    let outcome = execute(seat, prepared, program, &sender, cancel).await.map_err(io::Error::from)?;
    if outcome.exported {
        return Ok(());
    }
    // The jail's first process may still be copying.
    seat.vacate().await?;
    Err(installer::refusal(&outcome, &output))
}

impl Wanted<'_> {
    /// The requirements in an order of their own, each once: two lists that are one layer are also installed alike.
    fn sorted(&self) -> Vec<&str> {
        let mut packages: Vec<&str> = self.packages.iter().map(String::as_str).collect();
        packages.sort_unstable();
        packages.dedup();
        packages
    }
}

impl Registries {
    /// Where an installation may connect to.
    fn reachable(&self) -> Vec<Service> {
        let own = [&self.python, &self.npm].into_iter().filter_map(|url| Service::of_url(url));
        own.chain(self.hosts.iter().flat_map(|host| Service::of_option(host))).collect()
    }
}

fn is_read_at_start(name: &str) -> bool {
    name.ends_with(".pth") || name.starts_with("sitecustomize") || name.starts_with("usercustomize")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers(state: &Path) -> Layers {
        let registries =
            Registries { python: "https://pypi.org/simple".into(), npm: "https://n.org".into(), hosts: vec![] };
        Layers::open(state, 1 << 30, registries).unwrap()
    }

    fn name(layers: &Layers, packages: &[&str], now: u64) -> String {
        let interpreter = Interpreter { executable: "/p".into(), version: "3.11.2".into(), binds: vec![] };
        let packages: Vec<String> = packages.iter().map(|package| (*package).to_owned()).collect();
        let wanted = Wanted {
            language: RunLanguage::named("python"),
            interpreter: &interpreter,
            installer: None,
            packages: &packages,
        };
        layers.name(wanted, UNIX_EPOCH + Duration::from_secs(now))
    }

    #[test]
    fn a_layer_is_named_by_what_it_holds() {
        let state = std::env::temp_dir().join(format!("docle-layers-{}", std::process::id()));
        let layers = layers(&state);
        let day = 24 * 60 * 60;
        assert_eq!(name(&layers, &["a==1", "b==2"], 0), name(&layers, &["b==2", "a==1", "a==1"], day - 1));
        assert_ne!(name(&layers, &["a==1"], 0), name(&layers, &["a==2"], 0));
        for package in ["a", "a==1"] {
            assert_ne!(name(&layers, &[package], 0), name(&layers, &[package], day), "what it needs is resolved anew");
        }
        assert_eq!(name(&layers, &["a"], 0), name(&layers, &["a"], day - 1));
        fs::remove_dir_all(state).unwrap();
    }
}
