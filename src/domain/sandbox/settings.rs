//! What the owner of a sandbox decides about it.

use crate::domain::host;
use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::{Reader, shown};
use crate::domain::key::settings::read_name;
use crate::domain::run::request::read_env;
use docle_api::fields;
use docle_api::limits::*;
use docle_api::sandboxes::{RuntimeConfig, SandboxChange, SandboxNetwork, SandboxSettings};
use docle_languages::{RunLanguage, ScriptLanguage};
use docle_protocol::job::Network;
use docle_protocol::sandbox::SandboxSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The registries of packages, which a sandbox reaches unless its owner says otherwise.
const REGISTRIES: [&str; 6] =
    ["pypi.org", "files.pythonhosted.org", "registry.npmjs.org", "index.crates.io", "static.crates.io", "crates.io"];

/// What a sandbox may use, and when it sleeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Runtime {
    #[serde(rename = "memoryMB")]
    pub memory_mb: u32,
    #[serde(rename = "diskMB")]
    pub disk_mb: u32,
    pub network: SandboxNetwork,
    pub allowed_hosts: Vec<String>,
    /// Seconds.
    pub sleep_after: u32,
    pub save_every_seconds: u32,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            memory_mb: DEFAULT_SANDBOX_MEMORY_MB,
            disk_mb: DEFAULT_SANDBOX_DISK_MB,
            network: SandboxNetwork::default(),
            allowed_hosts: Vec::new(),
            sleep_after: DEFAULT_SLEEP_AFTER_SECONDS,
            save_every_seconds: DEFAULT_SAVE_EVERY_SECONDS,
        }
    }
}

impl Runtime {
    /// What the runner is told.
    pub fn spec(&self, env: &BTreeMap<String, String>) -> SandboxSpec {
        let hosts = match self.network {
            SandboxNetwork::Public => None,
            SandboxNetwork::Registries => Some(REGISTRIES.as_slice()),
            SandboxNetwork::None => Some([].as_slice()),
        };
        let network = match hosts {
            None => Network::Public,
            Some([]) if self.allowed_hosts.is_empty() => Network::None,
            Some(hosts) => {
                let own = self.allowed_hosts.iter().cloned();
                Network::Hosts { hosts: hosts.iter().map(|host| (*host).to_owned()).chain(own).collect() }
            }
        };
        SandboxSpec { env: env.clone(), memory_mb: self.memory_mb, disk_mb: self.disk_mb, network }
    }

    /// What responses show.
    pub fn config(&self) -> RuntimeConfig {
        RuntimeConfig {
            memory_mb: Some(self.memory_mb),
            disk_mb: Some(self.disk_mb),
            network: Some(self.network),
            allowed_hosts: Some(self.allowed_hosts.clone()),
            sleep_after: Some(self.sleep_after),
            save_every_seconds: Some(self.save_every_seconds),
        }
    }
}

/// What a request changes of a [`Runtime`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RuntimeChange {
    #[serde(rename = "memoryMB")]
    pub memory_mb: Option<u32>,
    #[serde(rename = "diskMB")]
    pub disk_mb: Option<u32>,
    pub network: Option<SandboxNetwork>,
    pub allowed_hosts: Option<Vec<String>>,
    pub sleep_after: Option<u32>,
    pub save_every_seconds: Option<u32>,
}

impl RuntimeChange {
    fn read(fields: &mut Reader<'_>) -> Self {
        let Some(mut config) = fields.object("runtime_config", fields::of::<RuntimeConfig>()) else {
            return Self::default();
        };
        Self {
            memory_mb: config.integer("memoryMB", &SANDBOX_MEMORY_MB),
            disk_mb: config.integer("diskMB", &SANDBOX_DISK_MB),
            sleep_after: config.integer("sleepAfter", &SLEEP_AFTER_SECONDS),
            save_every_seconds: config.integer("saveEverySeconds", &SAVE_EVERY_SECONDS),
            network: read_named(&mut config, "network", &SandboxNetwork::ALL, SandboxNetwork::name),
            allowed_hosts: config.strings("allowedHosts", MAX_ALLOWED_HOSTS).map(|hosts| {
                let mut allowed = Vec::with_capacity(hosts.len());
                for (index, text) in hosts.iter().enumerate() {
                    match host::parse(text) {
                        Ok(host) => allowed.push(host),
                        Err(clause) => config.note(&format!("allowedHosts[{index}]"), clause),
                    }
                }
                allowed
            }),
        }
    }

