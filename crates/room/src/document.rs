//! The shared program: a Yjs document with its texts and its settings.
//!
//! The root text `code` is the program of a room without files; `files` maps paths to texts; `meta` holds `lang`,
//! `entrypoint` and `packages`. Offsets in texts are in UTF-16 code units, as in JavaScript.

use crate::change::Change;
use crate::limits::{MAX_DOCUMENT_BYTES, MAX_STRUCTS, MAX_TEXT_BYTES};
use crate::relative_position::RelativePosition;
use crate::struct_index::{Inserted, StructIndex};
use crate::update::{self, InvalidUpdate};
use operational_transform::Operation;
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use yrs::branch::{Branch, BranchPtr};
use yrs::types::ToJson;
use yrs::updates::decoder::Decode;
use yrs::{
    Any, Assoc, ClientID, Doc, GetString, IndexScope, IndexedSequence, Map, MapRef, OffsetKind, Options, ReadTxn,
    StateVector, StickyIndex, Text, TextRef, Transact, TransactionMut, Update, WriteTxn,
};

/// The name of the root text.
const CODE: &str = "code";
const FILES: &str = "files";
const META: &str = "meta";
/// The empty update.
pub const EMPTY_UPDATE: &[u8] = &[0, 0];

/// The shared program of a room.
pub struct Document {
    doc: Doc,
    code: TextRef,
    files: MapRef,
    meta: MapRef,
    structs: StructIndex,
    /// The text of `code`, cached until it changes.
    text: OnceCell<String>,
    /// An upper bound of the encoded document's size, in bytes.
    max_bytes: usize,
    /// An upper bound of the number of its structs.
    max_structs: usize,
}

/// The result of [`Document::apply`].
#[derive(Debug, PartialEq, Eq)]
pub enum Applied {
    /// The document changed. The update holds the change alone, to be stored and sent; `None` if nothing was new.
    Changed(Option<Vec<u8>>),
    /// The update refers to structs that the document lacks. The document is unchanged.
    MissingDependencies,
    /// The document would exceed its limits. It is unchanged.
    TooLarge,
    /// The update is invalid. The document may have changed in part; that change has to be stored and sent.
    Invalid(&'static str, Option<Vec<u8>>),
}

/// The settings of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    pub lang: Option<String>,
    pub entrypoint: Option<String>,
    #[serde(default)]
    pub packages: Vec<String>,
}

impl Document {
    /// An empty document. `client` is the Yjs client id of the room's own edits, which no other document may use.
    pub fn new(client: u32) -> Self {
        let options =
            Options { offset_kind: OffsetKind::Utf16, ..Options::with_client_id(ClientID::new(client.into())) };
        let doc = Doc::with_options(options);
        let (code, files, meta) =
            (doc.get_or_insert_text(CODE), doc.get_or_insert_map(FILES), doc.get_or_insert_map(META));
        Self {
            doc,
            code,
            files,
            meta,
            structs: StructIndex::new(&[CODE], &[FILES, META]),
            text: OnceCell::new(),
            max_bytes: EMPTY_UPDATE.len(),
            max_structs: 0,
        }
    }

    /// Applies an untrusted update.
    pub fn apply(&mut self, update: &[u8]) -> Applied {
        let structs = match update::decode(update) {
            Ok(structs) => structs,
            Err(InvalidUpdate(why)) => return Applied::Invalid(why, None),
        };
        let text_bytes = self.structs.new_text_bytes(&structs);
        if text_bytes > 0 && self.code().len() + text_bytes > MAX_TEXT_BYTES
            || !self.has_room_for(update.len(), structs.max_new_structs())
        {
            return Applied::TooLarge;
        }
        // Decoding takes memory for each struct, so it comes after the check of their number.
        let Ok(decoded) = Update::decode_v1(update) else {
            return Applied::Invalid("it cannot be decoded", None);
        };
        match self.structs.insert(&structs) {
            Ok(Inserted::Ready) => {}
            Ok(Inserted::MissingDependencies) => return Applied::MissingDependencies,
            Err(InvalidUpdate(why)) => return Applied::Invalid(why, None),
        }
        let (is_applied, change) = self.change(|txn| {
            let is_applied = txn.apply_update(decoded).is_ok();
            // An update with all its dependencies leaves nothing pending. Should it do so, pending structs must not pile up.
            txn.prune_pending();
            is_applied
        });
        if is_applied { Applied::Changed(change) } else { Applied::Invalid("it does not fit the document", change) }
    }

