//! Packages that a run asks for: single requirements, and the files that list them.
//!
//! The Worker reads the files of a request, and the runner those of a repository. What they list goes through the same policy as
//! `packages` of the request, and is installed in the same way. Only files in the top directory count, because only there the
//! tools of the languages look.

mod listed;
pub mod package;
mod package_json;
mod pyproject;
mod requirements_txt;

use docle_api::errors::shown;
use docle_api::limits::MAX_LISTED_PACKAGES;
use docle_languages::PackageTool;
pub use listed::Wrong;
use listed::{Lines, Listed};

/// A file that lists packages.
#[derive(Debug, Clone, Copy)]
pub struct Manifest {
    tool: PackageTool,
    /// Its path.
    pub name: &'static str,
    read: fn(&str) -> Lines,
}

/// The files that list packages, in the order in which they are read.
const MANIFESTS: [Manifest; 3] = [
    Manifest { tool: PackageTool::Pip, name: requirements_txt::NAME, read: requirements_txt::read },
    Manifest { tool: PackageTool::Pip, name: pyproject::NAME, read: pyproject::read },
    Manifest { tool: PackageTool::Npm, name: package_json::NAME, read: package_json::read },
];

impl Manifest {
    /// The files that list packages of one tool, in the order in which they are read.
    pub fn of(tool: PackageTool) -> impl Iterator<Item = Self> {
        MANIFESTS.into_iter().filter(move |manifest| manifest.tool == tool)
    }
}

/// Whether a file with this path lists packages for some language.
pub fn lists_packages(path: &str) -> bool {
    MANIFESTS.iter().any(|manifest| manifest.name == path)
}

/// The packages of one run, each once.
#[derive(Debug)]
pub struct Requirements {
    tool: PackageTool,
    all: Vec<Listed>,
}

impl Requirements {
    /// Begins with the packages that the request itself names.
    pub fn new(tool: PackageTool, packages: Vec<String>) -> Self {
        let asked = packages.into_iter().map(|requirement| Listed { requirement, place: "packages".to_owned() });
        Self { tool, all: asked.collect() }
    }

    /// Adds what a file lists. Answers with what is wrong with it: clauses that follow the name of the file or its field. The last one
    /// may be that these are too many packages.
    pub fn add(&mut self, manifest: Manifest, text: &str) -> Vec<Wrong> {
        let mut wrong = Vec::new();
        for line in (manifest.read)(text.trim_start_matches('\u{feff}')) {
            if let Err(clause) = line.and_then(|listed| self.add_one(listed)) {
                wrong.push(clause);
            }
            if self.all.len() > MAX_LISTED_PACKAGES {
                wrong.push(format!("lists too many packages: a run may have {MAX_LISTED_PACKAGES} in all"));
                break;
            }
        }
        wrong
    }

    /// All packages, in the order in which they were added.
    pub fn into_packages(self) -> Vec<String> {
        self.all.into_iter().map(|listed| listed.requirement).collect()
    }

    /// Adds a requirement, unless it says nothing new.
    fn add_one(&mut self, listed: Listed) -> Result<(), Wrong> {
        let Self { tool, all } = self;
        let (name, version) = parts(*tool, &listed.requirement);
        let Some(index) = all.iter().position(|other| parts(*tool, &other.requirement).0 == name) else {
            all.push(listed);
            return Ok(());
        };
        let earlier = parts(*tool, &all[index].requirement).1.to_owned();
        if earlier == version || version.is_empty() {
            return Ok(());
        }
        if earlier.is_empty() {
            all[index] = listed;
            return Ok(());
        }
        // pip's installer finds a version that all ranges allow. Two exact versions have none, and npm takes one version only.
        if *tool == PackageTool::Pip && !(is_exact(&earlier) && is_exact(version)) {
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
