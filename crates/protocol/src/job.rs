//! The request to the runner: one run, validated, with all defaults filled in.

pub use docle_api::repositories::{Repository, RepositoryToken};
pub use docle_api::runs::{FileEncoding, SourceFile};
pub use docle_api::terminals::TerminalSize;
pub use docle_languages::{ContextLanguage, RunLanguage};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One program to run once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunJob {
    /// The run's id, a UUIDv4 in its 36-character form.
    pub id: String,
    pub language: RunLanguage,
    /// Written below `/workspace` before the program starts; with those that are attached 1 to [`crate::limits::MAX_FILES`],
    /// or none where there is a repository.
    pub files: Vec<SourceFile>,
    /// Files whose bytes follow the JSON of the job, in this order and as they are. Some clients send files as they are, and base64
    /// would take a third more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<AttachedFile>,
    /// The repository whose files are below `/workspace` as well, where none of the job's own has the same path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<Repository>,
    /// The path of the file to start; one of `files`, or attached, or of the repository.
    pub entrypoint: String,
    /// Further files that the program reads and its compilation does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<SourceFile>,
    /// The start of standard input. The program reads end of file after it, unless the run is interactive.
    pub stdin: String,
    /// Standard input continues with the messages of the socket at [`crate::headers::stdin_path`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interactive: bool,
    /// The program has a terminal of this size instead of pipes. What it writes is then one stream, `stdout`, and what it does
    /// not read yet stops it: the runner reads from the terminal only as fast as the events are read. The run is interactive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<TerminalSize>,
    /// The arguments after the entry point in `argv`.
    pub args: Vec<String>,
    /// Variables in addition to the small environment of every run.
    pub env: BTreeMap<String, String>,
    /// Requirements in the registry's own syntax, for example `requests>=2.31` or `@types/node@22`.
    pub packages: Vec<String>,
    /// How the program is compiled; `None` where its language is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compile: Option<Compile>,
    /// The entry point is one cell of code for an interpreter, and no program: what the cell shows comes as [`crate::RunEvent::Cell`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<RunCell>,
    /// Names runs of one call that belong together: those of them that are the same program are compiled once. Nobody but
    /// the Worker knows the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    pub limits: Limits,
    pub network: Network,
    /// The files to hand back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifacts: Option<Artifacts>,
    /// The run goes on when its connection breaks, and the runner keeps its events for [`crate::headers::events_path`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

/// A file whose bytes follow the JSON of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AttachedFile {
    pub path: String,
    /// Bytes of the file.
    pub size: u64,
}

/// A run that is one cell of code. Its output is cut where it is too long, and the cell goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunCell {
    pub language: ContextLanguage,
}

/// How a program is compiled before it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Compile {
    /// Options for the compiler, each of which begins with `-`.
    pub options: Vec<String>,
    /// Wall clock of the compilation.
    pub timeout_ms: u32,
    /// Memory of the compilation and its files.
    #[serde(rename = "memoryMB")]
    pub memory_mb: u32,
}

/// The files that a run hands back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Artifacts {
    /// Patterns of paths below `/workspace`: `*` and `?` within a name, `**` for any directories.
    pub patterns: Vec<String>,
    /// Whether the events of the run contain the content of small ones.
    pub inline: bool,
}

/// The limits of one run. Names contain the units; [`crate::limits`] contains the ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    pub timeout_ms: u32,
    /// `None` if only the clock limits the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u32>,
    /// `None` if only the memory limits files.
    #[serde(rename = "maxFileMB", default, skip_serializing_if = "Option::is_none")]
    pub max_file_mb: Option<u32>,
    #[serde(rename = "memoryMB")]
    pub memory_mb: u32,
    pub max_output_bytes: u32,
}