    /// Applies a stored update or snapshot; `false` if it is unreadable.
    pub fn restore(&mut self, update: &[u8]) -> bool {
        let (Ok(structs), Ok(decoded)) = (update::decode(update), Update::decode_v1(update)) else { return false };
        if self.structs.insert(&structs) != Ok(Inserted::Ready) {
            return false;
        }
        self.max_bytes += update.len();
        self.max_structs += structs.max_new_structs();
        self.change(|txn| txn.apply_update(decoded).is_ok()).0
    }

    /// The text of `code`.
    pub fn code(&self) -> &str {
        self.text.get_or_init(|| self.code.get_string(&self.doc.transact()))
    }

    /// Applies a change to `code` and returns it as an update.
    pub fn edit(&mut self, change: &Change) -> Option<Vec<u8>> {
        let (code, text) = (self.code.clone(), self.code().to_owned());
        let update = self.change(|txn| edit(txn, &code, &text, change)).1;
        self.index_own(update)
    }

    /// Whether `code` may grow to `bytes` bytes by inserting `inserted` bytes.
    pub fn can_insert(&mut self, bytes: usize, inserted: usize) -> bool {
        inserted == 0 || bytes <= MAX_TEXT_BYTES && self.has_room_for(inserted, 1)
    }

    /// The texts of `files`, by path.
    pub fn files(&self) -> BTreeMap<String, String> {
        let txn = self.doc.transact();
        let texts = self.files.iter(&txn).filter_map(|(path, value)| {
            let text = match value {
                yrs::Out::YText(text) => text.get_string(&txn),
                yrs::Out::Any(Any::String(text)) => text.to_string(),
                _ => return None,
            };
            Some((path.to_owned(), text))
        });
        texts.collect()
    }

    /// `lang`, `entrypoint` and `packages`; values of another type are ignored.
    pub fn meta(&self) -> Meta {
        let txn = self.doc.transact();
        let text = |name| match self.meta.get(&txn, name) {
            Some(yrs::Out::Any(Any::String(text))) => Some(text.to_string()),
            _ => None,
        };
        let packages = match self.meta.get(&txn, "packages").map(|value| value.to_json(&txn)) {
            Some(Any::Array(values)) => values.iter().filter_map(as_text).collect(),
            _ => Vec::new(),
        };
        Meta { lang: text("lang"), entrypoint: text("entrypoint"), packages }
    }

    /// Sets the settings that differ and returns the change as an update.
    pub fn set_meta(&mut self, meta: &Meta) -> Option<Vec<u8>> {
        let (current, map) = (self.meta(), self.meta.clone());
        if current == *meta {
            return None;
        }
        let update = self.change(|txn| {
            let texts = [("lang", &current.lang, &meta.lang), ("entrypoint", &current.entrypoint, &meta.entrypoint)];
            for (name, old, new) in texts {
                match new {
                    Some(text) if old != new => drop(map.insert(txn, name, text.as_str())),
                    None if old.is_some() => drop(map.remove(txn, name)),
                    _ => {}
                }
            }
            if current.packages != meta.packages {
                let packages: Vec<Any> = meta.packages.iter().map(|text| Any::from(text.as_str())).collect();
                map.insert(txn, "packages", Any::from(packages));
            }
        });
        self.max_bytes += update.1.as_ref().map_or(0, Vec::len);
        self.index_own(update.1)
    }

    /// The whole document as one update.
    pub fn snapshot(&mut self) -> Vec<u8> {
        let snapshot = self.doc.transact().encode_state_as_update_v1(&StateVector::default());
        self.max_bytes = snapshot.len();
        self.max_structs = update::decode(&snapshot).map_or(0, |structs| structs.count());
        snapshot
    }

    /// The encoded state vector: the next clock of each client.
    pub fn state_vector(&self) -> Vec<u8> {
        use yrs::updates::encoder::Encode;
        self.doc.transact().state_vector().encode_v1()
    }

    /// The update with everything that a peer with this state vector lacks.
    pub fn update_since(&self, state_vector: &[(u64, u32)]) -> Vec<u8> {
        let txn = self.doc.transact();
        let own = txn.state_vector();
        // A peer may be ahead of this document for some clients.
        let common = state_vector.iter().map(|&(client, clock)| {
            let client = ClientID::new(client);
            (client, clock.min(own.get(&client)))
        });
        txn.encode_state_as_update_v1(&common.collect())
    }

    /// The relative position of an offset in `code`.
    pub fn relative_position(&self, offset: u32) -> RelativePosition {
        let txn = self.doc.transact();
        let offset = offset.min(self.code.len(&txn));
        let sticky = self.code.sticky_index(&txn, offset, Assoc::After);
        RelativePosition::in_text(CODE, sticky.and_then(|sticky| sticky.id().map(|id| (id.client.get(), id.clock))))
    }

