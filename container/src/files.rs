//! The files of a job, as a jail takes them.

use crate::jail::launch::Content;
use docle_protocol::SourceFile;
use docle_protocol::file::{NotBase64, file_bytes};
use std::io;

/// What the files of a job hold.
pub fn contents(files: Vec<SourceFile>) -> io::Result<Vec<(String, Content)>> {
    let files = files.into_iter().map(|file| Ok((file.path.clone(), Content(file_bytes(file)?))));
    files.collect::<Result<_, NotBase64>>().map_err(io::Error::other)
}
