//! Looks for a text or a regular expression in the names and the content of files.

use super::entry::{Done, Match, Place, names, open};
use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes that a compiled expression may take.
const MAX_PATTERN: usize = 1 << 20;
/// Results of one answer, whatever its caller asks for.
const MAX_MATCHES: usize = 1_000;
/// A larger file is skipped.
const MAX_FILE: u64 = 32 << 20;
/// A file with a NUL among its first bytes is no text.
const LOOKED_AT: usize = 8 << 10;
/// Bytes of a line around a match.
const EXCERPT: usize = 200;
/// The search ends after so long with what it has found.
const TIME: Duration = Duration::from_secs(10);

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    pub text: String,
    pub is_regex: bool,
    /// Whether names that begin with a dot count.
    pub include_hidden: bool,
    pub limit: u32,
}

impl Query {
    /// The expression that is looked for.
    ///
    /// # Errors
    /// It is none, or too large.
    pub fn compile(&self) -> Result<Regex, regex::Error> {
        let pattern = if self.is_regex { self.text.clone() } else { regex::escape(&self.text) };
        RegexBuilder::new(&pattern).size_limit(MAX_PATTERN).build()
    }
}

/// What a search has found so far.
pub struct Search {
    pattern: Regex,
    include_hidden: bool,
    limit: usize,
    /// Of the file system of the directory. Everything else is mounted.
    device: u64,
    until: Instant,
    matches: Vec<Match>,
    more: bool,
}

impl Search {
    /// Searches a directory and everything below it, or a file. Links are not followed.
    ///
    /// # Errors
    /// There is nothing, or the expression is none.
    pub fn of(query: &Query, top: &Path) -> io::Result<Done> {
        let pattern = query.compile().map_err(|_| io::ErrorKind::InvalidInput)?;
        let found = fs::metadata(top)?;
        let mut search = Self {
            pattern,
            include_hidden: query.include_hidden,
            limit: (query.limit as usize).min(MAX_MATCHES),
            device: found.dev(),
            until: Instant::now() + TIME,
            matches: Vec::new(),
            more: false,
        };
        if found.is_dir() {
            search.directory(top)
        } else {
            search.file(top)
        }
        Ok(Done::Matches { matches: search.matches, more: search.more })
    }

    /// In the order of the paths: a directory, then what is in it.
    fn directory(&mut self, top: &Path) {
        let mut left = vec![(top.to_owned(), names(top).unwrap_or_default().into_iter())];
        while let Some((directory, names_left)) = left.last_mut() {
            let Some(name) = names_left.next() else {
                left.pop();
                continue;
            };
            if !self.include_hidden && name.as_bytes().starts_with(b".") {
                continue;
            }
            let path = directory.join(&name);
            // It may have gone meanwhile.
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            if self.pattern.is_match(name.as_bytes()) {
                self.add(&path, None);
            }
            if self.is_over() {
                return;
            }
            if found.is_dir() && found.dev() == self.device {
                // What may not be read has no entries.
                let below = names(&path).unwrap_or_default().into_iter();
                left.push((path, below));
            } else if found.is_file() && found.len() <= MAX_FILE {
                self.file(&path);
            }
        }
    }

    /// Every line that matches, once.
    fn file(&mut self, path: &Path) {
        // What cannot be read has no text.
        let Ok(mut file) = open(path) else { return };
        let mut content = Vec::new();
        if (&mut file).take(LOOKED_AT as u64).read_to_end(&mut content).is_err() || content.contains(&0) {
            return;
        }
        if file.take(MAX_FILE).read_to_end(&mut content).is_err() {
            return;
        }
        for (number, line) in (1..).zip(content.split(|&byte| byte == b'\n')) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let Some(found) = self.pattern.find(line) {
                let before = String::from_utf8_lossy(&line[..found.start()]);
                let column = before.chars().count() as u32 + 1;
                let excerpt = excerpt(line, found.start()).to_vec();
                self.add(path, Some(Place { line: number, column, excerpt }));
            }
            if self.is_over() {
                return;
            }
        }
    }

    fn add(&mut self, path: &Path, at: Option<Place>) {
        if self.matches.len() == self.limit {
            self.more = true;
            return;
        }
        self.matches.push(Match { path: path.as_os_str().as_bytes().to_vec(), at });
    }

    fn is_over(&mut self) -> bool {
        self.more = self.more || Instant::now() >= self.until;
        self.more
    }
}

