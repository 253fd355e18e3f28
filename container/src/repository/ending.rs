//! What the end of a fetch means: why a run does not have the files of its repository, in a word and in a sentence.

use crate::execution::{Outcome, Stop};
use crate::jail::launch::Exit;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use docle_protocol::Repository;
use docle_protocol::job::RepositoryToken;
use docle_protocol::limits::{FETCH_TIMEOUT_MS, MAX_REPOSITORY_BYTES, MAX_REPOSITORY_FILES, MAX_REPOSITORY_PACK_BYTES};
use docle_protocol::report::RepositoryError;

/// Characters of what git and the server say, at most.
const MAX_SAID_CHARS: usize = 1_000;

/// Why there are no files, and what the caller can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub error: RepositoryError,
    pub message: String,
}

/// What has failed, from how the jail ended and what git wrote to standard error.
pub fn refused(repository: &Repository, outcome: &Outcome, said: &str) -> Refused {
    let error = error(outcome, said);
    let quote = matches!(error, RepositoryError::Unusable | RepositoryError::Unreachable) && outcome.refused.is_empty();
    let mut message = match outcome.refused.first() {
        Some(server) => format!(
            "its server sent the client to {server}, and a fetch reaches public addresses of the host of repo.url only: name the \
             URL that it leads to"
        ),
        None => sentence(error, repository),
    };
    let said = plain(&without_token(said, repository));
    if quote && !said.is_empty() {
        message += &format!("\n{said}");
    }
    Refused { error, message }
}

/// The sentence about a failure, to be read after what has failed.
pub fn sentence(error: RepositoryError, repository: &Repository) -> String {
    let reference = repository.reference.as_deref().unwrap_or("HEAD");
    let directory = repository.subdir.as_deref().unwrap_or_default();
    match error {
        RepositoryError::NotFound if repository.token.is_some() => {
            "there is no such repository, or the token may not read it; its server does not say which: check repo.url and repo.token"
                .into()
        }
        RepositoryError::NotFound => {
            "there is no such repository, or it is private; its server does not say which: check repo.url, and send a \
             token that may read it in repo.token"
                .into()
        }
        RepositoryError::RefNotFound => format!(
            "it has no branch, tag or commit \"{reference}\": check repo.ref; a commit is named by its whole id"
        ),
        RepositoryError::SubdirNotFound => format!("the commit has no directory \"{directory}\": check repo.subdir"),
        RepositoryError::EntrypointNotFound => {
            "neither the repository nor the request has the file to start: name it in entrypoint, as a path below repo.subdir".into()
        }
        RepositoryError::TooLarge => format!(
            "it is too large: a commit may have {} MiB as git sends it, and its files {} MiB; name a smaller directory in repo.subdir",
            MAX_REPOSITORY_PACK_BYTES >> 20,
            MAX_REPOSITORY_BYTES >> 20,
        ),
        RepositoryError::TooManyFiles => format!(
            "it has more than {MAX_REPOSITORY_FILES} files and directories, or they are nested too deep: name a smaller directory in \
             repo.subdir"
        ),
        RepositoryError::Timeout => format!("it took longer than {} seconds", FETCH_TIMEOUT_MS / 1_000),
        RepositoryError::Unreachable => "its server could not be reached: check the host of repo.url".into(),
        RepositoryError::Unusable => "what its server sent is no repository that can be used".into(),
        RepositoryError::Unavailable => "this runner has no git".into(),
    }
}

fn error(outcome: &Outcome, said: &str) -> RepositoryError {
    match (outcome.stop, outcome.exit) {
        (Some(Stop::Timeout | Stop::Cpu), _) => return RepositoryError::Timeout,
        (Some(Stop::Memory), _) => return RepositoryError::TooLarge,
        _ if !outcome.refused.is_empty() => return RepositoryError::Unreachable,
        (_, Exit::Code(22)) => return RepositoryError::RefNotFound,
        (_, Exit::Code(23)) => return RepositoryError::SubdirNotFound,
        (_, Exit::Code(24)) => return RepositoryError::TooManyFiles,
        (_, Exit::Code(25)) => return RepositoryError::TooLarge,
        // The fetch succeeded, and its files could not be copied.
        (_, Exit::Code(0)) => return RepositoryError::TooManyFiles,
        _ => {}
    }
    // What the other side says comes after "remote:", and decides nothing unless git repeats it.
    let lines = || said.lines().filter(|line| !line.starts_with("remote:"));
    let says = |texts: &[&str]| lines().any(|line| texts.iter().any(|text| line.contains(text)));
    if says(&["No space left on device", "File too large", "signal 25", "out of memory", "Out of memory"]) {
        RepositoryError::TooLarge
    } else if says(&[
        "couldn't find remote ref",
        "not our ref",
        "no such remote ref",
        "allow request for unadvertised object",
    ]) {
        RepositoryError::RefNotFound
    } else if says(&["Operation too slow", "timed out"]) {
        RepositoryError::Timeout
    } else if says(&[
        "not found",
        "could not read Username",
        "Authentication failed",
        "error: 401",
        "error: 403",
        "error: 404",
    ]) {
        RepositoryError::NotFound
    } else if says(&["unable to access"]) {
        RepositoryError::Unreachable
    } else {
        RepositoryError::Unusable
    }
}

