//! What `POST /api/run` may say: the body's fields, their ranges and defaults, and the job they make.

use crate::domain::host;
use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::{Reader, shown};
use crate::domain::run::artifacts;
use crate::domain::run::compile;
use crate::domain::run::content;
use crate::domain::run::id::RunId;
use crate::domain::run::manifest;
use crate::domain::run::package;
use crate::domain::run::path;
use crate::domain::run::user_context::{self, UserContext};
use docle_api::compile::CompileRequest;
use docle_api::{fields, limits, runs};
use docle_languages::{Dialect, ScriptLanguage, Tier};
use docle_protocol::{Artifacts, Limits, Network, RunJob, RunLanguage, SourceFile};
use serde_json::Value;
use std::collections::BTreeMap;

/// A request that can be run as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    pub job: RunJob,
    /// The request sent `code`, not `files`: the job's one file is that code.
    pub sent_code: bool,
    pub user_context: Option<UserContext>,
    /// Whether the caller does not wait for the run.
    pub detach: bool,
}

/// Reads the body of `POST /api/run`. `max_timeout_ms` is this deployment's highest `policy.timeoutMs`.
///
/// # Errors
/// Everything that is wrong with it, not only the first.
pub fn parse(body: Value, id: RunId, max_timeout_ms: u32) -> Result<RunRequest, Vec<FieldError>> {
    let mut problems = Problems::default();
    // An unknown `timeout` probably means `policy.timeoutMs`.
    let inside = [
        ("policy", fields::of::<runs::Policy>()),
        ("compile", fields::of::<CompileRequest>()),
        ("userContext", user_context::known()),
    ];
    let request = Reader::open_with(body, String::new(), fields::of::<runs::RunRequest>(), &inside, &mut problems)
        .and_then(|fields| read(fields, id, max_timeout_ms));
    problems.conclude(request)
}

fn read(mut fields: Reader<'_>, id: RunId, max_timeout_ms: u32) -> Option<RunRequest> {
    let tier = fields.value("tier");
    let is_script = tier.as_ref().is_some_and(|tier| tier == Tier::Isolate.name());
    if is_script {
        fields.note("tier", "must be \"run\" here: run a script with POST /execute, or with POST /api/run");
    } else if tier.is_some_and(|tier| tier != Tier::Run.name()) {
        fields.note("tier", "must be \"run\" or \"isolate\"");
    }
    let language = if is_script { None } else { read_language(&mut fields) };
    let source = read_source(&mut fields, language);
    let packages = read_packages(&mut fields, language);
    let stdin = fields.string("stdin").unwrap_or_default();
    let (args, env) = read_args_and_env(&mut fields);
    let compile = compile::read(&mut fields, language);
    let (limits, network) = read_policy(&mut fields, max_timeout_ms);
    let artifacts = read_artifacts(&mut fields);
    let detach = read_detach(&mut fields, artifacts.as_ref());
    let user_context = fields.object("userContext", user_context::known()).and_then(user_context::read);
    let Source { files, entrypoint, sent_code } = source?;
    let packages = match language {
        Some(language) if !sent_code => manifest::merge(&mut fields, &files, language, packages),
        _ => packages,
    };
    let job = RunJob {
        id: id.to_string(),
        language: language?,
        files,
        entrypoint,
        stdin,
        interactive: false,
        args,
        env,
        packages,
        compile,
        limits,
        network,
        artifacts,
        kept: false,
    };
    Some(RunRequest { job, sent_code, user_context, detach })
}

fn read_language(fields: &mut Reader<'_>) -> Option<RunLanguage> {
    let names = RunLanguage::listed();
    if !fields.has("lang") {
        fields.note("lang", format!("is required: {names}"));
    }
    let name = fields.string("lang")?;
    let language = RunLanguage::meant_by(&name);
    if language.is_none() {
        let way_out = match ScriptLanguage::meant_by(&name).map(ScriptLanguage::dialect) {
            Some(Dialect::TypeScript) => {
                "; for TypeScript send \"node\" and an entrypoint that ends in \".ts\", or tier \"isolate\" for a script"
            }
            Some(Dialect::JavaScript) => "; for a script send tier \"isolate\"",
            None => "",
        };
        fields.note("lang", format!("must be {names}, got \"{}\"{way_out}", shown(&name)));
    }
    language
}

struct Source {
    files: Vec<SourceFile>,
    entrypoint: String,
    sent_code: bool,
}

