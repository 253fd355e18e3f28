//! How packages of a language are installed, and what an installer's end means.

use super::refusals::Refusal;
use super::{Failure, INSTALL_MEMORY_MB, Registries, Wanted};
use crate::egress;
use crate::events::EventReceiver;
use crate::execution::{Outcome, Stop};
use crate::interpreters::{Installer, environment};
use crate::jail::launch::{Command, Exit};
use docle_languages::PackageTool;
use docle_protocol::Stream;
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
    let options: Vec<&str> = match wanted.language.package_manager {
        PackageTool::Pip => vec![
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
        PackageTool::Npm => vec![
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
        PackageTool::None => Vec::new(),
    };
    // Building a package runs its code beside the installer, which knows the registry's password.
    let has_password = has_secret(&registries.python);
    let cautions: &[&str] =
        if wanted.language.package_manager == PackageTool::Pip && has_password { &["--no-build"] } else { &[] };
    let packages = wanted.sorted();
    options.into_iter().chain(cautions.iter().copied()).chain(["--"]).chain(packages).map(str::to_owned).collect()
}

/// Whether an address holds what nobody but its owner may know: a user's name, or a part of the path that looks like a
/// token, with which some private indexes let their users in.
fn has_secret(url: &str) -> bool {
    let (authority, path) = url.split_once("://").map_or(url, |(_, rest)| rest).split_once('/').unwrap_or((url, ""));
    let is_token = |part: &str| {
        let has = |what: fn(&char) -> bool| part.chars().any(|character| what(&character));
        part.len() >= TOKEN_LENGTH && has(char::is_ascii_digit) && has(char::is_ascii_alphabetic)
    };
    authority.contains('@') || path.split(['/', '?', '&', '=']).any(is_token)
}

/// Characters of a token in a path; those in use have 16 and more.
const TOKEN_LENGTH: usize = 16;

fn installer_environment(wanted: Wanted) -> Vec<(String, String)> {
    let mut variables = environment(wanted.language, wanted.interpreter, "", INSTALL_MEMORY_MB);
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

/// Why there is no layer, from how the installer ended and what it printed.
pub fn refusal(outcome: &Outcome, output: &EventReceiver) -> Failure {
    let message = |reason: &str| {
        let said = output.text(Stream::Stderr);
        let said = if said.trim().is_empty() { output.text(Stream::Stdout) } else { said };
        [reason, said.trim()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
    };
    let (exit_code, message) = match (outcome.stop, outcome.exit) {
        (Some(Stop::Cancelled), _) => return Failure::Cancelled,
        (Some(Stop::Timeout | Stop::Cpu), _) => (124, message("it took longer than 60 seconds")),
        (Some(Stop::Memory), _) => (137, message("it needed more than 2 GiB of memory and files")),
        (Some(Stop::Output), _) => (137, message("the installer printed too much")),
        (None, Exit::Code(0)) => (1, message("what it installed is too large, or nested too deep, to be kept")),
        (None, Exit::Code(code)) => (code, message("")),
        (None, Exit::Signal(signal)) => (128 + signal, message("the installer was killed")),
    };
    Failure::Refused(Refusal { exit_code, message })
}

/// Whether an installer has heard of its registry that there is nothing of that name or version. Everything else may
/// be the network's fault, or the machine's, and be better the next time.
pub fn is_missing(manager: PackageTool, refusal: &Refusal) -> bool {
    let says = |what: &str| refusal.message.lines().any(|line| line.trim_start().starts_with(what));
    match manager {
        // With an index that answered otherwise, uv says the same and adds a hint.
        PackageTool::Pip => says("error: No solution found when resolving dependencies") && !says("hint: An index"),
        PackageTool::Npm => says("npm error code E404") || says("npm error code ETARGET"),
        PackageTool::None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_missing(manager: PackageTool, said: &str) -> bool {
        super::is_missing(manager, &Refusal { exit_code: 1, message: said.into() })
    }

    #[test]
    fn a_build_read_the_token_in_the_address_of_its_index() {
        for private in ["https://user:pw@i.org/simple", "https://dl.i.org/Ab3dE5fG7hI9jK1l/org/python/simple/"] {
            assert!(has_secret(private), "{private}");
        }
        for public in ["https://pypi.org/simple", "http://127.0.0.2:9911/simple", "https://a.org/packages/api/pypi/x/"]
        {
            assert!(!has_secret(public), "{public}");
        }
    }

    #[test]
    fn only_a_registry_that_answers_knows_what_is_missing() {
        let none = "error: No solution found when resolving dependencies\n  cause: Because x was not found in the \
                    package registry and you require x, we can conclude that your requirements are unsatisfiable.";
        assert!(is_missing(PackageTool::Pip, none));
        let closed = "hint: An index (https://i/) returned a 403 Forbidden error. Check that the index URL is correct.";
        for said in [
            &format!("{none}\n\n{closed}"),
            "error: Request failed after 3 retries in 5.4s\n  cause: Failed to fetch: https://pypi.org/simple/x/",
            "error: Failed to build `x==1.0`",
            "it took longer than 60 seconds",
        ] {
            assert!(!is_missing(PackageTool::Pip, said), "{said}");
        }
        for (said, missing) in [
            ("npm error code E404\nnpm error 404 Not Found - GET https://registry.npmjs.org/x", true),
            ("npm error code ETARGET\nnpm error notarget No matching version found for x@99.0.0.", true),
            ("npm error code E500", false),
            ("npm error code E403", false),
            ("npm error code ECONNREFUSED\nnpm error syscall connect", false),
            ("npm error code ENOSPC", false),
        ] {
            assert_eq!(is_missing(PackageTool::Npm, said), missing, "{said}");
        }
    }
}