/// What was said without the token, which a server can send back.
fn without_token(said: &str, repository: &Repository) -> String {
    let Some(RepositoryToken(token)) = &repository.token else { return said.to_owned() };
    let header = BASE64.encode(format!("x-access-token:{token}"));
    said.replace(token, "…").replace(&header, "…")
}

/// The beginning of what was said, without characters that command a terminal.
fn plain(said: &str) -> String {
    let lines = said.trim().chars().filter(|character| *character == '\n' || !character.is_control());
    lines.take(MAX_SAID_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository() -> Repository {
        Repository {
            url: "https://a.org/b".into(),
            reference: Some("main".into()),
            subdir: Some("docs".into()),
            token: None,
        }
    }

    #[test]
    fn a_fetch_that_failed_says_why() {
        use RepositoryError::*;
        for (said, expected) in [
            ("fatal: repository 'https://a.org/b/' not found", NotFound),
            ("fatal: could not read Username for 'https://a.org': terminal prompts disabled", NotFound),
            ("fatal: unable to access 'https://a.org/b/': The requested URL returned error: 403", NotFound),
            ("fatal: couldn't find remote ref main", RefNotFound),
            ("fatal: remote error: upload-pack: not our ref 0123", RefNotFound),
            ("error: Server does not allow request for unadvertised object 0123", RefNotFound),
            ("fatal: unable to access 'https://a.org/b/': CONNECT tunnel failed, response 502", Unreachable),
            ("fatal: unable to access 'https://a.org/b/': SSL certificate problem", Unreachable),
            ("fatal: unable to access 'https://a.org/b/': The requested URL returned error: 500", Unreachable),
            ("fatal: unable to access 'https://a.org/b/': Operation too slow. Less than 1 bytes/sec", Timeout),
            ("fatal: write error: No space left on device", TooLarge),
            ("error: index-pack died of signal 25", TooLarge),
            ("fatal: protocol error: bad line length character: <!do", Unusable),
            ("remote: not found\nfatal: protocol error", Unusable),
            ("", Unusable),
        ] {
            assert_eq!(error(&Outcome::of(Exit::Code(21), None), said), expected, "{said}");
        }
        for (stop, exit, expected) in [
            (Some(Stop::Timeout), Exit::Signal(9), Timeout),
            (Some(Stop::Memory), Exit::Signal(9), TooLarge),
            (None, Exit::Code(22), RefNotFound),
            (None, Exit::Code(23), SubdirNotFound),
            (None, Exit::Code(24), TooManyFiles),
            (None, Exit::Code(25), TooLarge),
            (None, Exit::Code(0), TooManyFiles),
        ] {
            assert_eq!(error(&Outcome::of(exit, stop), ""), expected, "{exit:?}");
        }
    }

    #[test]
    fn a_redirect_to_another_host_is_named() {
        let refused_by_policy = Outcome { refused: vec!["10.0.0.1:443".into()], ..Outcome::of(Exit::Code(21), None) };
        let Refused { error, message } = refused(&repository(), &refused_by_policy, "fatal: not found");
        assert_eq!(error, RepositoryError::Unreachable);
        assert!(message.contains("10.0.0.1:443") && !message.contains("fatal"), "{message}");
    }

    #[test]
    fn what_a_server_says_commands_no_terminal_and_has_an_end() {
        let said = format!("fatal: \u{1b}[2Jx\u{7}\n{}", "a".repeat(100_000));
        let Refused { message, .. } = refused(&repository(), &Outcome::of(Exit::Code(21), None), &said);
        assert!(message.contains("\nfatal: [2Jx\na") && message.len() < 2_000, "{message}");
    }

    #[test]
    fn a_server_that_sends_the_token_back_does_not_get_it_into_the_result() {
        let repository = Repository { token: Some(RepositoryToken("s3cret".into())), ..repository() };
        let header = BASE64.encode("x-access-token:s3cret");
        let Refused { message, .. } =
            refused(&repository, &Outcome::of(Exit::Code(21), None), &format!("remote: s3cret\nfatal: {header}"));
        assert!(message.ends_with("remote: …\nfatal: …"), "{message}");
    }
}
