//! Who may ask, and for what: the secret, the protocol's version, and a job that keeps to the limits.

use super::{Service, refuse};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use docle_protocol::context::MAX_CODE_BYTES;
use docle_protocol::file::file_bytes;
use docle_protocol::headers::{AUTHORIZATION, INSTANCE, PROTOCOL};
use docle_protocol::job::{FileEncoding, RepositoryToken};
use docle_protocol::{Compile, RefusalCode, Repository, RunJob, SourceFile, TerminalSize, limits};
use std::path::{Component, Path};
use subtle::ConstantTimeEq;

/// Lets a request pass that knows the secret and speaks this protocol.
pub async fn authorize(State(service): State<Service>, request: Request, next: Next) -> Response {
    if !knows_secret(request.headers(), &service.secret.0) {
        return refuse(RefusalCode::Unauthorized, "the secret is missing or wrong");
    }
    let spoken = request.headers().get(PROTOCOL).and_then(|value| value.to_str().ok()).unwrap_or("nothing");
    if spoken != docle_protocol::VERSION.to_string() {
        let message = format!("the caller speaks {spoken}, this runner {}", docle_protocol::VERSION);
        return refuse(RefusalCode::ProtocolMismatch, message);
    }
    let meant = request.headers().get(INSTANCE).map(HeaderValue::as_bytes);
    if meant.is_some_and(|meant| meant != service.instance.as_bytes()) {
        return refuse(RefusalCode::OtherInstance, "this is another runner than the one that is meant");
    }
    if service.stopping.is_cancelled() || service.fitness.is_lost() {
        return refuse(RefusalCode::Stopping, "the runner is stopping");
    }
    next.run(request).await
}

fn knows_secret(headers: &HeaderMap, secret: &str) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    given.is_some_and(|given| given.as_bytes().ct_eq(secret.as_bytes()).into())
}

/// Checks what the Worker has promised, because a jail is prepared with these values before anything is confined.
pub fn check_job(job: &RunJob) -> Result<(), String> {
    let has_files = !job.files.is_empty() || job.repo.is_some();
    if !has_files || job.files.len() > limits::MAX_FILES || job.inputs.len() > limits::MAX_FILES {
        return Err(format!("files: 1 to {} expected", limits::MAX_FILES));
    }
    let files = || job.files.iter().chain(&job.inputs);
    if let Some(file) = files().find(|file| !is_clean(&file.path)) {
        return Err(format!("files: {:?} is not a relative, normalised path", file.path));
    }
    check_names(job)?;
    let wrong = |file: &SourceFile| Some((file.path.clone(), file_bytes(file.clone()).err()?));
    if let Some((path, clause)) = files().filter(|file| file.encoding != FileEncoding::Utf8).find_map(wrong) {
        return Err(format!("files: {path:?} {clause}"));
    }
    check_repository(job)?;
    if job.repo.is_none() && !job.files.iter().any(|file| file.path == job.entrypoint) {
        return Err("entrypoint: not one of the files".into());
    }
    if let Some(TerminalSize { cols, rows }) = job.tty {
        if !job.interactive {
            return Err("tty: the run is not interactive".into());
        }
        if ![cols, rows].iter().all(|cells| limits::TERMINAL_CELLS.contains(cells)) {
            return Err("tty: a size is out of its range".into());
        }
    }
    for (name, range, value) in [
        ("timeoutMs", limits::TIMEOUT_MS, job.limits.timeout_ms),
        ("cpuMs", limits::CPU_MS, job.limits.cpu_ms.unwrap_or(*limits::CPU_MS.start())),
        ("maxFileMB", limits::MAX_FILE_MB, job.limits.max_file_mb.unwrap_or(*limits::MAX_FILE_MB.start())),
        ("memoryMB", limits::MEMORY_MB, job.limits.memory_mb),
        ("maxOutputBytes", limits::MAX_OUTPUT_BYTES, job.limits.max_output_bytes),
    ] {
        if !range.contains(&value) {
            return Err(format!("limits.{name}: {} to {} expected", range.start(), range.end()));
        }
    }
    check_compile(job)?;
    check_cell(job)?;
    let strings = job.args.iter().chain(job.env.iter().flat_map(|(name, value)| [name, value]));
    if strings.clone().any(|value| value.contains('\0') || value.len() > limits::MAX_ARG_BYTES) {
        return Err(format!("args and env: at most {} bytes each, and no NUL", limits::MAX_ARG_BYTES));
    }
    if strings.map(String::len).sum::<usize>() > limits::MAX_ARGS_AND_ENV_BYTES {
        return Err(format!("args and env: at most {} bytes together", limits::MAX_ARGS_AND_ENV_BYTES));
    }
    if job.env.keys().any(|name| name.is_empty() || name.contains('=')) {
        return Err("env: a name is empty or contains '='".into());
    }
    let patterns = job.artifacts.as_ref().map_or(&[][..], |artifacts| &artifacts.patterns);
    if patterns.len() > limits::MAX_ARTIFACT_PATTERNS || patterns.iter().any(|text| text.len() > limits::MAX_PATH_BYTES)
    {
        return Err("artifacts: too many patterns, or a pattern that is too long".into());
    }
    if job.packages.iter().any(|package| package.is_empty() || package.starts_with('-') || package.contains('\0')) {
        return Err("packages: a requirement is empty, looks like an option or contains NUL".into());
    }
    Ok(())
}

