//! `package.json`: its `dependencies`.

use crate::listed::{Lines, Listed, place_of};
use crate::package;
use docle_api::errors::shown;
use docle_languages::PackageTool;
use serde::Deserialize;
use serde_json::{Map, Value};

pub const NAME: &str = "package.json";

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    dependencies: Option<Map<String, Value>>,
}

/// Reads the file. `devDependencies` and the other lists install nothing.
pub fn read(text: &str) -> Lines {
    match serde_json::from_str::<Document>(text) {
        Ok(document) => {
            let dependencies = document.dependencies.unwrap_or_default();
            dependencies.iter().map(|(name, version)| read_dependency(text, name, version)).collect()
        }
        Err(error) => vec![Err(format!("cannot be read as {NAME}: {error}"))],
    }
}

fn read_dependency(text: &str, name: &str, version: &Value) -> Result<Listed, String> {
    let place = place_of(text, &Value::from(name).to_string(), NAME);
    let Some(version) = version.as_str() else {
        return Err(format!("{place} must give a version as a string; got {}", shown(&version.to_string())));
    };
    let requirement = match version.trim() {
        // npm takes an empty version for any.
        "" => name.to_owned(),
        version => format!("{name}@{version}"),
    };
    match package::parse(PackageTool::Npm, &requirement) {
        Ok(requirement) => Ok(Listed { requirement, place }),
        Err(clause) => Err(format!("{place} {clause}; got \"{}\"", shown(&requirement))),
    }
}
