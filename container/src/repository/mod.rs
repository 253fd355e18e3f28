//! Repositories: git fetches one commit in a jail of its own, and the program gets its files and nothing else of it.
//!
//! A fetch is a program like an installation. Its jail reaches the host of the URL only. When all other processes of the jail have
//! ended, init copies the files out by descriptor, and the copy is kept for one run. The program's jail copies them into its
//! workspace, below the files of the request.

mod ending;
mod files;

use crate::egress::{Policy, Service};
use crate::events::{self, EventSender};
use crate::execution::{Outcome, Program, Stop, execute};
use crate::jail::launch::{Command, EGRESS_ADDRESS};
use crate::packages::{Failure, Layer, Layers};
use crate::seating::Seating;
use docle_protocol::job::RepositoryToken;
use docle_protocol::limits::{FETCH_TIMEOUT_MS, MAX_REPOSITORY_BYTES, MAX_REPOSITORY_FILES, MAX_REPOSITORY_PACK_BYTES};
use docle_protocol::report::RepositoryError;
use docle_protocol::{Repository, Stage, Stream};
pub use ending::{Refused, sentence};
pub use files::{add_sources, has_file, listed_packages};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Memory of a fetch. Three quarters of it are room for what git receives and for the files.
const FETCH_MEMORY_MB: u32 = 1_024;
/// Bytes kept of what git writes.
const FETCH_OUTPUT_BYTES: usize = 64 * 1_024;
/// Whom servers are certified by. A library may look elsewhere, where a jail has nothing.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The script that fetches.
const SCRIPT: &str = include_str!("fetch.sh");

/// Where repositories come from, and what fetches them.
#[derive(Debug)]
pub struct Repositories {
    /// Its absolute path, the same in a jail; `None` if this machine has no git that jails show.
    pub git: Option<PathBuf>,
    /// Servers that are reached wherever they are, also over plain HTTP.
    pub trusted: Vec<Service>,
}

/// The files of a repository, for one run.
#[derive(Debug)]
pub struct Fetched {
    pub files: Layer,
    /// The id of their commit.
    pub commit: String,
    /// The branch that was asked for, if it is one.
    pub branch: Option<String>,
}

