//! Entries of tar archives with extended headers: times have nanoseconds, names have every byte and any length.

use crate::manifest::{Content, Entry, Time};
use std::io::{self, Read, Write};
use tar::{Builder, EntryType, Header};

/// Bytes of a name, or of a link's target, in a plain header.
const NAME: usize = 100;
/// Bytes of an extended header: a name and the target of a link, each as long as the kernel takes.
const MAX_EXTENSIONS: u64 = 64 << 10;

/// What an archive says of one entry.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    pub path: &'a [u8],
    pub kind: EntryType,
    pub target: Option<&'a [u8]>,
    pub mode: u32,
    pub time: Time,
    /// Bytes of the content that follows.
    pub size: u64,
}

impl<'a> Head<'a> {
    /// That of an entry of a tree.
    pub fn of(entry: &'a Entry) -> Self {
        let (kind, target, size) = match &entry.content {
            Content::File { size, .. } => (EntryType::Regular, None, *size),
            Content::Directory => (EntryType::Directory, None, 0),
            Content::Symlink(target) => (EntryType::Symlink, Some(target.as_slice()), 0),
            Content::HardLink(target) => (EntryType::Link, Some(target.as_slice()), 0),
            Content::Fifo => (EntryType::Fifo, None, 0),
        };
        Self { path: &entry.path, kind, target, mode: entry.mode, time: entry.time, size }
    }
}

/// Adds an entry with its content.
pub fn append(builder: &mut Builder<impl Write>, head: &Head, content: impl Read) -> io::Result<()> {
    let header = append_extensions(builder, head)?;
    builder.append(&header, content)
}

/// The bytes of an entry before its content.
pub fn head_bytes(head: &Head) -> io::Result<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    let header = append_extensions(&mut builder, head)?;
    let mut bytes = std::mem::take(builder.get_mut());
    bytes.extend_from_slice(header.as_bytes());
    Ok(bytes)
}

/// Adds the extended header of an entry, and gives the plain one.
fn append_extensions(builder: &mut Builder<impl Write>, head: &Head) -> io::Result<Header> {
    let Head { path, kind, target, mode, time, size } = *head;
    let written = format!("{}.{:09}", time.seconds, time.nanoseconds);
    let mut extensions = vec![("mtime", written.as_bytes())];
    extensions.extend((path.len() > NAME).then_some(("path", path)));
    extensions.extend(target.filter(|target| target.len() > NAME).map(|target| ("linkpath", target)));
    builder.append_pax_extensions(extensions)?;
    let mut header = Header::new_ustar();
    let plain = header.as_old_mut();
    fill(&mut plain.name, path);
    fill(&mut plain.linkname, target.unwrap_or_default());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_mtime(time.seconds.max(0) as u64);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

fn fill(field: &mut [u8; NAME], value: &[u8]) {
    let length = value.len().min(NAME);
    field[..length].copy_from_slice(&value[..length]);
}

/// What extended headers say about the entry after them.
#[derive(Debug, Default)]
pub struct Extensions {
    pub path: Option<Vec<u8>>,
    pub target: Option<Vec<u8>>,
    pub time: Option<Time>,
}

impl Extensions {
    /// Reads an entry that is about the one after it; `None` if it is none.
    pub fn read(&mut self, kind: EntryType, entry: &mut impl Read) -> Option<io::Result<()>> {
        let is_known = kind.is_pax_local_extensions() || kind.is_gnu_longname() || kind.is_gnu_longlink();
        if !is_known {
            // What is said about all entries is nothing that we read.
            return kind.is_pax_global_extensions().then_some(Ok(()));
        }
        let mut text = Vec::new();
        if let Err(error) = entry.take(MAX_EXTENSIONS).read_to_end(&mut text) {
            return Some(Err(error));
        }
        if kind.is_pax_local_extensions() {
            let wrong = || io::Error::new(io::ErrorKind::InvalidData, "an extended header is unreadable");
            return Some(self.read_records(&text).ok_or_else(wrong));
        }
        let value = text.split(|&byte| byte == 0).next().map(<[u8]>::to_vec);
        match kind.is_gnu_longname() {
            true => self.path = value,
            false => self.target = value,
        }
        Some(Ok(()))
    }

    /// Reads records of `length name=value` and a line feed. The length counts, because a value may have line feeds.
    fn read_records(&mut self, mut text: &[u8]) -> Option<()> {
        while !text.is_empty() {
            let blank = text.iter().position(|&byte| byte == b' ')?;
            let length: usize = str::from_utf8(&text[..blank]).ok()?.parse().ok()?;
            let record = text.get(blank + 1..length)?.strip_suffix(b"\n")?;
            let equal = record.iter().position(|&byte| byte == b'=')?;
            let value = record[equal + 1..].to_vec();
            match &record[..equal] {
                b"path" => self.path = Some(value),
                b"linkpath" => self.target = Some(value),
                b"mtime" => self.time = Some(read_time(str::from_utf8(&value).ok()?)?),
                _ => {}
            }
            text = &text[length..];
        }
        Some(())
    }
}

/// Seconds with up to nine decimals.
fn read_time(text: &str) -> Option<Time> {
    let (seconds, decimals) = text.split_once('.').unwrap_or((text, ""));
    let nanoseconds = format!("{decimals:0<9.9}").parse().ok()?;
    Some(Time { seconds: seconds.parse().ok()?, nanoseconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_a_line_end_was_two_records() {
        let mut extensions = Extensions::default();
        extensions.read_records(b"14 path=a\nb=c\n29 mtime=1700000000.12345678\n").unwrap();
        assert_eq!(extensions.path.as_deref(), Some(&b"a\nb=c"[..]));
        assert_eq!(extensions.time, Some(Time { seconds: 1_700_000_000, nanoseconds: 123_456_780 }));
        for wrong in [&b"x"[..], b"5 a=", b"99 a=b\n", b"3 a\n", b"-1 a=b\n"] {
            assert!(Extensions::default().read_records(wrong).is_none(), "{wrong:?}");
        }
    }
}
