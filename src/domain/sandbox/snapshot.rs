//! Requests about snapshots.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::Reader;
use crate::domain::key::settings::read_name;
use crate::domain::sandbox::settings::read_key;
use docle_api::fields;
use docle_api::limits::MAX_RESTORED_PATHS;
use docle_api::snapshots::{BranchSettings, MergeRequest, SnapshotRestore, SnapshotSettings};
use serde_json::Value;

/// A sandbox to make of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Branch {
    pub snapshot: Option<String>,
    pub name: Option<String>,
    pub key: Option<String>,
}

/// Reads the body that makes a snapshot: its name.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_snapshot(body: Value) -> Result<Option<String>, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<SnapshotSettings>();
    let name = Reader::open(body, String::new(), known, &mut problems).map(|mut fields| read_name(&mut fields));
    problems.conclude(name)
}

/// Reads the body that restores a snapshot: paths below the root; `None` for everything.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_restore(body: Value) -> Result<Option<Vec<String>>, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<SnapshotRestore>();
    let paths = Reader::open(body, String::new(), known, &mut problems).map(|mut fields| {
        let paths = fields.strings("paths", MAX_RESTORED_PATHS)?;
        if paths.is_empty() {
            fields.note("paths", "must name something, or be absent to restore everything");
        }
        let mut read = Vec::with_capacity(paths.len());
        for (index, path) in paths.iter().enumerate() {
            match below_root(path) {
                Some(path) => read.push(path),
                None => fields.note(&format!("paths[{index}]"), "must be a path without \"..\", such as src/main.py"),
            }
        }
        Some(read)
    });
    problems.conclude(paths)
}

/// Reads the body that branches a sandbox.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_branch(body: Value) -> Result<Branch, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<BranchSettings>();
    let branch = Reader::open(body, String::new(), known, &mut problems).map(|mut fields| {
        let snapshot = fields.string("snapshot");
        Branch { snapshot, name: read_name(&mut fields), key: read_key(&mut fields) }
    });
    problems.conclude(branch)
}

/// Reads the body that merges a sandbox: how it names the other one.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_merge(body: Value) -> Result<String, Vec<FieldError>> {
    let mut problems = Problems::default();
    let known = fields::of::<MergeRequest>();
    let from = Reader::open(body, String::new(), known, &mut problems).and_then(|mut fields| {
        if !fields.has("from") {
            fields.note("from", "is required: the id of a sandbox, or \"key:\" and its key");
        }
        fields.string("from")
    });
    problems.conclude(from)
}

/// The path below the root: what is relative lies in `/workspace`.
fn below_root(path: &str) -> Option<String> {
    let absolute = if path.starts_with('/') { path.to_owned() } else { format!("/workspace/{path}") };
    let names: Vec<_> = absolute.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    let is_plain = !names.is_empty() && !names.contains(&"..") && !absolute.contains('\0');
    is_plain.then(|| names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_are_below_the_root() {
        let parsed = parse_restore(json!({ "paths": ["src", "./a//b/", "/home/user/.bashrc", "."] })).unwrap().unwrap();
        assert_eq!(parsed, ["workspace/src", "workspace/a/b", "home/user/.bashrc", "workspace"]);
        assert_eq!(parse_restore(json!({})).unwrap(), None);
        for (wrong, field) in [("../etc", "paths[0]"), ("/", "paths[0]"), ("a\0b", "paths[0]")] {
            assert_eq!(parse_restore(json!({ "paths": [wrong] })).unwrap_err()[0].field, field, "{wrong}");
        }
        assert_eq!(parse_restore(json!({ "paths": [] })).unwrap_err()[0].field, "paths");
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(parse_snapshot(json!({ "name": "" })).unwrap_err()[0].field, "name");
        assert_eq!(parse_branch(json!({ "key": "a b" })).unwrap_err()[0].field, "key");
        assert_eq!(parse_branch(json!({ "from": "a" })).unwrap_err()[0].field, "from");
    }
}