    /// Changes what the request names, and leaves the rest.
    pub fn apply(self, to: &mut Runtime) {
        let Self { memory_mb, disk_mb, network, allowed_hosts, sleep_after, save_every_seconds } = self;
        to.memory_mb = memory_mb.unwrap_or(to.memory_mb);
        to.disk_mb = disk_mb.unwrap_or(to.disk_mb);
        to.network = network.unwrap_or(to.network);
        to.sleep_after = sleep_after.unwrap_or(to.sleep_after);
        to.save_every_seconds = save_every_seconds.unwrap_or(to.save_every_seconds);
        if let Some(hosts) = allowed_hosts {
            to.allowed_hosts = hosts;
        }
    }
}

/// What the owner decides about a sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    pub name: Option<String>,
    pub description: Option<String>,
    pub language: RunLanguage,
    pub env: BTreeMap<String, String>,
    pub runtime: Runtime,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: None,
            description: None,
            language: RunLanguage::all().next().expect("the table has a language"),
            env: BTreeMap::new(),
            runtime: Runtime::default(),
        }
    }
}

/// What a request changes of [`Settings`]. Two requests at once that change different ones both take effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsChange {
    pub name: Option<String>,
    pub description: Option<String>,
    pub language: Option<RunLanguage>,
    pub env: Option<BTreeMap<String, String>>,
    pub runtime: RuntimeChange,
}

impl SettingsChange {
    /// The settings of a sandbox that is made with these.
    fn of_new(self) -> Settings {
        let Self { name, description, language, env, runtime: change } = self;
        let (defaults, mut runtime) = (Settings::default(), Runtime::default());
        change.apply(&mut runtime);
        let (language, env) = (language.unwrap_or(defaults.language), env.unwrap_or_default());
        Settings { name, description, language, env, runtime }
    }
}

/// A sandbox to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewSandbox {
    pub settings: Settings,
    pub key: Option<String>,
    /// What the request names.
    pub project_id: Option<String>,
}

/// Reads the body that makes a sandbox.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_new(body: Value) -> Result<NewSandbox, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<SandboxSettings>();
    let sandbox = Reader::open(body, String::new(), known, &mut problems).map(|mut fields| {
        let key = read_key(&mut fields);
        let project_id = fields.string("project_id");
        NewSandbox { settings: read(&mut fields).of_new(), key, project_id }
    });
    problems.conclude(sandbox)
}

/// Reads the body that changes some settings of a sandbox.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_change(body: Value) -> Result<SettingsChange, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<SandboxChange>();
    let changed = Reader::open(body, String::new(), known, &mut problems).map(|mut fields| read(&mut fields));
    problems.conclude(changed)
}

/// Reads the key of a sandbox.
pub fn read_key(fields: &mut Reader<'_>) -> Option<String> {
    fields.string("key").filter(|key| {
        let is_key = is_key(key);
        if !is_key {
            let message = format!("must have 1 to {MAX_SANDBOX_KEY_CHARS} letters, digits, \"_\", \".\" or \"-\"");
            fields.note("key", message);
        }
        is_key
    })
}

