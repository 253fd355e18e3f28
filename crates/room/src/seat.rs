//! One connection to a room: who it is, what it may do, what it speaks and what it was shown.
//!
//! A seat is kept with its hibernating socket as JSON, so that a room that wakes up knows everybody who is there, and
//! nobody else.

use crate::limits::MAX_KEPT_BYTES;
use crate::place::Place;
use crate::shadow::Shadow;
use crate::wire::{Entry, GONE};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What somebody may do. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// See the text and who is there.
    Viewer,
    /// Run the program.
    Runner,
    /// Change it.
    Editor,
    /// Let others in.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Runner, Self::Editor, Self::Owner];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Runner => "runner",
            Self::Editor => "editor",
            Self::Owner => "owner",
        }
    }
}

/// Which protocol a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaks {
    /// Not known yet: its first frame says so. Without one it is greeted in JSON at this time, in milliseconds.
    Undecided {
        greet_at: i64,
    },
    Json,
    Yjs,
}

/// A presence that the connection announced, or that stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// The client id among Yjs clients.
    pub client: u64,
    pub clock: u64,
    /// A JSON text; [`GONE`] where the client says that nobody is there.
    pub state: String,
    /// When it was last passed on, in milliseconds. Yjs clients forget who is silent for 30 s.
    pub announced_at: i64,
}

impl Presence {
    /// It as an entry of a frame.
    pub fn entry(&self) -> Entry<'_> {
        Entry { client: self.client, clock: self.clock, state: &self.state }
    }

    /// The entry that says that it is gone.
    pub fn farewell(&self) -> Entry<'_> {
        Entry { state: GONE, ..self.entry() }
    }
}

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seat {
    /// Unique in the room, also among those who have left.
    pub id: u32,
    pub name: String,
    pub color: String,
    pub role: Role,
    pub speaks: Speaks,
    /// When its right to be here ends, in milliseconds since 1970.
    pub expires_at: Option<i64>,
    /// The host of the page it comes from.
    pub host: Option<String>,
    /// A Yjs connection that wants messages of the JSON protocol, too, in frames of their own kind.
    pub wants_events: bool,
    pub presence: Option<Presence>,
    /// The cursor in `code`, where it is known.
    pub cursor: Option<Place>,
    pub shadow: Shadow,
    /// What is left of its messages for this moment, and since when. A room that wakes up forgives.
    #[serde(skip)]
    pub pace: Pace,
}

impl Seat {
    /// The id of whoever sits here, as clients of the JSON protocol see it.
    pub fn user_id(&self) -> String {
        format!("user-{:08x}", self.id)
    }

    /// Whoever sits here, as clients of the JSON protocol see them.
    pub fn user(&self) -> Value {
        json!({ "id": self.user_id(), "name": self.name, "color": self.color, "role": self.role })
    }

    /// Whether it may be sent JSON: nobody who may yet turn out to speak Yjs is.
    pub fn speaks_json(&self) -> bool {
        self.speaks == Speaks::Json
    }

    /// Whether it speaks Yjs.
    pub fn speaks_yjs(&self) -> bool {
        self.speaks == Speaks::Yjs
    }

    /// Whether its right to be here has ended.
    pub fn has_expired(&self, now: i64) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// What is kept with the socket. Where there is no room for everything, what comes first goes without: what a JSON
    /// client sent last, and then what a Yjs client says of itself, which it renews within 15 s.
    pub fn encode(&self) -> String {
        let encode = |seat: &Self| serde_json::to_string(seat).unwrap_or_default();
        // The platform keeps text with a character beyond Latin 1 in two bytes each.
        let fits = |text: &String| 2 * text.encode_utf16().count() <= MAX_KEPT_BYTES;
        let shadow = if self.shadow.is_small() { self.shadow.clone() } else { self.shadow.without_own() };
        let mut kept = Self { shadow, ..self.clone() };
        let whole = encode(&kept);
        if fits(&whole) {
            return whole;
        }
        kept.shadow = kept.shadow.without_own();
        let shorter = encode(&kept);
        if fits(&shorter) {
            return shorter;
        }
        if let Some(presence) = &mut kept.presence {
            presence.state = "{}".to_owned();
        }
        encode(&kept)
    }

