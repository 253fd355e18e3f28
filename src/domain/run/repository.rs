//! The repository of a run, as a request may name it.

use crate::domain::host;
use crate::domain::input::reader::{Reader, shown};
use crate::domain::run::path;
use docle_api::limits::{MAX_REF_BYTES, MAX_REPOSITORY_TOKEN_BYTES, MAX_REPOSITORY_URL_BYTES};
use docle_api::repositories::{Repository, RepositoryToken, UsedRepository};
use serde_json::Value;

const HTTPS_ONLY: &str = "must begin with https://, such as \"https://github.com/owner/name\"";
const NAME_ONLY: &str = "must name its host by a public name such as \"github.com\", not by an address";
const REF_NAME: &str = "must be the name of a branch or a tag, such as \"main\" or \"v1.2.0\", or a whole commit id";

/// Reads `repo`.
pub fn read(fields: &mut Reader<'_>) -> Option<Repository> {
    let mut fields = fields.object("repo", docle_api::fields::of::<Repository>())?;
    let (token, url) = (read_token(&mut fields), read_url(&mut fields));
    let reference = read_reference(&mut fields, "ref");
    let subdir = read_named(&mut fields, "subdir", parse_subdir);
    Some(Repository { url: url?, reference, subdir, token })
}

/// Reads `url`, which is required.
pub fn read_url(fields: &mut Reader<'_>) -> Option<String> {
    if !fields.has("url") {
        fields.note("url", "is required, such as \"https://github.com/owner/name\"");
    }
    fields.string("url").and_then(|text| {
        // What stands before an @ is often a password.
        let got = if text.contains('@') { String::new() } else { format!("; got \"{}\"", shown(&text)) };
        parse_url(&text).map_err(|clause| fields.note("url", format!("{clause}{got}"))).ok()
    })
}

/// Reads the name of a branch, a tag or a commit.
pub fn read_reference(fields: &mut Reader<'_>, name: &str) -> Option<String> {
    read_named(fields, name, |text| if is_ref(text) { Ok(text.to_owned()) } else { Err(REF_NAME.to_owned()) })
}

fn read_named(fields: &mut Reader<'_>, name: &str, parse: fn(&str) -> Result<String, String>) -> Option<String> {
    let text = fields.string(name)?;
    parse(&text).map_err(|clause| fields.note(name, format!("{clause}; got \"{}\"", shown(&text)))).ok()
}

/// Reads `token`. No message contains any of it.
pub fn read_token(fields: &mut Reader<'_>) -> Option<RepositoryToken> {
    match fields.value("token")? {
        Value::String(text) if is_token(&text) => Some(RepositoryToken(text)),
        _ => {
            let message = format!(
                "must be a token of 1 to {MAX_REPOSITORY_TOKEN_BYTES} characters, ASCII without blanks, which may read the repository"
            );
            fields.note("token", message);
            None
        }
    }
}

