//! The runner's look into the files of a repository: which packages they list, and what a compiler is given.
//!
//! The files were copied out of a jail: regular files, directories and relative links that stay inside. Nothing writes them.

use crate::packages::{Layer, Layers};
use docle_protocol::file::text_or_base64;
use docle_protocol::limits::{MAX_BODY_BYTES, MAX_FILES};
use docle_protocol::{RunJob, SourceFile};
use docle_requirements::{Manifest, Requirements};
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes of a file that lists packages.
const MAX_MANIFEST_BYTES: u64 = 1_024 * 1_024;

/// Whether there is a file at `path`.
pub fn has_file(layers: &Layers, files: &Layer, path: &str) -> bool {
    find(&layers.directory().join(files.name()), path).is_some()
}

/// The packages of a job and those that files of its repository list. A file of the job with the same path takes the place of the
/// repository's, and the Worker has read it.
///
/// # Errors
/// What is wrong with one of the files, to be read after what has failed.
pub fn listed_packages(job: &RunJob, layers: &Layers, files: &Layer) -> Result<Vec<String>, String> {
    let root = layers.directory().join(files.name());
    let tool = job.language.package_manager;
    let mut all = Requirements::new(tool, job.packages.clone());
    for manifest in Manifest::of(tool) {
        let name = manifest.name;
        if job.files.iter().any(|file| file.path == name) {
            continue;
        }
        let Some(path) = find(&root, name) else { continue };
        let text = read_text(&path).map_err(|why| format!("{name} of the repository {why}"))?;
        if let Some(clause) = all.add(manifest, &text).into_iter().next() {
            return Err(format!("{name} of the repository: {clause}"));
        }
    }
    Ok(all.into_packages())
}

/// Adds the files of the repository that are source code of a compiled language: they stand on the command line of its compiler.
///
/// # Errors
/// They are too many, or too large.
pub fn add_sources(job: &mut RunJob, layers: &Layers, files: &Layer) -> Result<(), String> {
    if job.compile.is_none() {
        return Ok(());
    }
    let root = layers.directory().join(files.name());
    let mut paths = Vec::new();
    let unreadable = |error: io::Error| format!("the files cannot be read: {error}");
    list(&root, Path::new(""), &mut paths).map_err(unreadable)?;
    paths.sort_unstable();
    let mut left = MAX_BODY_BYTES;
    for path in paths {
        let ending = Path::new(&path).extension();
        let is_source = ending.is_some_and(|ending| job.language.extensions.iter().any(|known| ending == *known));
        if !(is_source || path == job.entrypoint) || job.files.iter().any(|file| file.path == path) {
            continue;
        }
        let bytes = fs::read(root.join(&path)).map_err(unreadable)?;
        let too_many = || {
            let most = MAX_BODY_BYTES >> 20;
            format!(
                "it has more {} files to compile than {MAX_FILES} or {most} MiB: name a smaller directory in repo.subdir",
                job.language.title
            )
        };
        left = left.checked_sub(bytes.len()).filter(|_| job.files.len() < MAX_FILES).ok_or_else(too_many)?;
        let (content, encoding) = text_or_base64(bytes);
        job.files.push(SourceFile { path, content, encoding });
    }
    Ok(())
}

/// The regular file that `path` leads to, if there is one below `root`.
fn find(root: &Path, path: &str) -> Option<PathBuf> {
    let root = fs::canonicalize(root).ok()?;
    let found = fs::canonicalize(root.join(path)).ok().filter(|found| found.starts_with(&root))?;
    fs::symlink_metadata(&found).is_ok_and(|found| found.is_file()).then_some(found)
}

fn read_text(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(format!("must have at most {MAX_MANIFEST_BYTES} bytes, because it lists packages"));
    }
    String::from_utf8(bytes).map_err(|_| "must be UTF-8, because it lists packages".to_owned())
}

/// The paths of regular files below a directory, but for those that are no text.
fn list(root: &Path, below: &Path, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            list(root, &path, paths)?;
        } else if kind.is_file() {
            paths.extend(path.into_os_string().into_string());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_of_a_repository_is_followed_inside_of_it_alone() {
        let base = std::env::temp_dir().join(format!("docle-repository-{}", std::process::id()));
        let root = base.join("root");
        fs::create_dir_all(root.join("requirements")).unwrap();
        fs::write(base.join("outside"), "secret").unwrap();
        fs::write(root.join("requirements/base.txt"), "idna").unwrap();
        symlink("requirements/base.txt", root.join("requirements.txt")).unwrap();
        symlink("../outside", root.join("pyproject.toml")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let text = |path: &str| find(&root, path).map(|found| read_text(&found).unwrap());
        assert_eq!(text("requirements.txt").as_deref(), Some("idna"));
        for path in ["pyproject.toml", "loop", "requirements", "absent", "../outside"] {
            assert_eq!(text(path), None, "{path}");
        }
        let mut paths = Vec::new();
        list(&root, Path::new(""), &mut paths).unwrap();
        assert_eq!(paths, ["requirements/base.txt"]);
        fs::remove_dir_all(base).unwrap();
    }
}
