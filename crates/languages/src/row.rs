//! What one row of the table says about its language.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One language.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// The name in requests, results and statistics.
    pub id: &'static str,
    /// Other names that requests may use, in lower case. No other language has them.
    pub aliases: &'static [&'static str],
    /// More names for its programs, which elsewhere may be another language: `javascript` is Node.js for a program.
    pub program_names: &'static [&'static str],
    /// The name that people read.
    pub title: &'static str,
    /// Endings of its source files, without the dot, the usual one first.
    pub extensions: &'static [&'static str],
    /// The name of the mode in CodeMirror.
    pub editor_mode: &'static str,
    /// The numbers that Judge0 1.13 has for it: at most one of its common languages, which are above 42, and one of the extra ones.
    pub judge0: &'static [u16],
    /// What installs its packages.
    pub package_manager: PackageTool,
    /// How the runner runs a program; `None` where the language has no programs.
    pub runner: Option<Runner>,
    /// What the isolate tier reads; `None` where the language has no scripts.
    pub dialect: Option<Dialect>,
}

/// How the runner runs a program of the language.
#[derive(Debug, PartialEq, Eq)]
pub struct Runner {
    /// The file that holds `code`, and the entry point where a request names none.
    pub entrypoint: &'static str,
    /// How a program is compiled; `None` where nothing is compiled.
    pub compile: Option<Compile>,
    /// The command that runs a program, see [`Word`]; its first word is the interpreter, as it is found in `PATH` for one of
    /// the machine's own and as an absolute path in the tree of languages.
    pub run: &'static [Word],
    /// The name of the interpreter's or compiler's implementation in `GET /languages`.
    pub component: &'static str,
    /// What is known of an interpreter of the machine's own; `None` where it comes from the tree of languages.
    pub machine: Option<Machine>,
    /// Variables that every program gets beside those of the machine.
    pub environment: &'static [(&'static str, &'static str)],
    /// The variable with the directory that imports begin in, set where the entry point lies deeper than that.
    pub import_path: Option<&'static str>,
}

/// A word of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// This text.
    Text(&'static str),
    /// The path of the entry point, relative to the working directory.
    Entrypoint,
    /// The paths of the entry point and of every other file with an ending of the language.
    Sources,
    /// The options of the request.
    Options,
    /// `-Xmx` with a heap that leaves the rest of the memory to the virtual machine.
    Heap,
    /// The class of the entry point, with its package.
    Class,
}

/// How a program is compiled, in a jail of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Compile {
    /// The command. What it puts into `/build` is there, read-only, when the program runs.
    pub command: &'static [Word],
    /// The file in `/build` that a compilation always makes; `None` where its name depends on the program.
    pub product: Option<&'static str>,
}

/// What is known of an interpreter of the machine's own.
#[derive(Debug, PartialEq, Eq)]
pub struct Machine {
    /// A program that prints the interpreter's version.
    pub version_probe: &'static str,
    /// A program that prints 42 and a line end: the first one that a runner runs.
    pub self_test: &'static str,
    /// How the runner finds the interpreter on its machine.
    pub locate: Locate,
    /// How an interpreter waits, started, for its program.
    pub warm_start: WarmStart,
    /// Programs for which an interpreter that waits has already decided otherwise.
    pub cold_when: &'static [ColdWhen],
}

/// How an interpreter answers where it lives.
#[derive(Debug, PartialEq, Eq)]
pub struct Locate {
    /// The arguments with which it prints three lines: its path, the directory to show in the jail, its version.
    pub arguments: &'static [&'static str],
    /// Where that directory lies in the jail; `None` where it stays in its place.
    pub inside: Option<&'static str>,
}

/// How an interpreter waits, started, for its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarmStart {
    /// As a fork of one interpreter, where the machine can do that, else as `Execute`.
    Fork,
    /// As a process of its own.
    Execute,
}

/// A program that a waiting interpreter cannot run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColdWhen {
    /// It brings this file, which the interpreter has looked for in vain.
    FileIs(&'static str),
    /// The first two lines of its entry point hold this text, so that the interpreter reads it twice.
    HeadHas(&'static str),
}

/// Where code runs: as a program in a jail, or as a script in an isolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// A program in a jail of its own, in a container.
    Run,
    /// A script in an isolate.
    Isolate,
}

impl Tier {
    /// Every tier, in the order in which they are listed to users.
    pub const ALL: [Self; 2] = [Self::Run, Self::Isolate];

    /// The name in requests and in `GET /languages`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Isolate => "isolate",
        }
    }
}

/// What installs the packages of a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PackageTool {
    /// Names of PyPI in the syntax of PEP 508, installed by uv.
    Pip,
    /// Names of npm with a range of node-semver, installed by npm.
    Npm,
    /// The language has no packages here.
    None,
}

/// The text that the isolate tier reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Runs as it is.
    JavaScript,
    /// Is translated to JavaScript first.
    TypeScript,
}

impl Row {
    /// Whether code in this language runs in `tier`.
    pub const fn runs_in(&self, tier: Tier) -> bool {
        match tier {
            Tier::Run => self.runner.is_some(),
            Tier::Isolate => self.dialect.is_some(),
        }
    }

    /// Whether `text` names this language: its id or an alias, in any case.
    pub fn is_called(&self, text: &str) -> bool {
        self.id.eq_ignore_ascii_case(text) || has(self.aliases, text)
    }

    /// Whether `text` is one of the further names of its programs, in any case.
    pub fn programs_are_called(&self, text: &str) -> bool {
        has(self.program_names, text)
    }
}

fn has(names: &[&str], text: &str) -> bool {
    names.iter().any(|name| name.eq_ignore_ascii_case(text))
}

impl fmt::Display for Row {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.id)
    }
}