    /// What was kept; `None` where it is not readable.
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The state that stands for somebody who speaks JSON among Yjs clients, in the form that editors draw.
    pub fn state_for_yjs(&self) -> String {
        let user = json!({ "name": self.name, "color": self.color, "colorLight": format!("{}33", self.color) });
        match &self.cursor {
            Some(place) => json!({ "user": user, "cursor": { "anchor": place, "head": place } }).to_string(),
            None => json!({ "user": user }).to_string(),
        }
    }
}

/// How fast a connection sends: a bucket that a second fills.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace {
    /// Messages taken out and not yet flowed back, in thousandths.
    used: i64,
    at: i64,
}

impl Pace {
    /// Counts a message; `false` where it is one too many for `per_second`.
    pub fn count(&mut self, per_second: u32, now: i64) -> bool {
        let per_second = i64::from(per_second);
        let flowed_back = (now - self.at).clamp(0, 1_000) * per_second;
        self.used = (self.used - flowed_back).max(0) + 1_000;
        self.at = now;
        self.used <= per_second * 1_000
    }
}

/// Colours that tell people apart, on light and on dark.
const COLORS: [&str; 10] =
    ["#ff6b6b", "#51cf66", "#339af0", "#fcc419", "#cc5de8", "#ff922b", "#20c997", "#f06595", "#5c7cfa", "#94d82d"];

/// The colour that the fewest of these have.
pub fn color_beside<'a>(others: impl Iterator<Item = &'a str> + Clone) -> &'static str {
    let used = |color: &str| others.clone().filter(|other| *other == color).count();
    COLORS.into_iter().min_by_key(|color| used(color)).unwrap_or(COLORS[0])
}

/// Whether a colour is one that can go into anybody's style: `#` and six hexadecimal digits.
pub fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seat_format_unchanged() {
        let seat = Seat {
            id: 7,
            name: "Alice".into(),
            color: "#ff6b6b".into(),
            role: Role::Editor,
            speaks: Speaks::Undecided { greet_at: 5 },
            expires_at: Some(9),
            host: None,
            wants_events: false,
            presence: None,
            cursor: None,
            shadow: Shadow::of(3),
            pace: Pace::default(),
        };
        let expected = concat!(
            r##"{"id":7,"name":"Alice","color":"#ff6b6b","role":"editor","speaks":{"undecided":{"greet_at":5}},"##,
            r##""expiresAt":9,"host":null,"wantsEvents":false,"presence":null,"cursor":null,"shadow":{"seen":3,"own":null}}"##,
        );
        assert_eq!(seat.encode(), expected);
        assert_eq!(Seat::decode(expected).unwrap().encode(), expected);
    }

    #[test]
    fn what_is_kept_with_a_socket_always_fits() {
        let json = r##"{"id":7,"name":"Alice","color":"#ff6b6b","role":"editor","speaks":"yjs","expiresAt":9,"host":null,
            "wantsEvents":false,"presence":null,"cursor":null,"shadow":{"seen":3,"own":null}}"##;
        let mut seat = Seat::decode(json).unwrap();
        for state in ["\\".repeat(2_000), format!("{}\u{1f600}", "\\".repeat(4_000)), "\u{1}".repeat(4_000)] {
            seat.presence = Some(Presence { client: 1, clock: 2, state, announced_at: 3 });
            let kept = seat.encode();
            assert!(2 * kept.encode_utf16().count() <= MAX_KEPT_BYTES);
            assert_eq!(Seat::decode(&kept).unwrap().presence.unwrap().clock, 2);
        }
    }

    #[test]
    fn a_second_fills_the_bucket() {
        let mut pace = Pace::default();
        let sent = |pace: &mut Pace, at| (0..1_000).filter(|_| pace.count(60, at)).count();
        assert_eq!(sent(&mut pace, 10_000), 60);
        let mut pace = Pace::default();
        for second in 0..10 {
            for message in 0..60 {
                assert!(pace.count(60, 10_000 + second * 1_000 + message * 1_000 / 60));
            }
        }
        assert!(!is_color("red") && !is_color("#ff6b6") && !is_color("#ff6b6g") && is_color("#Ff6B60"));
    }
}