fn read_source(fields: &mut Reader<'_>, language: Option<RunLanguage>) -> Option<Source> {
    let named_entrypoint = fields.has("entrypoint");
    let entrypoint = fields.string("entrypoint").and_then(|text| match path::parse(&text) {
        Ok(path) => Some(path),
        Err(clause) => {
            fields.note("entrypoint", clause);
            None
        }
    });
    // An empty list of files beside code is what serialisers make of a list that nothing was added to.
    let has_code = fields.has("code");
    if has_code && fields.is_empty_list("files") {
        fields.value("files");
    }
    match (has_code, fields.has("files")) {
        (true, true) => {
            fields.note(
                "files",
                "must not be sent together with code: send the code as one of files, or leave files out",
            );
            None
        }
        (false, false) => {
            fields.note("code", "is required, unless files are sent");
            None
        }
        (true, false) => {
            let content = fields.string("code")?;
            let path = match entrypoint {
                Some(path) => path,
                None if named_entrypoint => return None,
                None => language?.default_entrypoint().to_owned(),
            };
            Some(Source { files: vec![SourceFile::text(path.clone(), content)], entrypoint: path, sent_code: true })
        }
        (false, true) => {
            let files = read_files(fields)?;
            let has = |path: &str| files.iter().any(|file| file.path == path);
            let entrypoint = match (entrypoint, language) {
                (Some(path), _) if has(&path) => path,
                (Some(path), _) => {
                    fields.note("entrypoint", format!("must be the path of one of files, got \"{}\"", shown(&path)));
                    return None;
                }
                (None, Some(language)) if !named_entrypoint && has(language.default_entrypoint()) => {
                    language.default_entrypoint().to_owned()
                }
                (None, Some(language)) if !named_entrypoint => {
                    let default = language.default_entrypoint();
                    fields.note(
                        "entrypoint",
                        format!("is required, because files have no {default}: name the file to start"),
                    );
                    return None;
                }
                (None, _) => return None,
            };
            Some(Source { files, entrypoint, sent_code: false })
        }
    }
}

/// The files, or `None` where one of them is wrong.
fn read_files(fields: &mut Reader<'_>) -> Option<Vec<SourceFile>> {
    let values = fields.list("files", limits::MAX_FILES)?;
    if values.is_empty() {
        fields.note("files", "must have at least one entry");
    }
    let count = values.len();
    let mut paths = Vec::with_capacity(count);
    let mut contents = Vec::with_capacity(count);
    for (index, value) in values.into_iter().enumerate() {
        let at = fields.path(&format!("files[{index}]"));
        let Some(mut file) = Reader::open(value, at, fields::of::<SourceFile>(), fields.problems()) else { continue };
        for name in ["path", "content"] {
            if !file.has(name) {
                file.note(name, "is required");
            }
        }
        let parsed = file.string("path").map(|text| path::parse(&text));
        let content = content::read(&mut file);
        match (parsed, content) {
            (Some(Ok(path)), Some(content)) => {
                paths.push(path);
                contents.push(content);
            }
            (Some(Err(clause)), _) => file.note("path", clause),
            _ => {}
        }
    }
    if count == 0 || paths.len() < count {
        return None;
    }
    for (index, clause) in path::conflicts(&paths) {
        fields.note(&format!("files[{index}].path"), clause);
    }
    let files = paths.into_iter().zip(contents);
    Some(files.map(|(path, (content, encoding))| SourceFile { path, content, encoding }).collect())
}

/// Reads `packages`: a list, or an object that holds one.
fn read_packages(fields: &mut Reader<'_>, language: Option<RunLanguage>) -> Vec<String> {
    if fields.is_object("packages") {
        let Some(mut inner) = fields.object("packages", fields::of::<runs::PackageList>()) else { return Vec::new() };
        return read_package_list(&mut inner, language);
    }
    read_package_list(fields, language)
}

fn read_package_list(fields: &mut Reader<'_>, language: Option<RunLanguage>) -> Vec<String> {
    let texts = fields.strings("packages", limits::MAX_PACKAGES).unwrap_or_default();
    let Some(language) = language else { return Vec::new() };
    let mut packages = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match package::parse(language.package_manager, text) {
            Ok(package) => packages.push(package),
            Err(clause) => fields.note(&format!("packages[{index}]"), format!("{clause}; got \"{}\"", shown(text))),
        }
    }
    packages
}

/// Reads `artifacts` and `artifactsInline`.
fn read_artifacts(fields: &mut Reader<'_>) -> Option<Artifacts> {
    let texts = fields.strings("artifacts", limits::MAX_ARTIFACT_PATTERNS);
    let inline = fields.boolean("artifactsInline").unwrap_or(false);
    let Some(texts) = texts.filter(|texts| !texts.is_empty()) else {
        if inline {
            fields.note("artifactsInline", "needs artifacts such as [\"out/*.png\"]");
        }
        return None;
    };
    let mut patterns = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match artifacts::parse_pattern(text) {
            Ok(pattern) => patterns.push(pattern),
            Err(clause) => fields.note(&format!("artifacts[{index}]"), format!("{clause}; got \"{}\"", shown(text))),
        }
    }
    Some(Artifacts { patterns, inline })
}

