//! Proves that jails work here: only a program that runs in one proves that.

use crate::events::channel;
use crate::jail::probe::Grants;
use crate::jail::root::Tier;
use crate::jail::terminal::MAX_TERMINALS;
use crate::place::Full;
use crate::run::Runner;
use docle_languages::Machine;
use docle_protocol::{Limits, Network, RunJob, RunLanguage, SourceFile, Stream, TerminalSize};
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// What the first programs print.
const ANSWER: &str = "42";

impl Runner {
    /// Runs one small program in every language.
    ///
    /// # Errors
    /// One sentence about what went wrong instead.
    pub async fn prove(&self) -> Result<(), String> {
        for (language, machine) in RunLanguage::of_machine() {
            self.prove_one(language, machine, None).await?;
        }
        Ok(())
    }

    /// Runs one of them at a terminal. Without terminals the runner serves all other runs.
    ///
    /// # Errors
    /// One sentence about what went wrong instead.
    pub async fn prove_terminal(&self) -> Result<(), String> {
        let (language, machine) = RunLanguage::of_machine().next().ok_or("This runner has no language.")?;
        self.prove_one(language, machine, Some(TerminalSize { cols: 80, rows: 24 })).await
    }

    async fn prove_one(
        &self,
        language: RunLanguage,
        machine: &Machine,
        tty: Option<TerminalSize>,
    ) -> Result<(), String> {
        let path = language.default_entrypoint().to_owned();
        let job = RunJob {
            id: "self-test".into(),
            language,
            files: vec![SourceFile::text(path.clone(), machine.self_test)],
            repo: None,
            entrypoint: path,
            inputs: Vec::new(),
            stdin: String::new(),
            interactive: tty.is_some(),
            tty,
            args: Vec::new(),
            env: BTreeMap::new(),
            packages: Vec::new(),
            compile: None,
            cell: None,
            share: None,
            limits: Limits {
                cpu_ms: None,
                max_file_mb: None,
                timeout_ms: 30_000,
                memory_mb: 256,
                max_output_bytes: 65_536,
            },
            network: Network::None,
            artifacts: None,
            kept: false,
            attached: Vec::new(),
        };
        let line_end = if tty.is_some() { "\r\n" } else { "\n" };
        let (sender, output) = channel();
        match self.run(job, None, &sender, &CancellationToken::new()).await {
            Ok(_) if output.text(Stream::Stdout) == format!("{ANSWER}{line_end}") => Ok(()),
            Ok(report) => {
                let (status, said) = (report.status.name(), output.text(Stream::Stderr));
                Err(format!("A first {} program ended with {status}: {}", language.name(), said.trim()))
            }
            Err(Full) => Err("No place for a first program became free.".into()),
        }
    }
}

/// What holds the terminals of programs, as `/health` tells it.
pub fn terminals(grants: &Grants, proven: Result<(), String>) -> String {
    match (proven, grants.tier) {
        (Err(why), _) => {
            eprintln!("terminals.missing error={why:?}");
            "none: this machine has none to give, and runs that ask for one are refused".into()
        }
        (Ok(()), Tier::Shared) => "the terminals of the container, one program at a time".into(),
        (Ok(()), Tier::Root | Tier::UserNamespace) => {
            format!("devices of the jail's own (devpts), {MAX_TERMINALS} at most")
        }
    }
}
