//! A position that moves with the text around it: a Yjs relative position, as JSON.

use crate::lib0_encoding::MAX_NUMBER;
use serde::{Deserialize, Serialize};

/// A relative position. Absent fields are written as null, because editors compare `item` and `type` with null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelativePosition {
    /// The text, if it is a nested type.
    #[serde(default)]
    r#type: Option<Id>,
    /// The text, if it is a root type.
    #[serde(default)]
    tname: Option<String>,
    /// The character; none for the end of the text.
    #[serde(default)]
    item: Option<Id>,
    /// Negative: the position sticks to the character before; otherwise to the one after.
    #[serde(default)]
    assoc: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Id {
    client: u64,
    clock: u32,
}

impl RelativePosition {
    /// The position before a character of the root text `name`, or at its end.
    pub fn in_text(name: &str, item: Option<(u64, u32)>) -> Self {
        let item = item.map(|(client, clock)| Id { client, clock });
        Self { r#type: None, tname: Some(name.to_owned()), item, assoc: 0 }
    }

    /// The character, as client and clock.
    pub fn id(&self) -> Option<(u64, u32)> {
        self.item.filter(|id| id.client <= MAX_NUMBER).map(|id| (id.client, id.clock))
    }

    /// Whether this is the start or the end of the root text `name`.
    pub fn is_end_of(&self, name: &str) -> bool {
        self.item.is_none() && self.tname.as_deref() == Some(name)
    }

    /// Whether the position sticks to the character before it.
    pub fn sticks_to_previous(&self) -> bool {
        self.assoc < 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn relative_position_format_unchanged() {
        let end = json!({ "type": null, "tname": "code", "item": null, "assoc": 0 });
        assert_eq!(serde_json::to_value(RelativePosition::in_text("code", None)).unwrap(), end);
        let at = json!({ "type": null, "tname": "code", "item": { "client": 1, "clock": 2 }, "assoc": 0 });
        assert_eq!(serde_json::to_value(RelativePosition::in_text("code", Some((1, 2)))).unwrap(), at);
        let short: RelativePosition = serde_json::from_value(json!({ "tname": "code", "item": null })).unwrap();
        assert_eq!(short, RelativePosition::in_text("code", None));
    }
}
