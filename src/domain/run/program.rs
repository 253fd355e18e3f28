//! A program in a request: its source, its packages, its compilation and its limits.

use crate::domain::host;
use crate::domain::input::reader::{Reader, shown};
use crate::domain::run::compile;
use crate::domain::run::content;
use crate::domain::run::manifest;
use crate::domain::run::path;
use crate::domain::run::repository;
use crate::domain::run::user_context::{self, UserContext};
use docle_api::{fields, limits, runs};
use docle_languages::{Dialect, ScriptLanguage};
use docle_protocol::{Compile, Limits, Network, Repository, RunLanguage, SourceFile};
use docle_requirements::package;

/// A program that can be started with any input.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    pub language: RunLanguage,
    pub files: Vec<SourceFile>,
    /// Has further files, and possibly the entry point.
    pub repo: Option<Repository>,
    pub entrypoint: String,
    /// The request sent `code`, not `files`: the one file is that code.
    pub sent_code: bool,
    pub packages: Vec<String>,
    pub compile: Option<Compile>,
    pub limits: Limits,
    pub network: Network,
    pub user_context: Option<UserContext>,
}

/// Reads `lang`, `code` or `files`, `repo` if this operation has it, `entrypoint`, `packages`, `compile` and `policy`.
pub fn read_program(fields: &mut Reader<'_>, max_timeout_ms: u32) -> Option<Program> {
    let language = read_language(fields);
    read_program_in(fields, language, max_timeout_ms)
}

/// The same in a language that has been read.
pub fn read_program_in(fields: &mut Reader<'_>, language: Option<RunLanguage>, max_timeout_ms: u32) -> Option<Program> {
    let has_repo = fields.has("repo");
    let repo = if has_repo { repository::read(fields) } else { None };
    let source = read_source(fields, language, has_repo);
    let packages = read_packages(fields, language);
    let compile = compile::read(fields, language);
    let (limits, network) = read_policy(fields, max_timeout_ms);
    let Source { files, entrypoint, sent_code } = source?;
    let packages = match language {
        Some(language) if !sent_code => manifest::merge(fields, &files, language, packages),
        _ => packages,
    };
    let language = language?;
    Some(Program {
        language,
        files,
        repo,
        entrypoint,
        sent_code,
        packages,
        compile,
        limits,
        network,
        user_context: None,
    })
}

impl Program {
    /// The same program for a user.
    pub fn for_user(self, user_context: Option<UserContext>) -> Self {
        Self { user_context, ..self }
    }
}

/// Reads `userContext`.
pub fn read_user(fields: &mut Reader<'_>) -> Option<UserContext> {
    fields.object("userContext", user_context::known()).and_then(user_context::read)
}

/// Reads `lang`.
pub fn read_language(fields: &mut Reader<'_>) -> Option<RunLanguage> {
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

/// Reads the files of the request. With a repository it may have none, and the entry point may be a file of the repository.
fn read_source(fields: &mut Reader<'_>, language: Option<RunLanguage>, has_repo: bool) -> Option<Source> {
    let named_entrypoint = fields.has("entrypoint");
    let entrypoint = fields.string("entrypoint").and_then(|text| match path::parse(&text) {
        Ok(path) => Some(path),
        Err(clause) => {
            fields.note("entrypoint", clause);
            None
        }
    });
    // An empty list of files beside code or a repository is what serialisers make of a list that nothing was added to.
    let has_code = fields.has("code");
    if (has_code || has_repo) && fields.is_empty_list("files") {
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
        (false, false) if !has_repo => {
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
        (false, has_files) => {
            let files = if has_files { read_files(fields)? } else { Vec::new() };
            let has = |path: &str| has_repo || files.iter().any(|file| file.path == path);
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
        match host::parse_with_port(text) {
            Ok(host) => hosts.push(host),
            Err(clause) => fields.note(&format!("allowedHosts[{index}]"), format!("{clause}; got \"{}\"", shown(text))),
        }
    }
    (limits, Network::Hosts { hosts })
}