/// Reads `detach`.
fn read_detach(fields: &mut Reader<'_>, artifacts: Option<&Artifacts>) -> bool {
    let detach = fields.boolean("detach").unwrap_or(false);
    if detach && artifacts.is_some_and(|artifacts| artifacts.inline) {
        let message = "must not be true with detach: only an answer to the call itself can contain files; leave it out";
        fields.note("artifactsInline", message);
    }
    detach
}

/// Both become C strings of one `execve` call, which is what their limits are about.
fn read_args_and_env(fields: &mut Reader<'_>) -> (Vec<String>, BTreeMap<String, String>) {
    let args = fields.strings("args", limits::MAX_ARGS).unwrap_or_default();
    let mut total = 0;
    for (index, arg) in args.iter().enumerate() {
        total += arg.len();
        if let Some(clause) = wrong_c_string(arg, arg.len()) {
            fields.note(&format!("args[{index}]"), clause);
        }
    }
    let env = read_env(fields, total);
    (args, env)
}

/// Reads `env`; `total` bytes are those of the arguments beside it.
pub fn read_env(fields: &mut Reader<'_>, mut total: usize) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    let sent = match fields.value("env") {
        None => serde_json::Map::new(),
        Some(Value::Object(sent)) => sent,
        Some(_) => {
            fields.note("env", "must be an object of strings such as { \"NAME\": \"value\" }");
            return env;
        }
    };
    if sent.len() > limits::MAX_ENV {
        fields.note("env", format!("may have at most {} entries, got {}", limits::MAX_ENV, sent.len()));
    }
    for (name, value) in sent {
        let at = format!("env.{}", shown(&name));
        if name.is_empty() || name.contains(['=', '\0']) {
            let message =
                "has a variable with the name {}: a name must not be empty, and must have no \"=\" and no NUL";
            fields.note("env", message.replace("{}", &Value::from(shown(&name)).to_string()));
        } else if value.is_null() {
            // As for every optional field: a variable that is null is not set.
        } else if let Value::String(value) = value {
            total += name.len() + 1 + value.len();
            match wrong_c_string(&value, name.len() + 1 + value.len()) {
                Some(clause) => fields.note(&at, clause),
                None => drop(env.insert(name, value)),
            }
        } else {
            fields.note(&at, format!("must be a string, got {}", shown(&value.to_string())));
        }
    }
    if total > limits::MAX_ARGS_AND_ENV_BYTES {
        fields.note(
            "env",
            format!("and args must have at most {} bytes in all, got {total}", limits::MAX_ARGS_AND_ENV_BYTES),
        );
    }
    env
}

/// What is wrong with a text that becomes a C string of so many bytes.
pub fn wrong_c_string(text: &str, size: usize) -> Option<String> {
    if text.contains('\0') {
        return Some("must not contain NUL".to_owned());
    }
    (size > limits::MAX_ARG_BYTES).then(|| format!("must have at most {} bytes, got {size}", limits::MAX_ARG_BYTES))
}

/// Reads `policy`: the limits, and what may be reached.
pub fn read_policy(fields: &mut Reader<'_>, max_timeout_ms: u32) -> (Limits, Network) {
    let mut limits = Limits {
        cpu_ms: None,
        max_file_mb: None,
        timeout_ms: limits::DEFAULT_TIMEOUT_MS.min(max_timeout_ms),
        memory_mb: limits::DEFAULT_MEMORY_MB,
        max_output_bytes: limits::DEFAULT_MAX_OUTPUT_BYTES,
    };
    let Some(mut fields) = fields.object("policy", fields::of::<runs::Policy>()) else {
        return (limits, Network::None);
    };
    let timeout = *limits::TIMEOUT_MS.start()..=max_timeout_ms.min(*limits::TIMEOUT_MS.end());
    limits.timeout_ms = fields.integer("timeoutMs", &timeout).unwrap_or(limits.timeout_ms);
    limits.cpu_ms = fields.integer("cpuMs", &limits::CPU_MS);
    limits.max_file_mb = fields.integer("maxFileMB", &limits::MAX_FILE_MB);
    limits.memory_mb = fields.integer("memoryMB", &limits::MEMORY_MB).unwrap_or(limits.memory_mb);
    limits.max_output_bytes =
        fields.integer("maxOutputBytes", &limits::MAX_OUTPUT_BYTES).unwrap_or(limits.max_output_bytes);

    let allowed = fields.boolean("allowNetwork").unwrap_or(false);
    let Some(texts) = fields.strings("allowedHosts", limits::MAX_ALLOWED_HOSTS) else {
        return (limits, if allowed { Network::Public } else { Network::None });
    };
    if !allowed {
        fields.note("allowedHosts", "needs allowNetwork to be true");
    }
    let mut hosts = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match host::parse(text) {
            Ok(host) => hosts.push(host),
            Err(clause) => fields.note(&format!("allowedHosts[{index}]"), format!("{clause}; got \"{}\"", shown(text))),
        }
    }
    (limits, Network::Hosts { hosts })
}

#[cfg(test)]
mod tests;
