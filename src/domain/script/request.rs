//! What asks for a script to be run: the body of `POST /execute`, and that of `POST /api/run` with `tier: "isolate"`.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::{Reader, shown};
use crate::domain::project::isolate_settings::{IsolateSettings, read_domains};
use crate::domain::run::id::RunId;
use crate::domain::run::record::{Owner, Recordable};
use crate::domain::run::tier::Tier;
use crate::domain::run::user_context::{self, UserContext};
use docle_api::executions::{ScriptInput, UsedConfig};
use docle_api::{fields, scripts};
use docle_languages::RunLanguage;
use docle_protocol::isolate::{
    DEFAULT_TIMEOUT_MS, IsolateJob, MAX_CODE_BYTES, MAX_CONTEXT_BYTES, RuntimeApi, Script, ScriptLanguage, TIMEOUT_MS,
};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::ops::RangeInclusive;

/// A script that can be run as it is.
#[derive(Debug, Clone)]
pub struct ScriptRequest {
    pub script: Script,
    /// Any JSON.
    pub context: Box<RawValue>,
    pub timeout_ms: u32,
    pub apis: Vec<RuntimeApi>,
    /// `None` where the request leaves it to the project.
    pub allowed_domains: Option<Vec<String>>,
    pub user_context: Option<UserContext>,
}

impl ScriptRequest {
    /// The job that it makes, within what the project decides.
    pub fn job(&self, id: RunId, owner: &Owner, settings: &IsolateSettings) -> IsolateJob {
        let lists = [&self.allowed_domains, &settings.allowed_domains];
        IsolateJob {
            id: id.to_string(),
            project_id: owner.project_id.clone(),
            script: self.script.clone(),
            context: self.context.clone(),
            timeout_ms: self.timeout_ms,
            apis: self.apis.clone(),
            allowed_domains: lists.into_iter().flatten().cloned().collect(),
            database: settings.database.clone(),
        }
    }
}

/// What the two bodies say in ways of their own; `None` is what is absent, or wrong and noted.
#[derive(Default)]
struct Bounds {
    timeout_ms: Option<u32>,
    apis: Option<Vec<RuntimeApi>>,
    allowed_domains: Option<Vec<String>>,
}

/// Reads the body of `POST /execute`. `max_timeout_ms` is this deployment's highest limit.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(body: Value, max_timeout_ms: u32) -> Result<ScriptRequest, Vec<FieldError>> {
    let language = ("language", Some(ScriptLanguage::default_one()));
    read(body, fields::of::<scripts::ScriptRequest>(), language, max_timeout_ms, |fields, timeouts| {
        let Some(mut config) = fields.object("config", fields::of::<scripts::ScriptConfig>()) else {
            return Bounds::default();
        };
        Bounds {
            timeout_ms: config.integer("timeout", timeouts),
            apis: read_apis(&mut config),
            allowed_domains: read_list(&mut config, "allowedDomains"),
        }
    })
}

/// Reads the body of `POST /api/run` with `tier: "isolate"`: the names of runs for what is the same, those of scripts
/// for the rest.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_run(body: Value, max_timeout_ms: u32) -> Result<ScriptRequest, Vec<FieldError>> {
    read(body, fields::of::<scripts::IsolateRunRequest>(), ("lang", None), max_timeout_ms, |fields, timeouts| {
        let apis = read_apis(fields);
        let Some(mut policy) = fields.object("policy", fields::of::<scripts::IsolatePolicy>()) else {
            return Bounds { apis, ..Bounds::default() };
        };
        let timeout_ms = policy.integer("timeoutMs", timeouts);
        let names_hosts = policy.has("allowedHosts");
        let mut allowed_domains = read_list(&mut policy, "allowedHosts");
        match policy.boolean("allowNetwork") {
            Some(true) if !names_hosts => policy.note(
                "allowedHosts",
                "is required with allowNetwork for a script in an isolate, which reaches named hosts only",
            ),
            Some(false) => allowed_domains = Some(Vec::new()),
            _ => {}
        }
        Bounds { timeout_ms, apis, allowed_domains }
    })
}

