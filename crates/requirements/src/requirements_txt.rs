//! `requirements.txt`: the lines of pip's format that name packages.

use crate::listed::{Lines, Listed, place};
use crate::package;
use docle_api::errors::shown;
use docle_languages::PackageTool;

pub const NAME: &str = "requirements.txt";

/// Reads the file. Lines that could reach anything but the package index are refused.
pub fn read(text: &str) -> Lines {
    logical_lines(text).into_iter().map(|(number, line)| read_line(&line, place(number, NAME))).collect()
}

fn read_line(line: &str, place: String) -> Result<Listed, String> {
    let refused = |why: &str| Err(format!("{place} {why}: \"{}\"", shown(line)));
    let is_path = || line.starts_with(['.', '/', '~']) || line.contains('\\') || line.contains('/');
    if line.starts_with('-') {
        return refused("is an option, and only packages of the index are installed; remove it");
    }
    if line.contains("://") || line.starts_with("git+") || line.contains('@') {
        return refused("names a URL, and only packages of the index are installed; write a name with a version");
    }
    if line.contains(" --") {
        return refused("has options after the package; leave only the name and the version");
    }
    if line.contains(';') {
        return refused(
            "has an environment marker after \";\", which is not supported; leave only the name and the version",
        );
    }
    if is_path() {
        return refused("names a path, and only packages of the index are installed; write a name with a version");
    }
    match package::parse(PackageTool::Pip, line) {
        Ok(requirement) => Ok(Listed { requirement, place }),
        Err(clause) => Err(format!("{place} {clause}; got \"{}\"", shown(line))),
    }
}

/// The lines with their numbers: without comments and empty lines, and each joined with those that continue it after `\`.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, mut joined) = open.take().unwrap_or((index + 1, String::new()));
        let line = without_comment(line);
        match line.strip_suffix('\\') {
            Some(part) => {
                joined += part;
                open = Some((number, joined));
            }
            None => {
                joined += line;
                lines.push((number, joined));
            }
        }
    }
    lines.extend(open);
    let trimmed = lines.into_iter().map(|(number, line)| (number, line.trim().to_owned()));
    trimmed.filter(|(_, line)| !line.is_empty()).collect()
}

/// A comment starts a line or follows a blank.
fn without_comment(line: &str) -> &str {
    let starts = |at: &usize| *at == 0 || line[..*at].ends_with(char::is_whitespace);
    let comment = line.match_indices('#').map(|(at, _)| at).find(starts);
    comment.map_or(line, |at| &line[..at])
}
