//! Reads the files that a program hands back.

use docle_protocol::limits::{
    MAX_ARTIFACT_BYTES, MAX_ARTIFACTS_BYTES, MAX_INLINE_ARTIFACT_BYTES, MAX_INLINE_ARTIFACTS_BYTES,
};
use docle_protocol::report::{Artifact, ArtifactError};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;

/// A file that a program hands back, and its content if it was read.
#[derive(Debug)]
pub struct Collected {
    pub artifact: Artifact,
    pub content: Option<Vec<u8>>,
    /// Whether the result is to contain the content.
    pub is_inline: bool,
}

/// Reads open files, in their order: at most [`MAX_ARTIFACTS_BYTES`]. With `inline` the result is to contain small ones.
pub async fn read(files: Vec<(String, OwnedFd)>, inline: bool) -> Vec<Collected> {
    if files.is_empty() {
        return Vec::new();
    }
    // The files lie in memory or on a disk of the machine.
    let work = move || {
        let mut room = Room { bytes: MAX_ARTIFACTS_BYTES, inline: inline.then_some(MAX_INLINE_ARTIFACTS_BYTES) };
        files.into_iter().map(|(name, file)| room.read(name, file.into())).collect()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}

/// What further files may take.
struct Room {
    bytes: u64,
    /// `None` if no content is wanted.
    inline: Option<u64>,
}

impl Room {
    fn read(&mut self, name: String, file: File) -> Collected {
        let size = file.metadata().map_or(0, |status| status.len());
        let mime_type = mime_type(&name).to_owned();
        let mut artifact = Artifact { name, size, mime_type, sha256: None, url: None, base64: None, error: None };
        let unread = |artifact, error| {
            let artifact = Artifact { error: Some(error), ..artifact };
            Collected { artifact, content: None, is_inline: false }
        };
        if size > MAX_ARTIFACT_BYTES {
            return unread(artifact, ArtifactError::TooLarge);
        }
        if size > self.bytes {
            return unread(artifact, ArtifactError::TooManyBytes);
        }
        let (is_inline, error) = match self.inline {
            None => (false, None),
            Some(_) if size > MAX_INLINE_ARTIFACT_BYTES => (false, Some(ArtifactError::TooLargeToInline)),
            Some(room) if size > room => (false, Some(ArtifactError::InlineFull)),
            Some(_) => (true, None),
        };
        let Ok((sha256, content)) = read_whole(file.take(size), size) else {
            return unread(artifact, ArtifactError::Unreadable);
        };
        self.bytes -= size;
        if let (Some(room), true) = (&mut self.inline, is_inline) {
            *room -= size;
        }
        (artifact.sha256, artifact.error) = (Some(sha256), error);
        Collected { artifact, content: Some(content), is_inline }
    }
}

/// SHA-256 of what `input` has, and all of it: `size` bytes.
fn read_whole(mut input: impl Read, size: u64) -> io::Result<(String, Vec<u8>)> {
    let mut content = Vec::with_capacity(size as usize);
    input.read_to_end(&mut content)?;
    if content.len() as u64 != size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((hex::encode(Sha256::digest(&content)), content))
}

/// The MIME type of a file with this name.
fn mime_type(name: &str) -> &'static str {
    let ending = name.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, ending)| ending);
    let ending = ending.to_ascii_lowercase();
    MIME_TYPES.iter().find(|(known, _)| *known == ending).map_or("application/octet-stream", |(_, mime_type)| mime_type)
}

/// What programs write most. Everything else is bytes.
const MIME_TYPES: [(&str, &str); 31] = [
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ico", "image/x-icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("log", "text/plain"),
    ("md", "text/markdown"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("parquet", "application/vnd.apache.parquet"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("py", "text/x-python"),
    ("sqlite", "application/vnd.sqlite3"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tsv", "text/tab-separated-values"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webp", "image/webp"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
    ("zip", "application/zip"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Seek, Write};

    fn file(bytes: u64) -> OwnedFd {
        let path = std::env::temp_dir().join(format!("docle-artifact-{}-{bytes}", std::process::id()));
        let mut file = File::options().read(true).write(true).create(true).truncate(true).open(&path).unwrap();
        file.write_all(&vec![b'x'; bytes as usize]).unwrap();
        file.rewind().unwrap();
        std::fs::remove_file(path).unwrap();
        file.into()
    }

    async fn errors(sizes: &[u64], inline: bool) -> Vec<(Option<ArtifactError>, bool, bool)> {
        let files = sizes.iter().enumerate().map(|(n, &bytes)| (format!("{n}"), file(bytes))).collect();
        let read = read(files, inline).await;
        read.into_iter().map(|file| (file.artifact.error, file.content.is_some(), file.is_inline)).collect()
    }

    #[tokio::test]
    async fn files_are_hashed_and_read() {
        let [file] = &read(vec![("out/A.PNG".into(), file(3))], true).await[..] else { panic!("one file") };
        let artifact = Artifact {
            name: "out/A.PNG".into(),
            size: 3,
            mime_type: "image/png".into(),
            sha256: Some("cd2eb0837c9b4c962c22d2ff8b5441b7b45805887f051d39bf133b583baf6860".into()),
            url: None,
            base64: None,
            error: None,
        };
        assert_eq!((&file.artifact, file.content.as_deref()), (&artifact, Some(&b"xxx"[..])));
        assert_eq!(errors(&[0, 3], false).await, [(None, true, false); 2]);
    }

    #[tokio::test]
    async fn limits_are_for_each_file_and_for_all() {
        let (each, inline) = (MAX_ARTIFACT_BYTES, MAX_INLINE_ARTIFACT_BYTES);
        use ArtifactError::*;
        assert_eq!(
            errors(&[each, each + 1, each, each, 1], false).await,
            [
                (None, true, false),
                (Some(TooLarge), false, false),
                (None, true, false),
                (Some(TooManyBytes), false, false),
                (None, true, false),
            ]
        );
        assert_eq!(
            errors(&[inline + 1, inline, inline, inline, inline - 1, 2, 1], true).await,
            [
                (Some(TooLargeToInline), true, false),
                (None, true, true),
                (None, true, true),
                (None, true, true),
                (None, true, true),
                (Some(InlineFull), true, false),
                (None, true, true),
            ]
        );
    }

    #[test]
    fn what_is_unknown_is_bytes() {
        for (name, expected) in [
            ("a.csv", "text/csv"),
            ("a.b/c", "application/octet-stream"),
            ("a.tar.gz", "application/gzip"),
            ("csv", "application/octet-stream"),
            ("a.exe", "application/octet-stream"),
        ] {
            assert_eq!(mime_type(name), expected, "{name}");
        }
    }
}
