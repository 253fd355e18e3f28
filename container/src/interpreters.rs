//! The interpreters of this machine: where they are, which version they are, how a program is started with them.

use crate::tree::Tree;
use docle_languages::{Locate, Machine, PackageTool, RunLanguage};
use docle_protocol::limits::DEFAULT_MEMORY_MB;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One interpreter, and what a jail must show for it to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// Absolute path inside the jail.
    pub executable: String,
    /// As the interpreter itself reports it, for example `3.11.2`.
    pub version: String,
    /// Directory of the host → path in the jail, where the interpreter lies outside the system's own directories.
    pub binds: Vec<(PathBuf, PathBuf)>,
}

/// What installs packages for one package manager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installer {
    /// Absolute path inside the jail: a program, or a script for the language's interpreter.
    pub path: String,
    pub bind: (PathBuf, PathBuf),
}

/// Everything that runs programs here.
#[derive(Debug, Clone, Default)]
pub struct Interpreters {
    pub languages: BTreeMap<RunLanguage, Interpreter>,
    pub installers: BTreeMap<PackageTool, Installer>,
    /// Where the languages are that are not the machine's own.
    pub tree: Option<Tree>,
}

impl Interpreter {
    /// Asks the interpreter at `path` where it lives.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn find(language: RunLanguage, machine: &Machine, path: &Path) -> Result<Self, String> {
        let Locate { arguments, inside } = &machine.locate;
        let answer = ask(path, arguments)?;
        let [executable, prefix, version] = answer.lines().collect::<Vec<_>>()[..] else {
            return Err(format!("{} does not answer like {}", path.display(), language.title));
        };
        let resolved = std::fs::canonicalize(executable).map_err(|error| format!("{executable}: {error}"))?;
        let (executable, binds) = placed(&resolved, Path::new(prefix), inside.unwrap_or(prefix));
        Ok(Self { executable, version: version.into(), binds })
    }
}

impl Installer {
    /// uv, a single static program.
    pub fn uv(path: &Path) -> Result<Self, String> {
        let path = std::fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { path: "/runtime/uv".into(), bind: (path, "/runtime/uv".into()) })
    }

    /// npm, started by Node: the path of its `npm-cli.js`, which lies in `bin/` of its package.
    pub fn npm(path: &Path) -> Result<Self, String> {
        let path = std::fs::canonicalize(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let package = path.parent().and_then(Path::parent).ok_or("npm-cli.js is not in a package")?.to_owned();
        let inside = Path::new("/runtime/npm").join(path.strip_prefix(&package).unwrap_or(&path));
        Ok(Self { path: inside.to_string_lossy().into_owned(), bind: (package, "/runtime/npm".into()) })
    }
}

impl Interpreters {
    /// What a jail's root must show for all of them.
    pub fn binds(&self) -> Vec<(PathBuf, PathBuf)> {
        let interpreters = self.languages.values().flat_map(|interpreter| interpreter.binds.clone());
        interpreters.chain(self.installers.values().map(|installer| installer.bind.clone())).collect()
    }

    /// Where their packages will be looked for.
    pub fn package_places(&self) -> Vec<PathBuf> {
        let pip = self.languages.iter().filter(|(language, _)| language.package_manager == PackageTool::Pip);
        let place = |(_, python): (&RunLanguage, &Interpreter)| {
            let version = python.version.rsplit_once('.').map_or(python.version.as_str(), |(minor, _)| minor);
            PathBuf::from(format!("/packages/lib/python{version}/site-packages"))
        };
        pip.map(place).collect()
    }

    /// Language → version, for people.
    pub fn versions(&self) -> BTreeMap<String, String> {
        let own = self.languages.iter().map(|(language, found)| (language.name().to_owned(), found.version.clone()));
        own.chain(self.tree.iter().flat_map(Tree::versions)).collect()
    }

    /// Whether a language is installed here.
    pub fn has(&self, language: RunLanguage) -> bool {
        self.languages.contains_key(&language)
            || self.tree.as_ref().is_some_and(|tree| tree.version(language).is_some())
    }
}

/// Where an executable below `prefix` is found inside a jail.
fn placed(executable: &Path, prefix: &Path, inside: &str) -> (String, Vec<(PathBuf, PathBuf)>) {
    match executable.strip_prefix(prefix) {
        Ok(below) if !prefix.starts_with("/usr") => {
            let path = Path::new(inside).join(below);
            (path.to_string_lossy().into_owned(), vec![(prefix.to_owned(), inside.into())])
        }
        _ => (executable.to_string_lossy().into_owned(), Vec::new()),
    }
}