/// Reads a body with the fields `known`. `language` is the name of the language's field and what stands for it where it
/// is absent; `read_bounds` is told which timeouts there are.
fn read(
    body: Value,
    known: &'static [&'static str],
    language: (&str, Option<ScriptLanguage>),
    max_timeout_ms: u32,
    read_bounds: impl FnOnce(&mut Reader<'_>, &RangeInclusive<u32>) -> Bounds,
) -> Result<ScriptRequest, Vec<FieldError>> {
    let timeouts = *TIMEOUT_MS.start()..=*TIMEOUT_MS.end().min(&max_timeout_ms);
    let mut problems = Problems::default();
    let inside =
        [("config", fields::of::<scripts::ScriptConfig>()), ("policy", fields::of::<scripts::IsolatePolicy>())];
    let inside: Vec<_> = inside.into_iter().filter(|(object, _)| known.contains(object)).collect();
    let request = Reader::open_with(body, String::new(), known, &inside, &mut problems).and_then(|mut fields| {
        let script = read_script(&mut fields, language.0, language.1);
        let context = read_context(&mut fields);
        let user_context = fields.object("userContext", user_context::known()).and_then(user_context::read);
        let bounds = read_bounds(&mut fields, &timeouts);
        Some(ScriptRequest {
            script: script?,
            context: context?,
            timeout_ms: bounds.timeout_ms.unwrap_or(DEFAULT_TIMEOUT_MS.min(max_timeout_ms)),
            apis: bounds.apis.unwrap_or_else(|| RuntimeApi::ALL.to_vec()),
            allowed_domains: bounds.allowed_domains,
            user_context,
        })
    });
    problems.conclude(request)
}

/// Reads the body of `POST /validate`.
///
/// # Errors
/// Everything that is wrong with it; that the code is too long is for the validation to say.
pub fn parse_script(body: Value) -> Result<Script, Vec<FieldError>> {
    let mut problems = Problems::default();
    let script = Reader::open(body, String::new(), fields::of::<scripts::Script>(), &mut problems)
        .and_then(|mut fields| read_code(&mut fields, "language", Some(ScriptLanguage::default_one())));
    problems.conclude(script)
}

fn read_script(fields: &mut Reader<'_>, language: &str, default: Option<ScriptLanguage>) -> Option<Script> {
    let script = read_code(fields, language, default)?;
    if script.code.len() > MAX_CODE_BYTES {
        let message = format!("must have at most {MAX_CODE_BYTES} bytes, has {}", script.code.len());
        fields.note("code", message);
        return None;
    }
    Some(script)
}

fn read_code(fields: &mut Reader<'_>, language: &str, default: Option<ScriptLanguage>) -> Option<Script> {
    if !fields.has("code") {
        fields.note("code", "is required");
    }
    let code = fields.string("code");
    let language = read_language(fields, language, default);
    Some(Script { code: code?, language: language? })
}

fn read_language(fields: &mut Reader<'_>, field: &str, default: Option<ScriptLanguage>) -> Option<ScriptLanguage> {
    let names: Vec<String> = ScriptLanguage::all().map(|language| format!("\"{}\"", language.name())).collect();
    let names = names.join(" or ");
    if !fields.has(field) {
        if default.is_none() {
            fields.note(field, format!("is required: {names}"));
        }
        return default;
    }
    let name = fields.string(field)?;
    let language = ScriptLanguage::meant_by(&name);
    if language.is_none() {
        let way_out = if RunLanguage::meant_by(&name).is_some() {
            "; programs in this language run with POST /api/run and without tier"
        } else {
            ""
        };
        fields.note(field, format!("must be {names} in an isolate, got \"{}\"{way_out}", shown(&name)));
    }
    language
}

