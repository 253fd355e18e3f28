//! The shared document: one text or many, and what belongs to them, in a Yjs document.
//!
//! `code` is the text that everybody starts with; `files` maps paths to texts; `meta` holds `lang`, `entrypoint` and
//! `packages`. Offsets in texts are in UTF-16 code units, as in JavaScript.

use crate::admission::{self, Unsound};
use crate::change::Change;
use crate::ledger::{Entered, Ledger};
use crate::limits::{MAX_DOCUMENT_BYTES, MAX_TEXT_BYTES};
use crate::place::Place;
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

/// The name of the one text.
pub const CODE: &str = "code";
const FILES: &str = "files";
const META: &str = "meta";
/// An update that changes nothing.
pub const NOTHING: &[u8] = &[0, 0];

/// See the module.
pub struct Document {
    doc: Doc,
    code: TextRef,
    files: MapRef,
    meta: MapRef,
    ledger: Ledger,
    /// The text of `code`, until it changes.
    text: OnceCell<String>,
    /// At most this many bytes are in the encoded document.
    weight: usize,
}

/// What applying an update came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is in the document. This is what it changed, as an update of its own, to be stored and passed on; `None`
    /// where it brought nothing new.
    Changed(Option<Vec<u8>>),
    /// It builds upon something that is not here, and was not applied.
    NotReady,
    /// It was not applied, because the document would grow beyond its limits.
    TooLarge,
    /// It was not applied, or not to its end; what it changed until then is to be stored and passed on.
    Unsound(&'static str, Option<Vec<u8>>),
}

/// What is known of a program beside its texts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    pub lang: Option<String>,
    pub entrypoint: Option<String>,
    #[serde(default)]
    pub packages: Vec<String>,
}

