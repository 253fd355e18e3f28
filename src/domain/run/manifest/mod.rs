//! Packages that the files of a run list: `requirements.txt`, `pyproject.toml` and `package.json`.

use crate::domain::input::reader::Reader;
use docle_protocol::job::FileEncoding;
use docle_protocol::{RunLanguage, SourceFile};
use docle_requirements::{Manifest, Requirements};

/// The packages of the request and those that its files list, each once. Problems are noted in `fields`, which are those of
/// the request.
pub fn merge(
    fields: &mut Reader<'_>,
    files: &[SourceFile],
    language: RunLanguage,
    packages: Vec<String>,
) -> Vec<String> {
    let tool = language.package_manager;
    let mut all = Requirements::new(tool, packages);
    for manifest in Manifest::of(tool) {
        let name = manifest.name;
        let Some(index) = files.iter().position(|file| file.path == name) else { continue };
        let field = format!("files[{index}].content");
        if files[index].encoding != FileEncoding::Utf8 {
            fields.note(&field, format!("must be plain UTF-8 text, because {name} lists packages"));
            continue;
        }
        for clause in all.add(manifest, &files[index].content) {
            fields.note(&field, clause);
        }
    }
    all.into_packages()
}

#[cfg(test)]
mod tests;
