//! What the command line says.

use crate::egress::Service;
use clap::{Args, Parser, Subcommand};
use docle_languages::{RunLanguage, Word};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::path::PathBuf;

/// Runs one program in one fresh jail, over HTTP.
#[derive(Debug, Parser)]
#[command(name = "docle-runner", version)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve runs. The secret that callers must send is read from DOCLE_RUNNER_SECRET.
    Serve {
        /// Address to listen on; port 0 takes a free one. The address in use is printed as one JSON line.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// End together with the process that started this one.
        #[arg(long)]
        die_with_parent: bool,
        /// Take no more runs after a run has met a failure of the sandbox itself, and end when the runs in progress
        /// have ended. What started this runner must then start another one, as the RunPool object does.
        #[arg(long)]
        replaceable: bool,
        #[command(flatten)]
        machine: Machine,
    },
    /// Print what this machine offers and end with 1 where something required is missing.
    Doctor {
        #[command(flatten)]
        machine: Machine,
    },
    /// Print, as JSON, what this environment grants and which tier of jails that makes. Needs no interpreter, so it
    /// runs in any container.
    Probe,
    /// Start jails for the server that started this process.
    #[command(hide = true)]
    Jailer { socket: RawFd },
    /// End every other process of the user that this one is, until none is left.
    #[command(hide = true)]
    Sweep,
}

/// What the runner finds on its machine.
#[derive(Debug, Clone, Args)]
pub struct Machine {
    /// Directory for package layers and the jails' mount point.
    #[arg(long, default_value = "/var/lib/docle")]
    pub state: PathBuf,
    /// The interpreter that programs of a language run with, as `python=/usr/bin/python3`; the one in PATH by default.
    #[arg(long = "interpreter", value_name = "LANGUAGE=PATH", value_parser = interpreter)]
    pub interpreters: Vec<(RunLanguage, PathBuf)>,
    /// The tree of languages: a directory with `root`, the root directory of their programs, and `languages`, with a file for
    /// each language that is installed. Without it only the machine's own Python and Node are there.
    #[arg(long)]
    pub languages: Option<PathBuf>,
    /// The library that lets Python's programs start as forks of a started interpreter. Beside this program where
    /// nothing is said; without it every program gets a Python that was started for it alone.
    #[arg(long)]
    pub fork: Option<PathBuf>,
    /// Start a Python for every program alone, so that no two have anything random in common. Costs five times the
    /// processor time.
    #[arg(long, conflicts_with = "fork")]
    pub no_fork: bool,
    /// uv, which installs Python packages.
    #[arg(long)]
    pub uv: Option<PathBuf>,
    /// npm's npm-cli.js, which installs Node packages.
    #[arg(long)]
    pub npm: Option<PathBuf>,
    /// git, which fetches repositories: below /usr, so that jails show it. The one in PATH by default, and none where that has none.
    #[arg(long)]
    pub git: Option<PathBuf>,
    /// Runs at once; four per processor by default.
    #[arg(long)]
    pub places: Option<u32>,
    /// The first of the user ids that programs run as, one for each place. By default a range that nobody else on the machine
    /// has.
    #[arg(long)]
    pub first_uid: Option<u32>,
    /// MiB that all runs may use together; three quarters of the machine's memory by default.
    #[arg(long)]
    pub memory_mb: Option<u32>,
    /// MiB of installed packages that are kept for later runs.
    #[arg(long, default_value_t = 4_096)]
    pub layers_mb: u64,
    /// Where Python packages come from.
    #[arg(long, env = "DOCLE_PYTHON_INDEX", default_value = "https://pypi.org/simple")]
    pub python_index: String,
    /// Where Node packages come from.
    #[arg(long, env = "DOCLE_NPM_REGISTRY", default_value = "https://registry.npmjs.org")]
    pub npm_registry: String,
    /// Further hosts that installations may reach: `host:port`, or `host` for its ports 80 and 443.
    #[arg(long, env = "DOCLE_REGISTRY_HOSTS", value_delimiter = ',', default_value = "files.pythonhosted.org")]
    pub registry_hosts: Vec<String>,
    /// Servers from which repositories are fetched wherever they are, also over plain HTTP, as `host:port`. All others need https
    /// and a public address.
    #[arg(long, env = "DOCLE_REPOSITORY_HOSTS", value_delimiter = ',', value_parser = service)]
    pub repository_hosts: Vec<Service>,
}

impl Machine {
    /// The interpreter of a language: the one that an option names, else the one in PATH.
    pub fn executable(&self, language: RunLanguage) -> PathBuf {
        let named = self.interpreters.iter().find(|(of, _)| *of == language).map(|(_, path)| path.clone());
        let in_path = || match language.runner().run[0] {
            Word::Text(name) => name.into(),
            _ => language.name().into(),
        };
        named.unwrap_or_else(in_path)
    }
}

/// Reads `LANGUAGE=PATH`.
fn interpreter(text: &str) -> Result<(RunLanguage, PathBuf), String> {
    let (language, path) = text.split_once('=').ok_or("must be LANGUAGE=PATH")?;
    let known = RunLanguage::of_machine().map(|(known, _)| known).find(|known| known.name() == language);
    let language =
        known.ok_or_else(|| format!("{language} is no language with an interpreter of the machine's own"))?;
    Ok((language, path.into()))
}

/// Reads `host:port`.
fn service(text: &str) -> Result<Service, String> {
    Service::read(text).ok_or_else(|| "must be host:port".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_is_named_by_its_language_or_found_in_path() {
        let parse = |arguments: &[&str]| Options::try_parse_from([&["docle-runner", "doctor"], arguments].concat());
        let options = parse(&["--interpreter", "python=/opt/a=b/python"]).unwrap();
        let Command::Doctor { machine } = options.command else { panic!("doctor") };
        let of = |name| machine.executable(RunLanguage::parse(name).unwrap());
        assert_eq!(of("python"), PathBuf::from("/opt/a=b/python"));
        assert_eq!(of("node"), PathBuf::from("node"));
        for wrong in ["python", "cobol=/bin/cobol", "=/bin/sh"] {
            assert!(parse(&["--interpreter", wrong]).is_err(), "{wrong}");
        }
    }
}