/// The hosts that the program may reach. Private, link-local and metadata addresses are never reachable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "mode", deny_unknown_fields)]
pub enum Network {
    /// No host.
    None,
    /// Any public host.
    Public,
    /// Only these hosts; `*.example.com` matches subdomains of any depth but not `example.com`.
    Hosts { hosts: Vec<String> },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn run_job_format_unchanged() {
        let job = RunJob {
            id: "550e8400-e29b-41d4-a716-446655440000".into(),
            language: RunLanguage::named("python"),
            files: vec![SourceFile::text("main.py", "print(1)")],
            attached: vec![],
            repo: None,
            entrypoint: "main.py".into(),
            inputs: vec![],
            stdin: "in".into(),
            interactive: false,
            tty: None,
            args: vec!["a".into()],
            env: BTreeMap::from([("K".into(), "v".into())]),
            packages: vec!["requests>=2".into()],
            compile: None,
            cell: None,
            share: None,
            limits: Limits {
                cpu_ms: Some(500),
                max_file_mb: Some(8),
                timeout_ms: 3_000,
                memory_mb: 256,
                max_output_bytes: 1_048_576,
            },
            network: Network::Hosts { hosts: vec!["*.example.com".into()] },
            artifacts: None,
            kept: false,
        };
        let wire = json!({
            "id": "550e8400-e29b-41d4-a716-446655440000",
            "language": "python",
            "files": [{ "path": "main.py", "content": "print(1)" }],
            "entrypoint": "main.py",
            "stdin": "in",
            "args": ["a"],
            "env": { "K": "v" },
            "packages": ["requests>=2"],
            "limits": { "timeoutMs": 3000, "cpuMs": 500, "maxFileMB": 8, "memoryMB": 256, "maxOutputBytes": 1048576 },
            "network": { "mode": "hosts", "hosts": ["*.example.com"] },
        });
        assert_eq!(serde_json::to_value(&job).unwrap(), wire);
        assert_eq!(serde_json::from_value::<RunJob>(wire).unwrap(), job);
        let artifacts = Some(Artifacts { patterns: vec!["*.png".into()], inline: true });
        let compile = Some(Compile { options: vec!["-O2".into()], timeout_ms: 30_000, memory_mb: 768 });
        let (inputs, share) = (vec![SourceFile::text("a.txt", "1")], Some("batch".into()));
        let tty = Some(TerminalSize { cols: 80, rows: 24 });
        let attached = vec![AttachedFile { path: "b".into(), size: 7 }];
        let cell = Some(RunCell { language: ContextLanguage::TypeScript });
        let repo = Some(Repository {
            url: "https://a.org/b".into(),
            reference: Some("main".into()),
            subdir: Some("c".into()),
            token: Some(RepositoryToken("d".into())),
        });
        let more = RunJob {
            attached,
            repo,
            interactive: true,
            tty,
            artifacts,
            compile,
            cell,
            inputs,
            share,
            kept: true,
            ..job
        };
        let more = serde_json::to_value(more).unwrap();
        assert_eq!((&more["share"], &more["inputs"]), (&json!("batch"), &json!([{ "path": "a.txt", "content": "1" }])));
        assert_eq!(more["compile"], json!({ "options": ["-O2"], "timeoutMs": 30_000, "memoryMB": 768 }));
        assert_eq!(more["repo"], json!({ "url": "https://a.org/b", "ref": "main", "subdir": "c", "token": "d" }));
        assert_eq!(more["cell"], json!({ "language": "typescript" }));
        assert_eq!(more["tty"], json!({ "cols": 80, "rows": 24 }));
        assert_eq!((&more["interactive"], &more["kept"]), (&json!(true), &json!(true)));
        assert_eq!(more["attached"], json!([{ "path": "b", "size": 7 }]));
        assert_eq!(more["artifacts"], json!({ "patterns": ["*.png"], "inline": true }));
        assert_eq!(serde_json::to_value(Network::None).unwrap(), json!({ "mode": "none" }));
        assert_eq!(serde_json::to_value(Network::Public).unwrap(), json!({ "mode": "public" }));
    }
}