/// What the script sees as `context`; an empty object where there is none.
fn read_context(fields: &mut Reader<'_>) -> Option<Box<RawValue>> {
    let context = fields.value("context").unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    let context = to_raw_value(&context).ok()?;
    if context.get().len() > MAX_CONTEXT_BYTES {
        let message = format!("must have at most {MAX_CONTEXT_BYTES} bytes as JSON, has {}", context.get().len());
        fields.note("context", message);
        return None;
    }
    Some(context)
}

fn read_apis(fields: &mut Reader<'_>) -> Option<Vec<RuntimeApi>> {
    let names = fields.strings("allowedAPIs", RuntimeApi::ALL.len())?;
    let mut apis = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        match RuntimeApi::ALL.into_iter().find(|api| api.name() == name) {
            Some(api) => apis.push(api),
            None => {
                let known = RuntimeApi::ALL.map(RuntimeApi::name).join(", ");
                fields
                    .note(&format!("allowedAPIs[{index}]"), format!("must be one of {known}; got \"{}\"", shown(name)));
            }
        }
    }
    apis.sort_unstable();
    apis.dedup();
    Some(apis)
}

fn read_list(fields: &mut Reader<'_>, name: &str) -> Option<Vec<String>> {
    let value = fields.value(name)?;
    read_domains(fields, name, value)
}

impl Recordable for ScriptRequest {
    fn tier(&self) -> Tier {
        Tier::Isolate
    }

    fn language(&self) -> &str {
        self.script.language.name()
    }

    fn source(&self) -> &str {
        &self.script.code
    }

    fn user_context(&self) -> &Option<UserContext> {
        &self.user_context
    }

