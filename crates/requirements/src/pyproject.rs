//! `pyproject.toml`: the dependencies of its project table (PEP 621).

use crate::listed::{Lines, Listed, place_of};
use crate::package;
use docle_api::errors::shown;
use docle_languages::PackageTool;
use serde::Deserialize;

pub const NAME: &str = "pyproject.toml";

#[derive(Deserialize)]
struct Document {
    project: Option<Project>,
}

#[derive(Deserialize)]
struct Project {
    dependencies: Option<Vec<String>>,
}

/// Reads the file. Optional dependencies, groups and tables of tools install nothing.
pub fn read(text: &str) -> Lines {
    let document: Document = match toml::from_str(text) {
        Ok(document) => document,
        Err(error) => {
            let before = error.span().and_then(|span| text.get(..span.start));
            let at = before.map_or(String::new(), |before| format!(" (line {})", before.matches('\n').count() + 1));
            let reason = error.message().lines().next().unwrap_or_default().to_owned();
            return vec![Err(format!("cannot be read as {NAME}{at}: {reason}"))];
        }
    };
    let dependencies = document.project.and_then(|project| project.dependencies).unwrap_or_default();
    dependencies.iter().map(|text_of| read_dependency(text, text_of)).collect()
}

fn read_dependency(text: &str, dependency: &str) -> Result<Listed, String> {
    let place = place_of(text, dependency, NAME);
    match package::parse(PackageTool::Pip, dependency) {
        Ok(requirement) => Ok(Listed { requirement, place }),
        Err(clause) => Err(format!("{place} {clause}; got \"{}\"", shown(dependency))),
    }
}