/// Whether git can be given this token: it goes to git as one line.
fn is_token(text: &str) -> bool {
    (1..=MAX_REPOSITORY_TOKEN_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What is kept of a repository.
pub fn used(repository: &Repository) -> UsedRepository {
    let Repository { url, reference, subdir, token: _ } = repository.clone();
    UsedRepository { url, reference, subdir }
}

/// Whether a deployment with these hosts fetches from there. A host is refused with all names below it. Only a development machine
/// fetches from itself, and its runner has to trust the port as well.
///
/// # Errors
/// A clause to be read after the name of the field.
pub fn check(repository: &Repository, own_hosts: &[String], is_development: bool) -> Result<(), String> {
    if is_loopback(&repository.url) {
        return if is_development { Ok(()) } else { Err(HTTPS_ONLY.to_owned()) };
    }
    let host = host::host_of(&repository.url);
    let is_own = |own: &String| host == *own || host.ends_with(&format!(".{own}"));
    if own_hosts.iter().any(is_own) {
        return Err("must not be a host of this service".to_owned());
    }
    Ok(())
}

/// A plain address of this machine with a port.
fn is_loopback(url: &str) -> bool {
    let authority = url.strip_prefix("http://127.0.0.1:").and_then(|rest| rest.split_once('/'));
    authority.is_some_and(|(port, _)| port.parse::<u16>().is_ok())
}

/// The URL as git is given it: with its scheme in lower case, because git knows no other.
///
/// A name may still resolve to an address that is not public. The runner refuses to connect to one.
fn parse_url(text: &str) -> Result<String, String> {
    let refused = |clause: &str| Err(clause.to_owned());
    if text.len() > MAX_REPOSITORY_URL_BYTES {
        return Err(format!("must have at most {MAX_REPOSITORY_URL_BYTES} bytes"));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return refused("must be ASCII without blanks and backslashes: write other characters as %20 or xn--");
    }
    let scheme = text.get(.."https://".len()).filter(|scheme| scheme.eq_ignore_ascii_case("https://"));
    let rest = match scheme {
        Some(scheme) => &text[scheme.len()..],
        None if is_loopback(text) => &text["http://".len()..],
        None => return refused(HTTPS_ONLY),
    };
    if rest.contains(['?', '#']) {
        return refused("must have no query and no fragment: leave out what begins with ? or #");
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('@') {
        return refused(
            "must have no user name and no password: send a token that may read the repository as the token",
        );
    }
    if path.trim_matches('/').is_empty() {
        return refused("must have the path of a repository after its host, such as \"/owner/name\"");
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        return refused("must have a path without \".\" and \"..\" segments");
    }
    if is_loopback(text) {
        return Ok(text.to_owned());
    }
    let (name, port) = match authority.split_once(':') {
        Some(_) if authority.starts_with('[') => return refused(NAME_ONLY),
        Some((name, port)) => (name, Some(port)),
        None => (authority, None),
    };
    if port.is_some_and(|port| port != "443") {
        return refused("must use port 443: leave the port out");
    }
    if host::is_public_name(&name.to_ascii_lowercase()) { Ok(format!("https://{rest}")) } else { refused(NAME_ONLY) }
}

/// Whether a name is one that git-check-ref-format(1) accepts, and no option.
fn is_ref(name: &str) -> bool {
    let is_plain = |character: char| !character.is_control() && !" ~^:?*[\\".contains(character);
    let is_part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    (1..=MAX_REF_BYTES).contains(&name.len())
        && !name.starts_with(['-', '+'])
        && !name.ends_with('.')
        && !["..", "@{"].iter().any(|part| name.contains(part))
        && name != "@"
        && name.chars().all(is_plain)
        && name.split('/').all(is_part)
}

fn parse_subdir(text: &str) -> Result<String, String> {
    let directory = text.strip_suffix('/').unwrap_or(text);
    path::parse(directory)
        .map_err(|clause| format!("{clause}: name a directory of the repository, such as \"examples\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::id::RunId;
    use crate::domain::run::request::{RunRequest, parse};
    use docle_api::errors::FieldError;
    use serde_json::json;

    const URL: &str = "https://github.com/owner/name";

    fn request(repo: Value) -> Result<RunRequest, Vec<FieldError>> {
        parse(json!({ "lang": "python", "repo": repo }), RunId::from_random([0; 16]), 300_000)
    }

    fn repository(repo: Value) -> Repository {
        request(repo.clone()).unwrap_or_else(|errors| panic!("{repo}: {errors:?}")).job.repo.unwrap()
    }

    fn error(repo: Value) -> (String, String) {
        let errors = request(repo.clone()).err().unwrap_or_else(|| panic!("{repo} is accepted"));
        assert_eq!(errors.len(), 1, "{errors:?}");
        (errors[0].field.clone(), errors[0].message.clone())
    }

    #[test]
    fn a_public_repository_is_accepted_with_a_ref_and_a_directory() {
        for url in [URL, "https://gitlab.com:443/a/b/c.git", "https://git.example.com/~a/b%20c"] {
            assert_eq!(repository(json!({ "url": url })).url, url);
        }
        for name in [
            "main",
            "v1.2.0",
            "feature/a-b",
            "refs/pull/1/head",
            "HEAD",
            "ü",
            "a@b",
            "553c2077f0edc3d5dc5d17262f6aa498e69d6f8e",
        ] {
            assert_eq!(repository(json!({ "url": URL, "ref": name })).reference.as_deref(), Some(name));
        }
        for (sent, subdir) in [("examples", "examples"), ("./a/b c/", "a/b c"), ("-x", "-x")] {
            assert_eq!(repository(json!({ "url": URL, "subdir": sent })).subdir.as_deref(), Some(subdir));
        }
    }

    #[test]
    fn every_other_url_is_refused_with_what_is_wrong() {
        for (url, clause) in [
            ("", HTTPS_ONLY),
            ("github.com/owner/name", HTTPS_ONLY),
            ("owner/name", HTTPS_ONLY),
            ("http://github.com/owner/name", HTTPS_ONLY),
            ("git://github.com/owner/name", HTTPS_ONLY),
            ("ssh://git@github.com/owner/name", HTTPS_ONLY),
            ("git@github.com:owner/name", HTTPS_ONLY),
            ("file:///etc", HTTPS_ONLY),
            ("ext::sh -c id", "must be ASCII"),
            ("ext::id", HTTPS_ONLY),
            ("--upload-pack=id", HTTPS_ONLY),
            ("/etc", HTTPS_ONLY),
            ("https://user@github.com/a/b", "must have no user name"),
            ("https://user:pw@github.com/a/b", "must have no user name"),
            ("https://github.com@evil.example.net/a/b", "must have no user name"),
            ("https://github.com:8443/a/b", "must use port 443"),
            ("https://github.com:/a/b", "must use port 443"),
            ("https://github.com:0443/a/b", "must use port 443"),
            ("https://github.com/a/b?x", "must have no query"),
            ("https://github.com/a/b#x", "must have no query"),
            ("https://github.com", "must have the path"),
            ("https://github.com//", "must have the path"),
            ("https://github.com/a/../b", "must have a path without"),
            ("https://github.com/a b", "must be ASCII"),
            ("https://github.com/a\n", "must be ASCII"),
            ("https://github.com/a\u{0}b", "must be ASCII"),
            ("https://github.com\\@evil/a", "must be ASCII"),
            ("https://bücher.example.com/a", "must be ASCII"),
            ("https:///a/b", NAME_ONLY),
            ("https://1.1.1.1/a/b", NAME_ONLY),
            ("https://169.254.169.254/a/b", NAME_ONLY),
            ("https://2130706433/a/b", NAME_ONLY),
            ("https://0x7f.1/a/b", NAME_ONLY),
            ("https://[::1]/a/b", NAME_ONLY),
            ("https://[::1]:443/a/b", NAME_ONLY),
            ("https://127.0.0.1:443/a/b", NAME_ONLY),
            ("https://localhost/a/b", NAME_ONLY),
            ("https://git.internal/a/b", NAME_ONLY),
            ("https://git/a/b", NAME_ONLY),
            ("https://*.github.com/a/b", NAME_ONLY),
            ("http://127.0.0.1:99999/a/b", HTTPS_ONLY),
            ("http://127.0.0.1/a/b", HTTPS_ONLY),
            ("http://127.0.0.1:80@evil.example.net/a/b", HTTPS_ONLY),
        ] {
            let (field, message) = error(json!({ "url": url }));
            assert!(field == "repo.url" && message.starts_with(clause), "{url}: {field} {message}");
        }
        let longest = format!("https://example.com/{}", "a".repeat(MAX_REPOSITORY_URL_BYTES - 20));
        assert_eq!(repository(json!({ "url": longest })).url, longest);
        assert!(error(json!({ "url": format!("{longest}a") })).1.starts_with("must have at most 1024 bytes"));
    }

    #[test]
    fn a_ref_is_neither_an_option_nor_a_refspec() {
        for name in [
            "",
            "-x",
            "--upload-pack=id",
            "+main",
            "a b",
            "a:b",
            "a..b",
            "a~1",
            "a^",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "a@{1}",
            "@",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.lock",
            "a.lock/b",
            "a.",
            "a\n",
            "a\u{0}",
            "a\u{7f}",
        ] {
            let (field, message) = error(json!({ "url": URL, "ref": name }));
            assert!(field == "repo.ref" && message.starts_with(REF_NAME), "{name:?}: {field} {message}");
        }
        assert_eq!(
            repository(json!({ "url": URL, "ref": "a".repeat(MAX_REF_BYTES) })).reference.unwrap().len(),
            MAX_REF_BYTES
        );
        assert_eq!(error(json!({ "url": URL, "ref": "a".repeat(MAX_REF_BYTES + 1) })).0, "repo.ref");
    }

    #[test]
    fn a_directory_stays_in_the_repository() {
        for subdir in ["", "/", ".", "..", "../x", "a/../b", "/etc", "a//b", "a\\b", "a\u{0}", "a\n"] {
            let (field, message) = error(json!({ "url": URL, "subdir": subdir }));
            assert!(field == "repo.subdir" && message.contains("name a directory"), "{subdir:?}: {field} {message}");
        }
    }

    #[test]
    fn a_repository_is_an_object_with_a_url() {
        assert_eq!(error(json!({})).0, "repo.url");
        assert_eq!(error(json!({ "url": 1 })).0, "repo.url");
        assert_eq!(error(json!("https://github.com/owner/name")).0, "repo");
        let (field, message) = error(json!({ "url": URL, "branch": "main" }));
        assert!(field == "repo.branch" && message.contains("url, ref, subdir"), "{message}");
    }

    #[test]
    fn a_password_in_a_url_and_a_token_are_in_no_message() {
        for repo in [
            json!({ "url": "https://ada:s3cret@github.com/a/b" }),
            json!({ "url": "https://s3cret@github.com/a/b" }),
            json!({ "url": "ftp://ada:s3cret@github.com/a/b" }),
            json!({ "url": URL, "token": "s3cret two" }),
            json!({ "url": URL, "token": "s3cret\n" }),
            json!({ "url": URL, "token": ["s3cret"] }),
            json!({ "url": URL, "token": { "s3cret": 1 } }),
            json!({ "url": URL, "token": "s3cret".repeat(1_000) }),
        ] {
            let (field, message) = error(repo.clone());
            assert!(field.starts_with("repo.") && !message.contains("s3cret"), "{repo}: {message}");
        }
        let request = request(json!({ "url": URL, "token": "s3cret" })).unwrap();
        assert_eq!(request.job.repo.as_ref().unwrap().token, Some(RepositoryToken("s3cret".into())));
        assert!(!format!("{request:?}").contains("s3cret"));
    }

    #[test]
    fn a_token_is_not_available_with_detach_which_stores_the_run() {
        let repo = json!({ "url": URL, "token": "s3cret" });
        let body = json!({ "lang": "python", "repo": repo, "detach": true });
        let errors = parse(body, RunId::from_random([0; 16]), 300_000).unwrap_err();
        assert_eq!(errors[0].field, "repo.token");
        assert!(errors[0].message.starts_with("is not available with detach"), "{errors:?}");
    }

    #[test]
    fn the_files_of_a_request_and_of_its_repository_make_one_program() {
        let parse = |body: Value| parse(body, RunId::from_random([0; 16]), 300_000);
        let job = |mut body: Value| {
            body["repo"] = json!({ "url": URL });
            body["lang"] = json!("python");
            parse(body).map(|request| request.job)
        };
        let none = job(json!({})).unwrap();
        assert_eq!((none.files.len(), none.entrypoint.as_str()), (0, "main.py"));
        let named = job(json!({ "entrypoint": "app/start.py", "files": [{ "path": "a", "content": "" }] })).unwrap();
        assert_eq!((named.files.len(), named.entrypoint.as_str()), (1, "app/start.py"));
        let default = job(json!({ "files": [{ "path": "a", "content": "" }] })).unwrap();
        assert_eq!(default.entrypoint, "main.py");
        let code = job(json!({ "code": "1", "entrypoint": "x.py" })).unwrap();
        assert_eq!((code.files[0].path.as_str(), code.entrypoint.as_str()), ("x.py", "x.py"));
        assert_eq!(job(json!({ "code": "", "files": [{}] })).unwrap_err()[0].field, "files");
    }

    #[test]
    fn only_a_development_machine_fetches_from_itself_and_no_deployment_from_its_own_hosts() {
        let at = |url: &str| repository(json!({ "url": url }));
        let own = ["api.docle.co".to_owned()];
        for url in ["https://api.docle.co/a/b", "https://API.docle.co:443/a/b", "https://x.api.docle.co/a/b"] {
            assert_eq!(check(&at(url), &own, true), Err("must not be a host of this service".to_owned()), "{url}");
        }
        assert_eq!(check(&at("https://notapi-docle.co/a/b"), &own, false), Ok(()));
        let local = at("http://127.0.0.1:4000/a/b");
        assert_eq!((check(&local, &own, true), check(&local, &own, false)), (Ok(()), Err(HTTPS_ONLY.to_owned())));
    }
}
