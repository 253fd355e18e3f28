//! The tree of languages: which languages are installed in it, and the commands of a program there.

use docle_languages::{RunLanguage, Word};
use docle_protocol::RunJob;
use docle_protocol::file::file_bytes;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A tree on this machine. Languages may be added to it while the runner runs.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    /// Has a file for each language that is installed.
    languages: PathBuf,
}

/// What the file of an installed language says.
#[derive(serde::Deserialize)]
struct Installed {
    version: String,
}

impl Tree {
    /// The tree that `directory` holds.
    ///
    /// # Errors
    /// It holds none.
    pub fn open(directory: &Path) -> io::Result<Self> {
        let root = fs::canonicalize(directory.join("root"))?;
        Ok(Self { root, languages: fs::canonicalize(directory.join("languages"))? })
    }

    /// The root directory of its programs.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The version of a language; `None` where it is not installed, or not yet.
    pub fn version(&self, language: RunLanguage) -> Option<String> {
        // The file is put there in one step when everything else is.
        let text = fs::read(self.languages.join(format!("{}.json", language.name()))).ok()?;
        serde_json::from_slice::<Installed>(&text).ok().map(|installed| installed.version)
    }

    /// Language → version, of those that are installed.
    pub fn versions(&self) -> BTreeMap<String, String> {
        let languages = RunLanguage::all().filter(|language| language.runner().machine.is_none());
        languages.filter_map(|language| Some((language.name().to_owned(), self.version(language)?))).collect()
    }
}

/// The environment of a program before the caller's own variables.
pub fn environment(language: RunLanguage) -> Vec<(String, String)> {
    let machine = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", "/tmp"),
        ("USER", "sandbox"),
        ("LANG", "C.UTF-8"),
        ("TZ", "UTC"),
    ];
    let all = machine.iter().chain(language.runner().environment);
    all.map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// A command for the program of `job`, which may hold so much memory.
pub fn command(words: &[Word], job: &RunJob, memory_mb: u32) -> Vec<String> {
    let mut command = Vec::new();
    for word in words {
        match word {
            Word::Text(text) => command.push((*text).to_owned()),
            Word::Entrypoint => command.push(argument(&job.entrypoint)),
            Word::Sources => command.extend(sources(job)),
            Word::Options => command.extend(job.compile.iter().flat_map(|compile| compile.options.iter().cloned())),
            Word::Heap => command.push(format!("-Xmx{}m", heap_mb(memory_mb))),
            Word::Class => command.push(class(job)),
        }
    }
    command
}

/// A path of a program's file as an argument: one that starts with a dash would be an option.
fn argument(path: &str) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path.to_owned() }
}

/// The entry point, and then every other file with an ending of the language, by name.
fn sources(job: &RunJob) -> Vec<String> {
    let is_source = |path: &str| {
        Path::new(path).extension().is_some_and(|ending| job.language.extensions.iter().any(|known| ending == *known))
    };
    let paths = job.files.iter().map(|file| file.path.as_str());
    let mut others: Vec<&str> = paths.filter(|path| *path != job.entrypoint && is_source(path)).collect();
    others.sort_unstable();
    [job.entrypoint.as_str()].into_iter().chain(others).map(argument).collect()
}

/// What a Java virtual machine needs beside its heap: code, classes, threads and its own structures.
const JVM_MB: u32 = 64;

/// The heap of a virtual machine. It would otherwise plan by the memory of the whole machine, and be ended for it.
fn heap_mb(memory_mb: u32) -> u32 {
    memory_mb.saturating_sub(JVM_MB).max(memory_mb / 2)
}

/// The class that the entry point declares: its package, and the name of the file.
fn class(job: &RunJob) -> String {
    let stem = Path::new(&job.entrypoint).file_stem().unwrap_or_default().to_string_lossy();
    let source = job.files.iter().find(|file| file.path == job.entrypoint);
    let source = source.and_then(|file| file_bytes(file.clone()).ok()).unwrap_or_default();
    let source = String::from_utf8_lossy(&source);
    let package = source.lines().find_map(|line| line.trim().strip_prefix("package ")?.split(';').next());
    match package.map(str::trim) {
        Some(package) => format!("{package}.{stem}"),
        None => stem.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(language: &str, entrypoint: &str, files: &[(&str, &str)]) -> RunJob {
        let files: Vec<_> =
            files.iter().map(|(path, content)| serde_json::json!({ "path": path, "content": content })).collect();
        let limits = serde_json::json!({ "timeoutMs": 1_000, "memoryMB": 256, "maxOutputBytes": 1_024 });
        let job = serde_json::json!({
            "id": "a", "language": language, "files": files, "entrypoint": entrypoint, "stdin": "", "args": [],
            "env": {}, "packages": [], "limits": limits, "network": { "mode": "none" },
            "compile": { "options": ["-O2"], "timeoutMs": 1_000, "memoryMB": 512 },
        });
        serde_json::from_value(job).unwrap()
    }

    fn compile(job: &RunJob) -> Vec<String> {
        command(job.language.runner().compile.as_ref().unwrap().command, job, 512)
    }

    #[test]
    fn every_source_is_compiled_once_and_none_is_an_option() {
        let job = job("c", "-main.c", &[("b.c", ""), ("-main.c", ""), ("a.h", ""), ("lib/a.c", "")]);
        let command = compile(&job);
        let after = command.iter().position(|word| word == "/build/main").unwrap();
        assert_eq!(command[after + 1..], ["./-main.c", "b.c", "lib/a.c", "-lm"]);
        assert!(command.contains(&"-O2".to_owned()));
    }

    #[test]
    fn a_class_is_in_the_package_that_its_file_names() {
        let class = |source| class(&job("java", "src/a/Main.java", &[("src/a/Main.java", source)]));
        assert_eq!(class("class Main {}"), "Main");
        assert_eq!(class("// A program.\npackage org.example ;\nclass Main {}"), "org.example.Main");
    }

    #[test]
    fn a_virtual_machine_planned_its_heap_by_the_memory_of_the_machine() {
        for (memory_mb, heap_mb) in [(256, 192), (768, 704), (64, 32)] {
            assert_eq!(super::heap_mb(memory_mb), heap_mb);
        }
    }
}
