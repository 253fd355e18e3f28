//! Packages that the files of a run list: `requirements.txt`, `pyproject.toml` and `package.json`.
//!
//! What they list goes through the same policy as `packages` of the request, and is installed in the same way. Only files in
//! the top directory count, because only there the tools of the languages look.

mod listed;
mod package_json;
mod pyproject;
mod requirements;

use crate::domain::input::reader::{Reader, shown};
use docle_api::limits::MAX_LISTED_PACKAGES;
use docle_languages::{PackageTool, RunLanguage};
use docle_protocol::SourceFile;
use docle_protocol::job::FileEncoding;
use listed::{Lines, Listed, Wrong};

/// A file that lists packages: who installs them, its path, and its reader.
type Manifest = (PackageTool, &'static str, fn(&str) -> Lines);

/// The files that list packages, in the order in which they are read.
const MANIFESTS: [Manifest; 3] = [
    (PackageTool::Pip, requirements::NAME, requirements::read),
    (PackageTool::Pip, pyproject::NAME, pyproject::read),
    (PackageTool::Npm, package_json::NAME, package_json::read),
];

/// The packages of the request and those that its files list, each once. Problems are noted in `fields`, which are those of
/// the request.
pub fn merge(
    fields: &mut Reader<'_>,
    files: &[SourceFile],
    language: RunLanguage,
    packages: Vec<String>,
) -> Vec<String> {
    let tool = language.package_manager;
    let asked = packages.into_iter().map(|requirement| Listed { requirement, place: "packages".to_owned() });
    let mut all: Vec<Listed> = asked.collect();
    for (_, name, read) in MANIFESTS.iter().filter(|(of, ..)| *of == tool) {
        let Some(index) = files.iter().position(|file| file.path == *name) else { continue };
        let field = format!("files[{index}].content");
        if files[index].encoding != FileEncoding::Utf8 {
            fields.note(&field, format!("must be plain UTF-8 text, because {name} lists packages"));
            continue;
        }
        let text = files[index].content.trim_start_matches('\u{feff}');
        for line in read(text) {
            match line.and_then(|listed| add(tool, &mut all, listed)) {
                Ok(()) => {}
                Err(clause) => fields.note(&field, clause),
            }
            if all.len() > MAX_LISTED_PACKAGES {
                fields.note(&field, format!("lists too many packages: a run may have {MAX_LISTED_PACKAGES} in all"));
            }
            if all.len() > MAX_LISTED_PACKAGES || fields.problems().are_full() {
                return Vec::new();
            }
        }
    }
    all.into_iter().map(|listed| listed.requirement).collect()
}

/// Whether a file with this path lists packages for some language.
pub fn lists_packages(path: &str) -> bool {
    MANIFESTS.iter().any(|(_, name, _)| *name == path)
}

/// Adds a requirement, unless it says nothing new.
fn add(tool: PackageTool, all: &mut Vec<Listed>, listed: Listed) -> Result<(), Wrong> {
    let (name, version) = parts(tool, &listed.requirement);
    let Some(index) = all.iter().position(|other| parts(tool, &other.requirement).0 == name) else {
        all.push(listed);
        return Ok(());
    };
    let earlier = parts(tool, &all[index].requirement).1.to_owned();
    if earlier == version || version.is_empty() {
        return Ok(());
    }
    if earlier.is_empty() {
        all[index] = listed;
        return Ok(());
    }
    // pip's installer finds a version that all ranges allow. Two exact versions have none, and npm takes one version only.
    if tool == PackageTool::Pip && !(is_exact(&earlier) && is_exact(version)) {
        all.push(listed);
        return Ok(());
    }
    let Listed { requirement, place } = &all[index];
    Err(format!(
        "asks for \"{}\" ({}), but {place} asks for \"{}\": keep one of them",
        shown(&listed.requirement),
        listed.place,
        shown(requirement),
    ))
}

/// The name of a package, as its registry compares names, and the rest of the requirement.
fn parts(tool: PackageTool, requirement: &str) -> (String, &str) {
    match tool {
        PackageTool::Npm => {
            let scope = usize::from(requirement.starts_with('@'));
            let end = requirement[scope..].find('@').map_or(requirement.len(), |at| at + scope);
            (requirement[..end].to_owned(), requirement[end..].trim_start_matches('@'))
        }
        PackageTool::Pip | PackageTool::None => {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            let end = requirement.find(|c| !is_name(c)).unwrap_or(requirement.len());
            let words = requirement[..end].split(['.', '_', '-']).filter(|word| !word.is_empty());
            (words.collect::<Vec<_>>().join("-").to_ascii_lowercase(), &requirement[end..])
        }
    }
}

/// Whether a version of pip's is one version, such as `==1.2`.
fn is_exact(version: &str) -> bool {
    version.starts_with("==") && !version.contains(['*', ','])
}

#[cfg(test)]
mod tests;