/// The part of a line around a match, cut between characters.
fn excerpt(line: &[u8], at: usize) -> &[u8] {
    if line.len() <= EXCERPT {
        return line;
    }
    let is_inner = |byte: &u8| byte & 0xc0 == 0x80;
    let mut from = at.saturating_sub(EXCERPT / 4).min(line.len() - EXCERPT);
    let mut to = from + EXCERPT;
    while from < to && line.get(from).is_some_and(is_inner) {
        from += 1;
    }
    while to > from && line.get(to).is_some_and(is_inner) {
        to -= 1;
    }
    &line[from..to]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    fn place(name: &str) -> PathBuf {
        let top = std::env::temp_dir().join(format!("docle-search-{}-{name}", std::process::id()));
        fs::create_dir_all(top.join("src/.hidden")).unwrap();
        fs::write(top.join("src/a.rs"), "one\n\u{fc}\u{fc} needle needle\r\nNeedle\n").unwrap();
        fs::write(top.join("src/needle.txt"), "nothing").unwrap();
        fs::write(top.join("src/.hidden/b"), "needle").unwrap();
        fs::write(top.join("src/binary"), b"needle\0needle").unwrap();
        fs::write(top.join("src/long"), format!("{}needle{}", "\u{fc}".repeat(500), "x".repeat(500))).unwrap();
        symlink("/", top.join("src/root")).unwrap();
        top
    }

    /// `path:line:column:excerpt` of each match.
    fn found(top: &Path, query: &Query) -> (Vec<String>, bool) {
        let Ok(Done::Matches { matches, more }) = Search::of(query, top) else { panic!("no matches") };
        let written = |one: &Match| {
            let path = String::from_utf8_lossy(&one.path).replace(&format!("{}/", top.display()), "");
            one.at.as_ref().map_or(path.clone(), |Place { line, column, excerpt }| {
                format!("{path}:{line}:{column}:{}", str::from_utf8(excerpt).unwrap())
            })
        };
        (matches.iter().map(written).collect(), more)
    }

    fn query(text: &str, is_regex: bool) -> Query {
        Query { text: text.into(), is_regex, include_hidden: true, limit: 100 }
    }

    #[test]
    fn names_and_lines_are_found_with_their_places() {
        let top = place("all");
        let long = format!("src/long:1:501:{}needle{}", "\u{fc}".repeat(25), "x".repeat(144));
        let all = ["src/.hidden/b:1:1:needle", "src/a.rs:2:4:\u{fc}\u{fc} needle needle", &long, "src/needle.txt"];
        assert_eq!(found(&top, &query("needle", false)), (all.map(str::to_owned).into(), false));
        let visible = Query { include_hidden: false, ..query("needle", false) };
        assert_eq!(found(&top, &visible).0, all[1..]);
        let insensitive = found(&top, &query("(?i)^needle$", true)).0;
        assert_eq!(insensitive, ["src/.hidden/b:1:1:needle", "src/a.rs:3:1:Needle"]);
        assert_eq!(found(&top, &query("(?i)^needle$", false)).0, [""; 0]);
        let limited = Query { limit: 2, ..query("needle", false) };
        assert_eq!(found(&top, &limited), (all[..2].iter().map(|one| (*one).to_owned()).collect(), true));
        assert_eq!(found(&top.join("src/a.rs"), &query("one", false)).0.len(), 1);
        fs::remove_dir_all(top).unwrap();
    }

    #[test]
    fn an_expression_that_is_none_or_too_large_is_refused() {
        for wrong in ["(", "a{1000}{1000}", "(?=x)"] {
            assert!(query(wrong, true).compile().is_err(), "{wrong}");
            assert!(query(wrong, false).compile().is_ok(), "{wrong}");
        }
    }

    #[test]
    fn an_expression_that_backtracks_elsewhere_takes_the_time_of_the_text() {
        let top = place("slow");
        fs::write(top.join("a"), "a".repeat(1 << 20)).unwrap();
        assert_eq!(found(&top, &query("(a*)*z$", true)), (Vec::new(), false));
        fs::remove_dir_all(top).unwrap();
    }
}