/// Whether a job that is a cell is nothing else.
fn check_cell(job: &RunJob) -> Result<(), String> {
    let Some(cell) = &job.cell else { return Ok(()) };
    let code = job.files.iter().find(|file| file.path == job.entrypoint);
    let is_code = |file: &SourceFile| file.encoding == FileEncoding::Utf8 && file.content.len() <= MAX_CODE_BYTES;
    let is_more = job.repo.is_some() || job.compile.is_some() || job.interactive || !job.stdin.is_empty();
    if is_more || cell.language.of_run() != Some(job.language) || !code.is_some_and(is_code) {
        return Err("cell: a file with code, in the language of the job, and no input expected".into());
    }
    Ok(())
}

/// Whether the repository of a job is named by what git takes for a URL, a ref and a path, and for nothing else.
fn check_repository(job: &RunJob) -> Result<(), String> {
    let Some(Repository { url, reference, subdir, token }) = &job.repo else { return Ok(()) };
    let is_url = url.starts_with("https://") || url.starts_with("http://");
    if !is_url || url.len() > limits::MAX_REPOSITORY_URL_BYTES || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("repo.url: not a URL of https".into());
    }
    let is_ref = |name: &String| !name.is_empty() && !name.starts_with(['-', '+']) && !name.contains(char::is_control);
    if reference.as_ref().is_some_and(|name| !is_ref(name) || name.len() > limits::MAX_REF_BYTES) {
        return Err("repo.ref: not the name of a ref".into());
    }
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if token.as_ref().is_some_and(|RepositoryToken(text)| !is_token(text)) {
        return Err("repo.token: not visible ASCII".into());
    }
    if subdir.as_ref().is_some_and(|path| !is_clean(path)) || !is_clean(&job.entrypoint) {
        return Err("repo.subdir and entrypoint: not relative, normalised paths".into());
    }
    Ok(())
}

/// Whether a program is compiled exactly where its language is, and within the limits.
fn check_compile(job: &RunJob) -> Result<(), String> {
    if job.compile.is_some() != job.language.runner().compile.is_some() {
        return Err(format!("compile: not as {} has it", job.language.title));
    }
    let Some(Compile { options, timeout_ms, memory_mb }) = &job.compile else { return Ok(()) };
    if !limits::COMPILE_TIMEOUT_MS.contains(timeout_ms) || !limits::COMPILE_MEMORY_MB.contains(memory_mb) {
        return Err("compile: a limit is out of its range".into());
    }
    let is_option = |text: &String| text.starts_with('-') && !text.contains('\0');
    let fits = |text: &String| text.len() <= limits::MAX_COMPILE_OPTION_BYTES;
    if options.len() > limits::MAX_COMPILE_OPTIONS || !options.iter().all(|text| is_option(text) && fits(text)) {
        return Err("compile.options: too many, or one that is too long or no option".into());
    }
    Ok(())
}

/// No path twice, and none that is a file and a directory.
fn check_names(job: &RunJob) -> Result<(), String> {
    // With the separator before every other character, what lies in a directory comes right after its name.
    let mut paths: Vec<String> = job.files.iter().chain(&job.inputs).map(|file| file.path.replace('/', "\0")).collect();
    paths.sort_unstable();
    let pairs = || paths.iter().zip(paths.iter().skip(1));
    let said = |path: &str| path.replace('\0', "/");
    if let Some((path, _)) = pairs().find(|(path, next)| path == next) {
        return Err(format!("files: {:?} is there twice", said(path)));
    }
    let is_in = |path: &str, next: &str| next.strip_prefix(path).is_some_and(|rest| rest.starts_with('\0'));
    match pairs().find(|(path, next)| is_in(path, next)) {
        Some((path, _)) => Err(format!("files: {:?} is a file and a directory", said(path))),
        None => Ok(()),
    }
}

fn is_clean(path: &str) -> bool {
    let only_names = Path::new(path).components().all(|component| matches!(component, Component::Normal(_)));
    only_names
        && !path.is_empty()
        && !path.contains('\0')
        && !path.contains("//")
        && !path.ends_with('/')
        && !path.contains("/./")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(paths: &[&str]) -> RunJob {
        let files = paths.iter().map(|path| serde_json::json!({ "path": path, "content": "" })).collect::<Vec<_>>();
        let limits = serde_json::json!({ "timeoutMs": 1_000, "memoryMB": 64, "maxOutputBytes": 1_024 });
        let job = serde_json::json!({
            "id": "a", "language": "python", "files": files, "entrypoint": paths[0], "stdin": "", "args": [], "env": {},
            "packages": [], "limits": limits, "network": { "mode": "none" },
        });
        serde_json::from_value(job).unwrap()
    }

    #[test]
    fn a_name_is_there_once_and_means_one_thing() {
        for good in [&["a", "b"][..], &["a/b", "a/c", "a.b", "ab/c"], &["a!b", "a/b"], &["a", "a.b/c"]] {
            assert_eq!(check_names(&job(good)), Ok(()), "{good:?}");
        }
        for (wrong, says) in [
            (&["a", "b/c", "a"][..], "\"a\" is there twice"),
            (&["a/b/c", "x", "a/b"], "\"a/b\" is a file and a directory"),
        ] {
            assert!(check_names(&job(wrong)).unwrap_err().contains(says), "{wrong:?}");
        }
    }

    #[test]
    fn only_paths_that_stay_below_the_workspace_are_clean() {
        for path in ["main.py", "a/b/c.txt", "..a", "a..b/c", "-x"] {
            assert!(is_clean(path), "{path}");
        }
        for path in ["", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", "./a", "a/./b", "a//b", "a/", "a\0b"] {
            assert!(!is_clean(path), "{path:?}");
        }
    }
}