impl Document {
    /// An empty document. Edits of our own count as those of `client`, which no other document of the room may use.
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
            ledger: Ledger::new(&[CODE], &[FILES, META]),
            text: OnceCell::new(),
            weight: NOTHING.len(),
        }
    }

    /// Applies an update of a stranger.
    pub fn apply(&mut self, update: &[u8]) -> Applied {
        let parts = match admission::read(update) {
            Ok(parts) => parts,
            Err(Unsound(why)) => return Applied::Unsound(why, None),
        };
        let Ok(decoded) = Update::decode_v1(update) else {
            return Applied::Unsound("it cannot be decoded", None);
        };
        let text_bytes = self.ledger.new_text_bytes(&parts);
        if text_bytes > 0 && self.code().len() + text_bytes > MAX_TEXT_BYTES || !self.has_room_for(update.len()) {
            return Applied::TooLarge;
        }
        match self.ledger.enter(&parts) {
            Ok(Entered::Ready) => {}
            Ok(Entered::NotReady) => return Applied::NotReady,
            Err(Unsound(why)) => return Applied::Unsound(why, None),
        }
        let (sound, change) = self.change(|txn| {
            let sound = txn.apply_update(decoded).is_ok();
            // What is ready leaves nothing behind; should it nevertheless, it must not pile up.
            txn.prune_pending();
            sound
        });
        if sound { Applied::Changed(change) } else { Applied::Unsound("it does not fit the document", change) }
    }

    /// Applies what this document itself gave before it was stored.
    pub fn restore(&mut self, update: &[u8]) -> bool {
        let Ok(decoded) = Update::decode_v1(update) else { return false };
        if !self.enter(update) {
            return false;
        }
        self.weight += update.len();
        self.change(|txn| txn.apply_update(decoded).is_ok()).0
    }

    /// The text of `code`.
    pub fn code(&self) -> &str {
        self.text.get_or_init(|| self.code.get_string(&self.doc.transact()))
    }

    /// Changes `code`; `change` starts from what it is. Gives what changed as an update.
    pub fn edit(&mut self, change: &Change) -> Option<Vec<u8>> {
        let (code, text) = (self.code.clone(), self.code().to_owned());
        let update = self.change(|txn| edit(txn, &code, &text, change)).1;
        self.enter_own(update)
    }

    /// Whether `code` may become `bytes` long by inserting `inserted` bytes.
    pub fn admits(&mut self, bytes: usize, inserted: usize) -> bool {
        inserted == 0 || bytes <= MAX_TEXT_BYTES && self.has_room_for(inserted)
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

    /// `lang`, `entrypoint` and `packages`, where they are what they should be.
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

    /// Changes what differs from `meta`.
    pub fn set_meta(&mut self, meta: &Meta) -> Option<Vec<u8>> {
        let (now, map) = (self.meta(), self.meta.clone());
        if now == *meta {
            return None;
        }
        let update = self.change(|txn| {
            for (name, old, new) in [("lang", &now.lang, &meta.lang), ("entrypoint", &now.entrypoint, &meta.entrypoint)]
            {
                match new {
                    Some(text) if old != new => drop(map.insert(txn, name, text.as_str())),
                    None if old.is_some() => drop(map.remove(txn, name)),
                    _ => {}
                }
            }
            if now.packages != meta.packages {
                let packages: Vec<Any> = meta.packages.iter().map(|text| Any::from(text.as_str())).collect();
                map.insert(txn, "packages", Any::from(packages));
            }
        });
        self.weight += update.1.as_ref().map_or(0, Vec::len);
        self.enter_own(update.1)
    }

    /// The whole document as one update.
    pub fn snapshot(&mut self) -> Vec<u8> {
        let snapshot = self.doc.transact().encode_state_as_update_v1(&StateVector::default());
        self.weight = snapshot.len();
        snapshot
    }

    /// What is known of each client, encoded.
    pub fn state_vector(&self) -> Vec<u8> {
        use yrs::updates::encoder::Encode;
        self.doc.transact().state_vector().encode_v1()
    }

    /// What somebody lacks who knows this much of each client.
    pub fn missing(&self, known: &[(u64, u32)]) -> Vec<u8> {
        let txn = self.doc.transact();
        let have = txn.state_vector();
        // Whoever knows more of a client than we do lacks nothing of it.
        let known =
            known.iter().map(|&(client, clock)| (ClientID::new(client), clock.min(have.get(&ClientID::new(client)))));
        txn.encode_state_as_update_v1(&known.collect())
    }

    /// The place at an offset in `code`, which stays with the text around it.
    pub fn place_at(&self, offset: u32) -> Place {
        let txn = self.doc.transact();
        let offset = offset.min(self.code.len(&txn));
        let sticky = self.code.sticky_index(&txn, offset, Assoc::After);
        Place::in_code(sticky.and_then(|sticky| sticky.id().map(|id| (id.client.get(), id.clock))))
    }

    /// The offset of a place in `code`; `None` where it is in another text, or unknown.
    pub fn offset_of(&self, place: &Place) -> Option<u32> {
        let txn = self.doc.transact();
        let Some((client, clock)) = place.id() else {
            return place.is_in_code().then(|| if place.is_before() { 0 } else { self.code.len(&txn) });
        };
        let id = yrs::ID::new(ClientID::new(client), clock);
        if clock >= txn.state_vector().get(&id.client) {
            return None;
        }
        let assoc = if place.is_before() { Assoc::Before } else { Assoc::After };
        let offset = StickyIndex::new(IndexScope::Relative(id), assoc).get_offset(&txn)?;
        (offset.branch == BranchPtr::from(AsRef::<Branch>::as_ref(&self.code))).then_some(offset.index)
    }

    fn enter(&mut self, update: &[u8]) -> bool {
        admission::read(update).and_then(|parts| self.ledger.enter(&parts)) == Ok(Entered::Ready)
    }

    /// What we write ourselves is entered like everything else.
    fn enter_own(&mut self, update: Option<Vec<u8>>) -> Option<Vec<u8>> {
        update.inspect(|update| {
            let is_sound = self.enter(update);
            debug_assert!(is_sound, "an edit of our own is sound");
        })
    }

    /// Runs a transaction, and gives what it changed as an update.
    fn change<R>(&mut self, act: impl FnOnce(&mut TransactionMut<'_>) -> R) -> (R, Option<Vec<u8>>) {
        let mut txn = self.doc.transact_mut();
        let result = act(&mut txn);
        txn.commit();
        let update = txn.encode_update_v1();
        drop(txn);
        self.text = OnceCell::new();
        (result, (update != NOTHING).then_some(update))
    }

    /// Whether an update of `bytes` has room; the document is weighed anew only when it might not.
    fn has_room_for(&mut self, bytes: usize) -> bool {
        if self.weight + bytes > MAX_DOCUMENT_BYTES {
            self.snapshot();
        }
        self.weight += bytes;
        self.weight <= MAX_DOCUMENT_BYTES
    }
}

fn edit(txn: &mut TransactionMut<'_>, code: &TextRef, text: &str, change: &Change) {
    let mut chars = text.chars();
    let mut take =
        |count: u64| chars.by_ref().take(usize::try_from(count).unwrap_or(usize::MAX)).map(utf16).sum::<u32>();
    let mut at = 0;
    for step in change.steps() {
        match step {
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
    fn places_are_those_of_yjs() {
        let mut document = Document::new(5);
        document.edit(&diff("", "h\u{1f600}llo"));
        let written = |document: &Document, offset| serde_json::to_value(document.place_at(offset)).unwrap();
        let expected = json!({ "type": null, "tname": "code", "item": { "client": 5, "clock": 3 }, "assoc": 0 });
        assert_eq!(written(&document, 3), expected);
        assert_eq!(written(&document, 6), json!({ "type": null, "tname": "code", "item": null, "assoc": 0 }));
        for offset in [0, 1, 3, 4, 5, 6] {
            assert_eq!(document.offset_of(&document.place_at(offset)), Some(offset));
        }
        let place = document.place_at(4);
        document.edit(&diff("h\u{1f600}llo", "\u{1f601}h\u{1f600}llo"));
        assert_eq!((document.offset_of(&place), document.offset_of(&Place::in_code(None))), (Some(6), Some(8)));
        assert_eq!(document.offset_of(&Place::in_code(Some((5, 99)))), None);
    }
}
