//! How packages of a language are installed, and what an installer's end means.

use super::{Failure, Registries, Wanted};
use crate::egress;
use crate::execution::{Outcome, Stop};
use crate::interpreters::{Installer, environment};
use crate::jail::launch::{Command, Exit};
use docle_protocol::Language;
use std::path::Path;

/// The installer's command: everything goes to `/packages`, nothing is read from the user's configuration.
pub fn command(wanted: Wanted, installer: &Installer, registries: &Registries) -> Command {
    Command {
        argv: command_line(wanted, installer, registries),
        env: installer_environment(wanted),
        script: String::new(),
    }
}

fn command_line(wanted: Wanted, installer: &Installer, registries: &Registries) -> Vec<String> {
    let options: Vec<&str> = match wanted.language {
        Language::Python => vec![
            &installer.path,
            "pip",
            "install",
            "--prefix=/packages",
            "--python",
            &wanted.interpreter.executable,
            "--no-config",
            "--no-progress",
            "--compile-bytecode",
            "--link-mode=copy",
            "--cache-dir=/tmp/uv",
            "--index-url",
            &registries.python,
        ],
        Language::Node => vec![
            &wanted.interpreter.executable,
            &installer.path,
            "install",
            "--prefix=/packages",
            "--cache=/tmp/npm",
            "--userconfig=/dev/null",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-save",
            "--no-update-notifier",
            "--loglevel=error",
            "--registry",
            &registries.npm,
        ],
    };
    // Building a package runs its code beside the installer, which knows the registry's password.
    let has_password = host_part(&registries.python).contains('@');
    let cautions: &[&str] = if wanted.language == Language::Python && has_password { &["--no-build"] } else { &[] };
    let packages = wanted.packages.iter().map(String::as_str);
    options.into_iter().chain(cautions.iter().copied()).chain(["--"]).chain(packages).map(str::to_owned).collect()
}

/// Password, host and port of an address.
fn host_part(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default()
}

fn installer_environment(wanted: Wanted) -> Vec<(String, String)> {
    let mut variables = environment(wanted.language, wanted.interpreter, "");
    variables.extend(egress::environment());
    // Copying a layer out changes the files' times, by which compiled modules are otherwise told from stale ones.
    variables.push(("PYC_INVALIDATION_MODE".into(), "UNCHECKED_HASH".into()));
    // Installers bring certificates of their own; a machine behind an inspecting proxy has others.
    let bundle = "/etc/ssl/certs/ca-certificates.crt";
    if Path::new(bundle).exists() {
        variables.extend(["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"].map(|name| (name.to_owned(), bundle.to_owned())));
    }
    variables
}

/// Why there is no layer, from how the installer ended.
pub fn refusal(outcome: &Outcome) -> Failure {
    let message = |reason: &str| {
        let said = outcome.stderr.text();
        let said = if said.trim().is_empty() { outcome.stdout.text() } else { said };
        [reason, said.trim()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    };
    let (exit_code, message) = match (outcome.stop, outcome.exit) {
        (Some(Stop::Cancelled), _) => return Failure::Cancelled,
        (Some(Stop::Timeout), _) => (124, message("it took longer than 60 seconds")),
        (Some(Stop::Memory), _) => (137, message("it needed more than 2 GiB of memory and files")),
        (Some(Stop::Output), _) => (137, message("the installer printed too much")),
        (None, Exit::Code(0)) => (1, message("what it installed is too large, or nested too deep, to be kept")),
        (None, Exit::Code(code)) => (code, message("")),
        (None, Exit::Signal(signal)) => (128 + signal, message("the installer was killed")),
    };
    Failure::Refused { exit_code, message }
}
