//! Reads the files that runs have handed back, by their links.

use crate::app::context::App;
use crate::domain::run::artifact_link::ValidLink;
use crate::ports::PortError;
use crate::ports::artifacts::StoredFile;
use crate::ports::sandboxes::ByteStream;
use docle_protocol::byte_range::{self, Asked};

/// What a caller gets of a file.
pub enum Given {
    Whole(ByteStream),
    /// `length` bytes from `offset` on.
    Part {
        offset: u64,
        length: u64,
        bytes: ByteStream,
    },
    /// Nothing: the caller wants to know about the file, or has it already.
    Nothing,
    /// The file has no such part.
    Unsatisfiable,
}

/// What a caller asks for.
pub struct Wanted<'a> {
    /// The SHA-256 of a file that the caller has; `"*"` stands for any.
    pub has: Option<&'a str>,
    /// The header `Range`.
    pub range: Option<&'a str>,
    /// The SHA-256 without which the range does not count; `None` if it always does.
    pub range_of: Option<&'a str>,
    /// Whether the content is wanted at all.
    pub content: bool,
}

/// A file, as far as the caller wants it; `None` if it was deleted.
pub async fn read_artifact(
    app: &App,
    link: ValidLink,
    wanted: Wanted<'_>,
) -> Result<Option<(StoredFile, Given)>, PortError> {
    let ValidLink { id, index, .. } = link;
    let Wanted { has, range, range_of, content } = wanted;
    if content && has.is_none() && range.is_none() {
        let found = app.artifacts.read(id, index, None).await?;
        return Ok(found.map(|(file, bytes)| (file, Given::Whole(bytes))));
    }
    let Some(file) = app.artifacts.head(id, index).await? else { return Ok(None) };
    if !content || has.is_some_and(|has| has == "*" || has == file.sha256) {
        return Ok(Some((file, Given::Nothing)));
    }
    let range = range.filter(|_| range_of.is_none_or(|sha256| sha256 == file.sha256));
    let part = match byte_range::parse(range.unwrap_or_default(), file.size) {
        Asked::Whole => None,
        Asked::Part { offset, length } => Some((offset, length)),
        Asked::Unsatisfiable => return Ok(Some((file, Given::Unsatisfiable))),
    };
    let found = app.artifacts.read(id, index, part).await?;
    Ok(found.map(|(file, bytes)| match part {
        None => (file, Given::Whole(bytes)),
        Some((offset, length)) => (file, Given::Part { offset, length, bytes }),
    }))
}
