//! The files of a sandbox at one time: a tree. It never changes.
//!
//! A [`Manifest`] lists every file with its mode, time and content. Content is a list of chunks, each named by the BLAKE3 hash
//! of its bytes. Compressed chunks lie one after another in packs of at most [`MAX_PACK_BYTES`]. A tree names the packs of
//! earlier trees where those hold its chunks, so that a save sends only what is new.
//!
//! | who | does |
//! |---|---|
//! | runner | [`save`]: an archive and the manifest before → new packs and a manifest |
//! | runner | [`restore`]: a manifest and its packs → an archive |
//! | runner, and the worker in a sandbox | [`patch`]: two manifests → what becomes of each path that differs |
//! | Worker | stores packs and parts of manifests, and passes them on; [`frame`] is how they travel |
//!
//! The modules read what may be hostile: a runner that is broken, or a stored object that was damaged. Every size is checked
//! before it is used, every chunk against its hash, and no path leaves the place where files are restored.

pub mod archive;
pub mod chunk;
mod compression;
pub mod edit;
pub mod export;
pub mod frame;
mod limits;
pub mod manifest;
pub mod merge;
pub mod patch;
#[cfg(feature = "runner")]
pub mod restore;
pub mod room;
#[cfg(feature = "runner")]
pub mod save;
pub mod text;

pub use frame::{Frame, FrameReader, TreeSummary};
pub use limits::{MAX_FILE_BYTES, MAX_MANIFEST_BYTES, MAX_PACK_BYTES, MAX_PATH_BYTES};
pub use manifest::{Chunk, Content, Entry, Manifest, Pack, PackName, Time};
