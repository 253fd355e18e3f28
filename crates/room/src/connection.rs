//! A connection to a room: the user, the role, the protocol and the shadow of one socket.
//!
//! The attachment of the hibernating socket holds the connection as JSON. A room that returns from hibernation therefore
//! knows exactly the connections that are open.

use crate::limits::{MAX_ATTACHMENT_BYTES, MAX_ATTACHMENT_UNSAVED_CHARS};
use crate::presence::Presence;
use crate::relative_position::RelativePosition;
use crate::role::Role;
use crate::sent_text::Shadow;
use crate::token_bucket::TokenBucket;
use crate::unsaved::{Unsaved, encoded_chars};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A connection to a room.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Unique in the room, also among closed connections.
    pub id: u32,
    pub name: String,
    pub color: String,
    pub role: Role,
    #[serde(rename = "speaks")]
    pub protocol: Protocol,
    /// When the client's token expires, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// The host of the page that opened the connection.
    pub host: Option<String>,
    /// A Yjs client that also wants the messages of the JSON protocol, in frames of an extra type.
    pub wants_events: bool,
    pub presence: Option<Presence>,
    /// The cursor in `code`, if it is known.
    pub cursor: Option<RelativePosition>,
    pub shadow: Shadow,
    /// The hash of the API key that opened the connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_hash: Option<String>,
    /// When the room next asks whether the key is valid and the project exists, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_at: Option<i64>,
    /// The updates of this client that are not stored yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsaved: Vec<Unsaved>,
    /// A JSON client whose text is older than the room's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_text: bool,
    /// Full again after hibernation.
    #[serde(skip)]
    pub bucket: TokenBucket,
}

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Not known yet. The first frame decides; without a frame the room greets the client in JSON at this time, in
    /// milliseconds.
    Undecided {
        greet_at: i64,
    },
    Json,
    Yjs,
}

impl Connection {
    /// The id of the user in the JSON protocol.
    pub fn user_id(&self) -> String {
        format!("user-{:08x}", self.id)
    }

    /// The user in the JSON protocol.
    pub fn user(&self) -> Value {
        json!({ "id": self.user_id(), "name": self.name, "color": self.color, "role": self.role })
    }

    /// Whether the room may send JSON. A stock Yjs client throws on text, so an undecided connection gets none.
    pub fn is_json(&self) -> bool {
        self.protocol == Protocol::Json
    }

    /// Whether the client uses the Yjs protocol.
    pub fn is_yjs(&self) -> bool {
        self.protocol == Protocol::Yjs
    }

    /// Whether the client's token has expired.
    pub fn has_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether the attachment has space for the updates that are not stored yet.
    pub fn holds_unsaved(&self) -> bool {
        encoded_chars(&self.unsaved) <= MAX_ATTACHMENT_UNSAVED_CHARS
    }

    /// The attachment of the socket, without the unsaved updates unless [`Self::holds_unsaved`]. A connection that does not
    /// fit is stored without the shadow's own text, and then without the presence of a Yjs client, which the client sends
    /// again within 15 s.
    pub fn encode(&self) -> String {
        let encode = |connection: &Self| serde_json::to_string(connection).unwrap_or_default();
        // The platform stores a text with a character beyond Latin 1 in two bytes per UTF-16 unit.
        let fits = |text: &String| 2 * text.encode_utf16().count() <= MAX_ATTACHMENT_BYTES;
        let shadow = if self.shadow.is_small() { self.shadow.clone() } else { self.shadow.without_own() };
        let unsaved = if self.holds_unsaved() { self.unsaved.clone() } else { Vec::new() };
        let mut stored = Self { shadow, unsaved, ..self.clone() };
        let whole = encode(&stored);
        if fits(&whole) {
            return whole;
        }
        stored.shadow = stored.shadow.without_own();
        let shorter = encode(&stored);
        if fits(&shorter) {
            return shorter;
        }
        if let Some(presence) = &mut stored.presence {
            presence.state = "{}".to_owned();
        }
        encode(&stored)
    }

    /// The connection in an attachment; `None` if it is unreadable.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The presence state of a JSON client among Yjs clients, in the form that editors draw.
    pub fn state_for_yjs(&self) -> String {
        let user = json!({ "name": self.name, "color": self.color, "colorLight": format!("{}33", self.color) });
        match &self.cursor {
            Some(position) => json!({ "user": user, "cursor": { "anchor": position, "head": position } }).to_string(),
            None => json!({ "user": user }).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_format_unchanged() {
        let connection = Connection {
            id: 7,
            name: "Alice".into(),
            color: "#ff6b6b".into(),
            role: Role::Editor,
            protocol: Protocol::Undecided { greet_at: 5 },
            expires_at: Some(9),
            host: None,
            wants_events: false,
            presence: None,
            cursor: None,
            shadow: Shadow::of(3),
            key_hash: None,
            check_at: None,
            unsaved: vec![],
            needs_text: false,
            bucket: TokenBucket::default(),
        };
        let expected = concat!(
            r##"{"id":7,"name":"Alice","color":"#ff6b6b","role":"editor","speaks":{"undecided":{"greet_at":5}},"##,
            r##""expiresAt":9,"host":null,"wantsEvents":false,"presence":null,"cursor":null,"shadow":{"seen":3,"own":null}}"##,
        );
        assert_eq!(connection.encode(), expected);
        assert_eq!(Connection::decode(expected).unwrap().encode(), expected);
        let unsaved = vec![Unsaved { rev: 4, update: vec![0, 255] }];
        let full = Connection { key_hash: Some("ab".into()), check_at: Some(6), unsaved, ..connection };
        let more = r#","keyHash":"ab","checkAt":6,"unsaved":[{"rev":4,"update":"AP8"}]}"#;
        let expected = format!("{}{more}", &expected[..expected.len() - 1]);
        assert_eq!(full.encode(), expected);
        assert_eq!(Connection::decode(&expected).unwrap().unsaved, full.unsaved);
    }

    #[test]
    fn an_attachment_always_fits() {
        let json = r##"{"id":7,"name":"Alice","color":"#ff6b6b","role":"editor","speaks":"yjs","expiresAt":9,"host":null,
            "wantsEvents":false,"presence":null,"cursor":null,"shadow":{"seen":3,"own":null}}"##;
        let mut connection = Connection::decode(json).unwrap();
        for state in ["\\".repeat(2_000), format!("{}\u{1f600}", "\\".repeat(4_000)), "\u{1}".repeat(4_000)] {
            connection.presence = Some(Presence { client: 1, clock: 2, state, announced_at: 3 });
            connection.unsaved = vec![Unsaved { rev: 1, update: vec![255; 3_000] }];
            assert!(connection.holds_unsaved());
            let attachment = connection.encode();
            assert!(2 * attachment.encode_utf16().count() <= MAX_ATTACHMENT_BYTES);
            let decoded = Connection::decode(&attachment).unwrap();
            assert_eq!((decoded.presence.unwrap().clock, decoded.unsaved), (2, connection.unsaved.clone()));
        }
    }
}
