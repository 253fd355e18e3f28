//! A place in a text that stays with the characters around it: Yjs's relative position, in its JSON.

use crate::document::CODE;
use serde::{Deserialize, Serialize};

/// A relative position. What is absent is written as null, because editors compare with null: a position at the end of
/// a text that lacks `item` would be taken for one whose item is undefined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The text, where it is a part of something else.
    #[serde(default)]
    r#type: Option<Id>,
    /// The text, where it has a name.
    #[serde(default)]
    tname: Option<String>,
    /// The character; the end of the text where there is none.
    #[serde(default)]
    item: Option<Id>,
    /// Negative: with the character before; else with the one after.
    #[serde(default)]
    assoc: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Id {
    client: u64,
    clock: u32,
}

impl Place {
    /// The place before a character of `code`, or at its end.
    pub fn in_code(item: Option<(u64, u32)>) -> Self {
        let item = item.map(|(client, clock)| Id { client, clock });
        Self { r#type: None, tname: Some(CODE.to_owned()), item, assoc: 0 }
    }

    /// The character, as client and clock.
    pub fn id(&self) -> Option<(u64, u32)> {
        self.item.filter(|id| id.client <= crate::lib0::MAX_NUMBER).map(|id| (id.client, id.clock))
    }

    /// Whether a place without a character is in `code`.
    pub fn is_in_code(&self) -> bool {
        self.item.is_none() && self.tname.as_deref() == Some(CODE)
    }

    /// Whether it belongs to what stands before it.
    pub fn is_before(&self) -> bool {
        self.assoc < 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn place_format_unchanged() {
        let end = json!({ "type": null, "tname": "code", "item": null, "assoc": 0 });
        assert_eq!(serde_json::to_value(Place::in_code(None)).unwrap(), end);
        let at = json!({ "type": null, "tname": "code", "item": { "client": 1, "clock": 2 }, "assoc": 0 });
        assert_eq!(serde_json::to_value(Place::in_code(Some((1, 2)))).unwrap(), at);
        let short: Place = serde_json::from_value(json!({ "tname": "code", "item": null })).unwrap();
        assert_eq!(short, Place::in_code(None));
    }
}