fn ask(path: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(path).args(arguments).output().map_err(|error| format!("{}: {error}", path.display()))?;
    if !output.status.success() {
        return Err(format!("{} ended with {}", path.display(), output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command line of a program, as a person in `/workspace` would type it.
pub fn command_line(executable: &str, entrypoint: &str, arguments: &[String]) -> Vec<String> {
    // A file name that starts with a dash would be an option.
    let script = if entrypoint.starts_with('-') { format!("./{entrypoint}") } else { entrypoint.to_owned() };
    [executable.to_owned(), script].into_iter().chain(arguments.iter().cloned()).collect()
}

/// Options of Node for a run with so much memory. V8 plans its heap by the memory of the machine, and without this a program
/// with much garbage would be ended for memory that it does not need. An eighth is left for what is no heap. What really
/// needs more than the run has still meets the limit of the run, mostly before it meets this one.
///
/// A Node that waits serves runs with less memory, too, so what it was told is said to every run with less: a program sees
/// the same whether it waited or not.
fn node_options(memory_mb: u32) -> String {
    format!("--max-old-space-size={}", memory_mb.max(DEFAULT_MEMORY_MB) / 8 * 7)
}

/// The variable that [`node_options`] are read from, also by further Nodes that a program starts.
pub const NODE_OPTIONS: &str = "NODE_OPTIONS";

/// Whether an interpreter of this language plans by the memory that it was started for.
pub fn plans_memory(language: RunLanguage) -> bool {
    language.package_manager == PackageTool::Npm
}

/// The environment that a program of this language gets before the caller's own variables.
pub fn environment(
    language: RunLanguage,
    interpreter: &Interpreter,
    entrypoint: &str,
    memory_mb: u32,
) -> Vec<(String, String)> {
    let directory = Path::new(&interpreter.executable).parent().unwrap_or(Path::new("/")).to_string_lossy();
    let mut variables = vec![
        ("PATH", format!("{directory}:/packages/bin:/packages/node_modules/.bin:/usr/local/bin:/usr/bin:/bin")),
        ("HOME", "/tmp".into()),
        ("USER", "sandbox".into()),
        ("LANG", "C.UTF-8".into()),
        ("TZ", "UTC".into()),
    ];
    if plans_memory(language) {
        variables.push((NODE_OPTIONS, node_options(memory_mb)));
    }
    let runner = language.runner();
    variables.extend(runner.environment.iter().map(|&(name, value)| (name, value.to_owned())));
    // Imports work from the workspace's root, wherever in it the entry point lies.
    if let Some(name) = runner.import_path.filter(|_| entrypoint.contains('/')) {
        variables.push((name, "/workspace".into()));
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_outside_the_system_are_shown() {
        let (path, binds) =
            placed(Path::new("/opt/python/bin/python3.11"), Path::new("/opt/python"), "/runtime/python");
        assert_eq!(path, "/runtime/python/bin/python3.11");
        assert_eq!(binds, [(PathBuf::from("/opt/python"), PathBuf::from("/runtime/python"))]);
        let (path, binds) = placed(Path::new("/usr/bin/python3.11"), Path::new("/usr"), "/runtime/python");
        assert_eq!((path.as_str(), binds.len()), ("/usr/bin/python3.11", 0));
    }

    #[test]
    fn node_planned_its_heap_by_the_memory_of_the_machine() {
        let interpreter = Interpreter { executable: "/p/node".into(), version: "1.2.3".into(), binds: Vec::new() };
        let options = |language, memory_mb| {
            let variables = environment(RunLanguage::named(language), &interpreter, "main", memory_mb);
            variables.into_iter().find(|(name, _)| name == NODE_OPTIONS).map(|(_, value)| value)
        };
        for (memory_mb, heap_mb) in [(256, 224), (2_048, 1_792), (96, 224)] {
            assert_eq!(options("node", memory_mb), Some(format!("--max-old-space-size={heap_mb}")));
        }
        assert_eq!(options("python", 256), None);
    }

    #[test]
    fn an_entry_point_is_never_an_option() {
        assert_eq!(command_line("/p", "-c.py", &["-x".into()]), ["/p", "./-c.py", "-x"]);
    }
}
