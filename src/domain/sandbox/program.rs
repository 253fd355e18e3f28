//! The command that runs a file, as the language of the file has it.

use crate::domain::sandbox::command::{FileRun, WORKSPACE};
use docle_api::limits::MAX_OUTPUT_BYTES;
use docle_languages::RunLanguage;
use docle_languages::row::Word;
use docle_protocol::sandbox::{ExecCommand, ExecJob};
use std::collections::BTreeMap;

/// Where a compiler puts what it makes. A file gets a directory of its own in its place.
const BUILD: &str = "/build";
/// Memory of a Java virtual machine beside its heap, in mebibytes.
const JVM_MB: u32 = 64;
/// A variable of runs that names a directory which sandboxes do not have.
const RUNS_ONLY: &str = "PYTHONUSERBASE";

/// The command that runs a file: in the language that its ending says, or else in that of the sandbox.
pub fn job(run: &FileRun, id: String, language: RunLanguage, memory_mb: u32) -> ExecJob {
    let language = of_file(&run.file_path).unwrap_or(language);
    let runner = language.runner();
    let environment = runner.environment.iter().filter(|(name, _)| *name != RUNS_ONLY);
    let argv = match &runner.compile {
        None => {
            let words = runner.run.iter().flat_map(|word| plain(*word, run, memory_mb));
            words.chain(run.args.iter().cloned()).collect()
        }
        Some(compile) => {
            let script = script(compile.command, runner.run, memory_mb);
            let words = ["bash", "-c", &script, "docle"].map(str::to_owned).into_iter();
            words.chain([argument(&run.file_path)]).chain(run.args.iter().cloned()).collect()
        }
    };
    ExecJob {
        id,
        command: ExecCommand::Argv(argv),
        cwd: WORKSPACE.to_owned(),
        env: environment.map(|&(name, value)| (name.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>(),
        stdin: run.stdin.clone(),
        timeout_ms: run.timeout_ms,
        max_output_bytes: *MAX_OUTPUT_BYTES.start() * 1_024,
        session: None,
    }
}

/// The language with this ending of file names.
fn of_file(path: &str) -> Option<RunLanguage> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let (_, ending) = name.rsplit_once('.')?;
    let ending = ending.to_ascii_lowercase();
    // Node.js runs TypeScript itself.
    let ending = if matches!(ending.as_str(), "ts" | "mts" | "cts") { "js" } else { &ending };
    RunLanguage::all().find(|language| language.extensions.contains(&ending))
}

fn plain(word: Word, run: &FileRun, memory_mb: u32) -> Option<String> {
    match word {
        Word::Text(text) => Some(text.to_owned()),
        Word::Entrypoint | Word::Sources => Some(argument(&run.file_path)),
        Word::Heap => Some(heap(memory_mb)),
        // No language without compilation has these.
        Word::Options | Word::Class => None,
    }
}

/// A script that compiles `$1` in a new directory and becomes the program; the other arguments are those of the program.
fn script(compile: &[Word], run: &[Word], memory_mb: u32) -> String {
    let words = |words: &[Word]| words.iter().filter_map(|word| quoted(*word, memory_mb)).collect::<Vec<_>>().join(" ");
    let (compile, run) = (words(compile), words(run));
    format!("build=$(mktemp -d) && source=$1 && shift && {compile} >&2 && exec {run} \"$@\"")
}

/// A word for the script.
fn quoted(word: Word, memory_mb: u32) -> Option<String> {
    match word {
        Word::Text(text) => Some(format!("'{}'", text.replace('\'', r"'\''").replace(BUILD, "'\"$build\"'"))),
        Word::Entrypoint | Word::Sources => Some("\"$source\"".to_owned()),
        Word::Options => None,
        Word::Heap => Some(heap(memory_mb)),
        Word::Class => Some(
            r#""$(sed -n 's/^ *package  *\([^; ]*\) *;.*/\1./p' "$source" | head -n 1)$(basename "$source" .java)""#
                .to_owned(),
        ),
    }
}

/// A path as an argument: one that starts with a dash would be an option.
fn argument(path: &str) -> String {
    if path.starts_with('-') { format!("./{path}") } else { path.to_owned() }
}

fn heap(memory_mb: u32) -> String {
    format!("-Xmx{}m", memory_mb.saturating_sub(JVM_MB).max(memory_mb / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(path: &str, language: &str, args: &[&str]) -> Vec<String> {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let run = FileRun { file_path: path.into(), timeout_ms: 1_000, args, stdin: String::new() };
        match job(&run, "e".into(), RunLanguage::named(language), 512).command {
            ExecCommand::Argv(argv) => argv,
            ExecCommand::Shell(line) => panic!("{line}"),
        }
    }

    #[test]
    fn a_file_runs_in_the_language_of_its_ending_or_in_that_of_the_sandbox() {
        assert_eq!(argv("main.py", "node", &["-v"]), ["python3", "main.py", "-v"]);
        assert_eq!(argv("/app/main.TS", "python", &[]), ["node", "/app/main.TS"]);
        assert_eq!(argv("script", "python", &[]), ["python3", "script"]);
        assert_eq!(argv("-x.py", "python", &[]), ["python3", "./-x.py"]);
    }

    #[test]
    fn a_compiled_file_is_made_in_a_directory_of_its_own() {
        let words = argv("it's.c", "python", &["a b"]);
        assert_eq!(words[..2], ["bash", "-c"]);
        assert_eq!(words[3..], ["docle", "it's.c", "a b"]);
        assert!(words[2].contains(r#"''"$build"'/main'"#) && words[2].contains("\"$source\""), "{}", words[2]);
        assert!(!words[2].contains("/build/"), "{}", words[2]);
    }

    #[test]
    fn every_language_has_a_command() {
        for language in RunLanguage::all() {
            let path = format!("main.{}", language.extensions[0]);
            assert!(argv(&path, "python", &[]).iter().any(|word| word.contains(&path)), "{path}");
        }
    }
}