/// Whether a text can be the key of a sandbox.
pub fn is_key(text: &str) -> bool {
    (1..=MAX_SANDBOX_KEY_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

fn read(fields: &mut Reader<'_>) -> SettingsChange {
    let name = read_name(fields);
    let description = fields.string("description").filter(|text| {
        let fits = text.chars().count() <= MAX_DESCRIPTION_CHARS;
        if !fits {
            fields.note("description", format!("must have at most {MAX_DESCRIPTION_CHARS} characters"));
        }
        fits
    });
    let language = read_language(fields);
    let env = fields.has("env").then(|| read_env(fields, 0));
    SettingsChange { name, description, language, env, runtime: RuntimeChange::read(fields) }
}

fn read_language(fields: &mut Reader<'_>) -> Option<RunLanguage> {
    let name = fields.string("language")?;
    // What scripts are written in, the machine runs as well, by the first name of that language.
    let of_scripts =
        || ScriptLanguage::meant_by(&name).and(RunLanguage::meant_by(ScriptLanguage::all().next()?.name()));
    let language = RunLanguage::meant_by(&name).or_else(of_scripts);
    if language.is_none() {
        fields.note("language", format!("must be {}, got \"{}\"", RunLanguage::listed(), shown(&name)));
    }
    language
}

/// Reads a field that is one of some names.
pub fn read_named<T: Copy>(fields: &mut Reader<'_>, field: &str, all: &[T], name: fn(T) -> &'static str) -> Option<T> {
    let sent = fields.string(field)?;
    let found = all.iter().copied().find(|one| name(*one) == sent);
    if found.is_none() {
        let names: Vec<_> = all.iter().map(|one| format!("\"{}\"", name(*one))).collect();
        fields.note(field, format!("must be one of {}, got \"{}\"", names.join(", "), shown(&sent)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(body: Value) -> Settings {
        parse_new(body).unwrap().settings
    }

    #[test]
    fn defaults_are_filled_in() {
        let made = settings(json!({}));
        let expected = json!({
            "memoryMB": 512, "diskMB": 1024, "network": "registries", "allowedHosts": [], "sleepAfter": 600,
            "saveEverySeconds": 60,
        });
        assert_eq!(serde_json::to_value(&made.runtime).unwrap(), expected);
        assert_eq!((made.language.name(), made.name), ("python", None));
    }

    #[test]
    fn languages_of_seed_requests_are_understood() {
        for (sent, language) in [("python", "python"), ("javascript", "node"), ("typescript", "node"), ("bash", "bash")]
        {
            assert_eq!(settings(json!({ "language": sent })).language.name(), language);
        }
    }

    #[test]
    fn the_network_is_what_the_runner_is_told() {
        let network =
            |config: Value| settings(json!({ "runtime_config": config })).runtime.spec(&BTreeMap::new()).network;
        assert_eq!(network(json!({ "network": "none" })), Network::None);
        assert_eq!(network(json!({ "network": "public" })), Network::Public);
        let hosts = vec!["api.example.com".to_owned()];
        let own = json!({ "network": "none", "allowedHosts": ["API.example.com"] });
        assert_eq!(network(own), Network::Hosts { hosts });
        let Network::Hosts { hosts } = network(json!({})) else { panic!("registries are hosts") };
        assert!(hosts.contains(&"pypi.org".to_owned()));
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let mut runtime = settings(json!({ "runtime_config": { "memoryMB": 64 } })).runtime;
        let change = parse_change(json!({ "name": "a", "runtime_config": { "sleepAfter": 30 } })).unwrap();
        assert_eq!((change.name.as_deref(), change.description, change.env), (Some("a"), None, None));
        change.runtime.apply(&mut runtime);
        assert_eq!((runtime.memory_mb, runtime.sleep_after), (64, 30));
        assert_eq!(parse_change(json!({ "env": {} })).unwrap().env, Some(BTreeMap::new()));
        // Whatever has a field has a change of it.
        let all = json!({ "memoryMB": 64, "diskMB": 16, "network": "none", "allowedHosts": ["a.example.com"], "sleepAfter": 1,
            "saveEverySeconds": 1 });
        let made = settings(json!({ "runtime_config": all })).runtime;
        assert_eq!(serde_json::to_value(made).unwrap(), all);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, field) in [
            (json!({ "key": "a b" }), "key"),
            (json!({ "key": "" }), "key"),
            (json!({ "language": "klingon" }), "language"),
            (json!({ "runtime_config": { "memoryMB": 1 } }), "runtime_config.memoryMB"),
            (json!({ "runtime_config": { "network": "all" } }), "runtime_config.network"),
            (json!({ "runtime_config": { "allowedHosts": ["127.0.0.1"] } }), "runtime_config.allowedHosts[0]"),
            (json!({ "env": { "A=B": "" } }), "env"),
        ] {
            assert_eq!(parse_new(body.clone()).unwrap_err()[0].field, field, "{body}");
        }
    }
}