    fn input(&self, keep_content: bool) -> impl Serialize {
        ScriptInput {
            tier: Tier::Isolate.name().to_owned(),
            code: if keep_content { self.script.code.clone() } else { String::new() },
            language: self.script.language,
            context: if keep_content { &*self.context } else { RawValue::NULL },
            config: UsedConfig {
                timeout: self.timeout_ms,
                allowed_apis: self.apis.clone(),
                allowed_domains: self.allowed_domains.clone(),
            },
            truncated: !keep_content,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage_log::name::LogId;
    use serde_json::json;

    #[test]
    fn the_published_body_makes_a_script() {
        let body = json!({
            "code": "return 1 + 1", "language": "javascript", "context": { "user": "john" }, "config": { "timeout": 5000 },
        });
        let request = parse(body, 300_000).unwrap();
        assert_eq!(
            request.script,
            Script { code: "return 1 + 1".into(), language: ScriptLanguage::named("javascript") }
        );
        assert_eq!((request.context.get(), request.timeout_ms), (r#"{"user":"john"}"#, 5_000));
        assert_eq!((request.apis.len(), request.allowed_domains), (4, None));
        let default = parse(json!({ "code": "" }), 300_000).unwrap();
        assert_eq!((default.timeout_ms, default.context.get()), (30_000, "{}"));
        assert_eq!(parse(json!({ "code": "" }), 5_000).unwrap().timeout_ms, 5_000);
    }

    #[test]
    fn a_run_in_an_isolate_is_the_same_script() {
        let body = json!({
            "tier": "isolate", "code": "return 1", "lang": "typescript", "context": [1],
            "policy": { "timeoutMs": 100, "allowNetwork": true, "allowedHosts": ["a.com"] }, "allowedAPIs": ["api", "console", "api"],
        });
        let request = parse_run(body, 300_000).unwrap();
        assert_eq!((request.script.language, request.context.get()), (ScriptLanguage::named("typescript"), "[1]"));
        assert_eq!((request.timeout_ms, request.apis), (100, vec![RuntimeApi::Console, RuntimeApi::Api]));
        assert_eq!(request.allowed_domains, Some(vec!["a.com".to_owned()]));
        let shut = json!({ "tier": "isolate", "code": "", "lang": "javascript", "policy": { "allowNetwork": false } });
        assert_eq!(parse_run(shut, 300_000).unwrap().allowed_domains, Some(vec![]));
    }

    #[test]
    fn a_job_stays_within_what_the_project_decides() {
        let owner = Owner { project_id: "proj_1".into(), log_id: LogId::default(), key_id: "key_1".into() };
        let settings = IsolateSettings { allowed_domains: Some(vec!["a.com".into()]), database: Some("wiki".into()) };
        let request = |config| parse(json!({ "code": "", "config": config }), 300_000).unwrap();
        let id = RunId::from_random([0; 16]);
        let job = request(json!({ "allowedDomains": ["b.com"] })).job(id, &owner, &settings);
        assert_eq!(job.allowed_domains, [["b.com"], ["a.com"]]);
        assert_eq!((job.database.as_deref(), job.project_id.as_str()), (Some("wiki"), "proj_1"));
        assert_eq!(request(json!({})).job(id, &owner, &settings).allowed_domains, [["a.com"]]);
        assert!(request(json!({})).job(id, &owner, &IsolateSettings::default()).allowed_domains.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field) in [
            (json!({}), "code"),
            (json!({ "code": 1 }), "code"),
            (json!({ "code": "x".repeat(MAX_CODE_BYTES + 1) }), "code"),
            (json!({ "code": "", "language": "python" }), "language"),
            (json!({ "code": "", "timeout": 5_000 }), "timeout"),
            (json!({ "code": "", "context": "x".repeat(MAX_CONTEXT_BYTES) }), "context"),
            (json!({ "code": "", "config": { "timeout": 9 } }), "config.timeout"),
            (json!({ "code": "", "config": { "timeout": 60_001 } }), "config.timeout"),
            (json!({ "code": "", "config": { "allowedAPIs": ["fs"] } }), "config.allowedAPIs[0]"),
            (json!({ "code": "", "config": { "allowedAPIs": "api" } }), "config.allowedAPIs"),
            (json!({ "code": "", "config": { "allowedDomains": ["localhost"] } }), "config.allowedDomains[0]"),
            (json!({ "code": "", "config": { "memory": 1 } }), "config.memory"),
            (json!({ "code": "", "userContext": {} }), "userContext.id"),
            (json!([]), ""),
        ] {
            assert_eq!(parse(body.clone(), 300_000).unwrap_err()[0].field, field, "{body}");
        }
        for (body, field) in [
            (json!({ "tier": "isolate", "code": "" }), "lang"),
            (json!({ "tier": "isolate", "code": "", "lang": "python" }), "lang"),
            (json!({ "tier": "isolate", "code": "", "lang": "javascript", "files": [1] }), "files"),
            (json!({ "tier": "isolate", "code": "", "lang": "javascript", "stdin": "x" }), "stdin"),
            (
                json!({ "tier": "isolate", "code": "", "lang": "javascript", "policy": { "memoryMB": 64 } }),
                "policy.memoryMB",
            ),
            (
                json!({ "tier": "isolate", "code": "", "lang": "javascript", "policy": { "allowNetwork": true } }),
                "policy.allowedHosts",
            ),
        ] {
            assert_eq!(parse_run(body.clone(), 300_000).unwrap_err()[0].field, field, "{body}");
        }
        let wrong_hosts = json!({
            "code": "", "lang": "javascript", "policy": { "allowNetwork": true, "allowedHosts": "a.com" },
        });
        assert_eq!(parse_run(wrong_hosts, 300_000).unwrap_err().len(), 1, "hosts that are wrong are not missing");
        assert_eq!(parse_script(json!({ "code": 1 })).unwrap_err()[0].field, "code");
        assert_eq!(parse_script(json!({ "code": "x", "context": 1 })).unwrap_err()[0].field, "context");
    }
}