/// Why there are no files.
#[derive(Debug)]
pub enum NotFetched {
    /// The repository is to blame, or its server, or the request. The commit is there if it was found.
    Refused(Refused, Option<String>),
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for NotFetched {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Repositories {
    /// What fetches here, for people.
    pub fn property(&self) -> String {
        match &self.git {
            Some(git) => format!("{}, in a jail of its own", git.display()),
            None => "none: there is no git below /usr, and runs that need one say so".into(),
        }
    }

    /// Fetches the files of a repository for the run with this id, and with `history` so many commits in `.git`. The caller hears of the
    /// beginning of the run at once.
    ///
    /// # Errors
    /// Why there are none. With [`Failure::Full`] nothing ran.
    pub async fn fetch(
        &self,
        run: &str,
        (repository, history): (&Repository, Option<u32>),
        layers: &Layers,
        seating: &Arc<Seating>,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<Fetched, NotFetched> {
        if !events.start() {
            return Err(Failure::Full.into());
        }
        events.stage(Stage::Fetch);
        // A compilation of the same run stages something, too.
        let (staged, directory) = layers.stage(&format!("{run} repository"))?;
        let program = self.program(repository, history, directory).map_err(|error| {
            let message = sentence(error, repository);
            NotFetched::Refused(Refused { error, message }, None)
        })?;
        let (mut place, prepared) = tokio::select! {
            taken = seating.take(FETCH_MEMORY_MB, None, None) => taken?,
            () = cancel.cancelled() => return Err(Failure::Cancelled.into()),
        };
        let (sender, output) = events::channel();
        let executed = execute(place.seat(), prepared, program, &sender, cancel).await;
        let vacated = match &executed {
            // The jail's first process may still be copying.
            Ok(Outcome { exported: false, .. }) => place.seat().vacate().await,
            _ => Ok(()),
        };
        seating.give_back(place);
        vacated?;
        let outcome = executed.map_err(io::Error::from)?;
        if outcome.stop == Some(Stop::Cancelled) {
            return Err(Failure::Cancelled.into());
        }
        let said = output.text(Stream::Stdout);
        let mut lines = said.lines().map(str::to_owned);
        let (commit, branch) = (lines.next(), lines.next().filter(|branch| !branch.is_empty()));
        match commit {
            Some(commit) if outcome.exported => Ok(Fetched { files: staged.keep()?, commit, branch }),
            commit => {
                let refused = ending::refused(repository, &outcome, &output.text(Stream::Stderr));
                Err(NotFetched::Refused(refused, commit))
            }
        }
    }

    /// git as a program that fills the directory.
    fn program(
        &self,
        repository: &Repository,
        history: Option<u32>,
        directory: OwnedFd,
    ) -> Result<Program, RepositoryError> {
        let git = self.git.as_ref().ok_or(RepositoryError::Unavailable)?;
        let policy = self.policy(&repository.url).ok_or(RepositoryError::Unreachable)?;
        let is_plain = matches!(policy, Policy::Trusted(_));
        let reference = repository.reference.clone().unwrap_or_else(|| "HEAD".into());
        let subdir = repository.subdir.clone().unwrap_or_default();
        let git = git.to_string_lossy().into_owned();
        let history = history.map_or(String::new(), |commits| commits.to_string());
        let limits = [MAX_REPOSITORY_FILES.to_string(), MAX_REPOSITORY_BYTES.to_string(), history];
        let argv = ["/bin/sh", "-c", SCRIPT, "fetch"].map(str::to_owned).into_iter();
        let argv = argv.chain([git, repository.url.clone(), reference, subdir]).chain(limits).collect();
        Ok(Program {
            command: Command { argv, env: environment(is_plain, repository.token.is_some()), script: String::new() },
            warm: None,
            files: Vec::new(),
            // Nobody but the helper below reads it.
            stdin: repository.token.as_ref().map_or(String::new(), |RepositoryToken(text)| format!("{text}\n")),
            cell: None,
            more_stdin: None,
            terminal: None,
            workspace: None,
            layer: None,
            tree: false,
            export: Some(directory),
            timeout: Duration::from_millis(FETCH_TIMEOUT_MS.into()),
            cpu: None,
            file_bytes: Some(MAX_REPOSITORY_PACK_BYTES),
            memory_bytes: u64::from(FETCH_MEMORY_MB) << 20,
            max_output_bytes: FETCH_OUTPUT_BYTES,
            egress: Some(policy),
            artifacts: None,
        })
    }

    /// What a fetch from this URL may reach; `None` if it may not be tried.
    fn policy(&self, url: &str) -> Option<Policy> {
        let service = Service::of_url(url)?;
        if self.trusted.contains(&service) {
            return Some(Policy::Trusted(vec![service]));
        }
        let is_public = url.starts_with("https://") && service.port == 443;
        is_public.then(|| Policy::Hosts(vec![format!("{}:443", service.host)]))
    }
}

/// What git asks for a password: it reads the token from a descriptor of the script, once, and gives it to git through a pipe. Services
/// with tokens take any name of a user with them.
const CREDENTIAL_HELPER: &str = r#"!f() { [ "$1" = get ] && IFS= read -r token <&3 && printf 'username=x-access-token\npassword=%s\n' "$token"; }; f"#;

/// What git is told: nothing of the machine, nobody to ask, and only what it takes to fetch files. `is_plain` allows plain HTTP.
fn environment(is_plain: bool, has_token: bool) -> Vec<(String, String)> {
    let helper = if has_token { CREDENTIAL_HELPER } else { "" };
    let http = if is_plain { "always" } else { "never" };
    let settings = [
        ("protocol.allow", "never"),
        ("protocol.https.allow", "always"),
        ("protocol.http.allow", http),
        ("core.hooksPath", "/dev/null"),
        ("core.symlinks", "true"),
        ("credential.helper", helper),
        ("submodule.recurse", "false"),
        ("transfer.bundleURI", "false"),
        ("gc.auto", "0"),
        // One file, which the limit of a file holds to its size.
        ("fetch.unpackLimit", "1"),
        // Objects that git would never make are refused, but for those that old versions have made in many repositories.
        ("fetch.fsckObjects", "true"),
        ("fetch.fsck.zeroPaddedFilemode", "ignore"),
        ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
        ("fetch.fsck.missingSpaceBeforeEmail", "ignore"),
        ("fetch.fsck.badTimezone", "ignore"),
        ("fetch.fsck.badDateOverflow", "ignore"),
        ("fetch.fsck.badEmail", "ignore"),
        ("fetch.fsck.missingEmail", "ignore"),
        ("fetch.fsck.missingNameBeforeEmail", "ignore"),
        // A server that has stopped sending.
        ("http.lowSpeedLimit", "1"),
        ("http.lowSpeedTime", "30"),
    ];
    let proxy = format!("http://{EGRESS_ADDRESS}");
    let own = [
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", "/tmp"),
        ("LC_ALL", "C"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_ATTR_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("https_proxy", &proxy),
        ("http_proxy", &proxy),
    ];
    let bundle = Path::new(CERTIFICATES).exists().then_some(("GIT_SSL_CAINFO", CERTIFICATES));
    let own = own.into_iter().chain(bundle);
    let mut variables: Vec<_> = own.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    variables.push(("GIT_CONFIG_COUNT".into(), settings.len().to_string()));
    for (index, (name, value)) in settings.iter().enumerate() {
        variables.push((format!("GIT_CONFIG_KEY_{index}"), (*name).to_owned()));
        variables.push((format!("GIT_CONFIG_VALUE_{index}"), (*value).to_owned()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_without_git_says_so_and_one_with_git_speaks_https_alone() {
        let repository =
            Repository { url: "https://github.com/a/b".into(), reference: None, subdir: None, token: None };
        let directory = || OwnedFd::from(std::fs::File::open("/").unwrap());
        let mut repositories = Repositories { git: None, trusted: Vec::new() };
        assert_eq!(repositories.program(&repository, None, directory()).unwrap_err(), RepositoryError::Unavailable);
        repositories.git = Some("/usr/bin/git".into());
        let program = repositories.program(&repository, None, directory()).unwrap();
        assert_eq!(
            program.command.argv[4..],
            ["/usr/bin/git", "https://github.com/a/b", "HEAD", "", "10000", "67108864", ""]
        );
        let variables = &program.command.env;
        let settings: Vec<_> = variables.iter().filter(|(name, _)| name.starts_with("GIT_CONFIG_KEY_")).collect();
        let value = |setting: &str| {
            let (key, _) = settings.iter().find(|(_, name)| name == setting).unwrap();
            let value = key.replace("KEY", "VALUE");
            variables.iter().find(|(name, _)| *name == value).map(|(_, value)| value.as_str())
        };
        assert_eq!(value("protocol.allow"), Some("never"));
        assert_eq!((value("protocol.https.allow"), value("protocol.http.allow")), (Some("always"), Some("never")));
        assert_eq!(
            variables.iter().find(|(name, _)| name == "GIT_CONFIG_COUNT").unwrap().1,
            settings.len().to_string()
        );
    }

    #[test]
    fn only_the_host_of_the_url_is_reached_and_only_a_trusted_one_without_tls() {
        let service = |text| Service::of_option(text).remove(0);
        let repositories =
            Repositories { git: None, trusted: vec![service("127.0.0.1:3000"), service("git.internal:443")] };
        assert_eq!(repositories.policy("https://github.com/a/b"), Some(Policy::Hosts(vec!["github.com:443".into()])),);
        assert_eq!(
            repositories.policy("http://127.0.0.1:3000/a"),
            Some(Policy::Trusted(vec![service("127.0.0.1:3000")])),
        );
        assert_eq!(
            repositories.policy("https://git.internal/a"),
            Some(Policy::Trusted(vec![service("git.internal:443")])),
        );
        for url in [
            "http://127.0.0.1:3001/a",
            "http://github.com/a",
            "https://github.com:8443/a",
            "file:///etc",
            "git.internal",
        ] {
            assert_eq!(repositories.policy(url), None, "{url}");
        }
    }
}
