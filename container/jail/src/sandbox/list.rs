//! The entries of a directory, and of those below it.

use super::entry::{Done, Entry, described, names};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Entries and bytes of paths in one answer.
const MAX_ENTRIES: usize = 100_000;
const MAX_ANSWER: usize = 16 << 20;

/// What has been found so far.
pub struct List {
    recursive: bool,
    include_hidden: bool,
    limit: usize,
    entries: Vec<Entry>,
    bytes: usize,
    more: bool,
}

impl List {
    /// A list of at most so many entries.
    pub fn new(recursive: bool, include_hidden: bool, limit: usize) -> Self {
        let limit = limit.min(MAX_ENTRIES);
        Self { recursive, include_hidden, limit, entries: Vec::new(), bytes: 0, more: false }
    }

    /// What a directory has, by name. Links are not followed.
    pub fn of(mut self, top: &Path) -> io::Result<Done> {
        let mut left = vec![names(top)?.into_iter()];
        let mut above = vec![top.to_owned()];
        while let (Some(names_left), Some(directory)) = (left.last_mut(), above.last()) {
            let Some(name) = names_left.next() else {
                left.pop();
                above.pop();
                continue;
            };
            if !self.include_hidden && name.as_bytes().starts_with(b".") {
                continue;
            }
            let path = directory.join(&name);
            // It may have gone meanwhile.
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            self.bytes += path.as_os_str().len() + 64;
            if self.entries.len() >= self.limit || self.bytes > MAX_ANSWER {
                self.more = true;
                break;
            }
            let target = if found.is_symlink() { fs::read_link(&path).ok() } else { None };
            self.entries.push(described(&path, &found, target));
            if self.recursive && found.is_dir() {
                // What may not be read has no entries.
                left.push(names(&path).unwrap_or_default().into_iter());
                above.push(path);
            }
        }
        Ok(Done::Entries { entries: self.entries, more: self.more })
    }
}
