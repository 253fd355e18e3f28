//! Projects: what keys and runs belong to.

use crate::domain::input::page::Position;
use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::key::settings::read_name;
use crate::domain::project::isolate_settings::IsolateSettings;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::LogId;
use docle_api::{fields, projects};
use serde_json::Value;

/// What its owner decides about a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectSettings {
    pub name: String,
    /// Whether the network addresses that runs are asked for from are kept with them.
    pub store_ip: bool,
    /// Whether only the project's keys and its owner may read results, instead of every caller who knows the id.
    pub private_results: bool,
    /// What its scripts may do.
    pub isolates: IsolateSettings,
}

/// A user's project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: String,
    /// Names the log of its runs.
    pub log_id: LogId,
    pub settings: ProjectSettings,
    pub created_at: Timestamp,
}

impl Project {
    /// Where it stands in a list.
    pub fn position(&self) -> Position {
        Position { at: self.created_at, id: self.id.clone() }
    }
}

/// Reads the body that creates a project.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_new(body: Value) -> Result<ProjectSettings, Vec<FieldError>> {
    let mut problems = Problems::default();
    let settings = open(body, &mut problems).and_then(|mut fields| {
        if !fields.has("name") {
            fields.note("name", "is required");
        }
        let name = read_name(&mut fields);
        let store_ip = fields.boolean("storeIp").unwrap_or(false);
        let private_results = fields.boolean("privateResults").unwrap_or(false);
        let isolates = IsolateSettings::default().read(&mut fields);
        Some(ProjectSettings { name: name?, store_ip, private_results, isolates })
    });
    problems.conclude(settings)
}

/// Reads the body that changes some settings of a project.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_change(body: Value, settings: ProjectSettings) -> Result<ProjectSettings, Vec<FieldError>> {
    let mut problems = Problems::default();
    let settings = open(body, &mut problems).map(|mut fields| ProjectSettings {
        name: read_name(&mut fields).unwrap_or(settings.name),
        store_ip: fields.boolean("storeIp").unwrap_or(settings.store_ip),
        private_results: fields.boolean("privateResults").unwrap_or(settings.private_results),
        isolates: settings.isolates.read(&mut fields),
    });
    problems.conclude(settings)
}

fn open(body: Value, problems: &mut Problems) -> Option<Reader<'_>> {
    Reader::open(body, String::new(), fields::of::<projects::ProjectSettings>(), problems)
}