    /// The offset of a relative position in `code`; `None` if it is in another text, or unknown.
    pub fn offset_of(&self, position: &RelativePosition) -> Option<u32> {
        let txn = self.doc.transact();
        let Some((client, clock)) = position.id() else {
            return position
                .is_end_of(CODE)
                .then(|| if position.sticks_to_previous() { 0 } else { self.code.len(&txn) });
        };
        let id = yrs::ID::new(ClientID::new(client), clock);
        if clock >= txn.state_vector().get(&id.client) {
            return None;
        }
        let assoc = if position.sticks_to_previous() { Assoc::Before } else { Assoc::After };
        let offset = StickyIndex::new(IndexScope::Relative(id), assoc).get_offset(&txn)?;
        (offset.branch == BranchPtr::from(AsRef::<Branch>::as_ref(&self.code))).then_some(offset.index)
    }

    fn index(&mut self, update: &[u8]) -> bool {
        let Ok(structs) = update::decode(update) else { return false };
        self.max_structs += structs.max_new_structs();
        self.structs.insert(&structs) == Ok(Inserted::Ready)
    }

    /// Inserts the room's own update into the index.
    fn index_own(&mut self, update: Option<Vec<u8>>) -> Option<Vec<u8>> {
        update.inspect(|update| {
            let is_valid = self.index(update);
            debug_assert!(is_valid, "the room's own edits are valid");
        })
    }

    /// Runs a transaction and returns its changes as an update.
    fn change<R>(&mut self, act: impl FnOnce(&mut TransactionMut<'_>) -> R) -> (R, Option<Vec<u8>>) {
        let mut txn = self.doc.transact_mut();
        let result = act(&mut txn);
        txn.commit();
        let update = txn.encode_update_v1();
        drop(txn);
        self.text = OnceCell::new();
        (result, (update != EMPTY_UPDATE).then_some(update))
    }

    /// Whether an update with so many bytes and structs fits. The document is encoded only when an upper bound exceeds its
    /// limit.
    fn has_room_for(&mut self, bytes: usize, structs: usize) -> bool {
        if self.max_bytes + bytes > MAX_DOCUMENT_BYTES || self.max_structs + structs > MAX_STRUCTS {
            self.snapshot();
        }
        let fits = self.max_bytes + bytes <= MAX_DOCUMENT_BYTES && self.max_structs + structs <= MAX_STRUCTS;
        if fits {
            self.max_bytes += bytes;
            self.max_structs += structs;
        }
        fits
    }
}

fn edit(txn: &mut TransactionMut<'_>, code: &TextRef, text: &str, change: &Change) {
    let mut chars = text.chars();
    let mut take =
        |count: u64| chars.by_ref().take(usize::try_from(count).unwrap_or(usize::MAX)).map(utf16).sum::<u32>();
    let mut at = 0;
    for operation in change.operations() {
        match operation {
            Operation::Retain(count) => at += take(*count),
            Operation::Delete(count) => code.remove_range(txn, at, take(*count)),
            Operation::Insert(text) => {
                code.insert(txn, at, text);
                at += text.chars().map(utf16).sum::<u32>();
            }
        }
    }
}

fn utf16(character: char) -> u32 {
    if character > '\u{ffff}' { 2 } else { 1 }
}

fn as_text(value: &Any) -> Option<String> {
    match value {
        Any::String(text) => Some(text.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::diff;
    use serde_json::json;

    #[test]
    fn relative_positions_are_those_of_yjs() {
        let mut document = Document::new(5);
        document.edit(&diff("", "h\u{1f600}llo"));
        let written = |document: &Document, offset| serde_json::to_value(document.relative_position(offset)).unwrap();
        let expected = json!({ "type": null, "tname": "code", "item": { "client": 5, "clock": 3 }, "assoc": 0 });
        assert_eq!(written(&document, 3), expected);
        assert_eq!(written(&document, 6), json!({ "type": null, "tname": "code", "item": null, "assoc": 0 }));
        for offset in [0, 1, 3, 4, 5, 6] {
            assert_eq!(document.offset_of(&document.relative_position(offset)), Some(offset));
        }
        let position = document.relative_position(4);
        document.edit(&diff("h\u{1f600}llo", "\u{1f601}h\u{1f600}llo"));
        assert_eq!(
            (document.offset_of(&position), document.offset_of(&RelativePosition::in_text(CODE, None))),
            (Some(6), Some(8))
        );
        assert_eq!(document.offset_of(&RelativePosition::in_text(CODE, Some((5, 99)))), None);
    }
}
