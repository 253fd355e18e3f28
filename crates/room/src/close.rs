//! Why a connection is closed, as its client is told.

/// Codes from 4400 on resemble HTTP statuses. Stock y-websocket clients take those below 4500 for final and come back after
/// all others, with everything that they have: so whoever is too fast or too many is told so from 4500 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// A frame is none of the protocol's, or an update is unsound.
    Malformed(&'static str),
    /// A frame is larger than [`crate::limits::MAX_FRAME_BYTES`].
    FrameTooLarge,
    /// The token has expired.
    Expired,
    /// The room was deleted.
    Gone,
    /// The text or the document would grow beyond its limit.
    DocumentTooLarge,
    /// A presence is larger than [`crate::limits::MAX_PRESENCE_BYTES`].
    PresenceTooLarge,
    /// More messages than [`crate::limits::MAX_MESSAGES_PER_SECOND`].
    TooFast,
    /// The room could not store a change; whoever comes back loses nothing.
    Failed,
    /// The room has [`crate::limits::MAX_CONNECTIONS`] already.
    Full,
}

impl Close {
    /// The code.
    pub const fn code(self) -> u16 {
        match self {
            Self::Malformed(_) => 4400,
            Self::FrameTooLarge => 1009,
            Self::Expired => 4401,
            Self::Gone => 4410,
            Self::DocumentTooLarge => 4413,
            Self::PresenceTooLarge => 4431,
            Self::TooFast => 4529,
            Self::Failed => 1011,
            Self::Full => 4503,
        }
    }

    /// A sentence that says what to do; protocol frames leave 123 bytes for it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Malformed(why) => why,
            Self::FrameTooLarge => "A frame may have at most 1 MiB.",
            Self::Expired => "The token has expired; connect with a new one.",
            Self::Gone => "The room was deleted.",
            Self::DocumentTooLarge => {
                "The room is full of text: at most 1 MiB of text and 2 MiB with what was deleted."
            }
            Self::PresenceTooLarge => "A presence may have at most 4,096 bytes.",
            Self::TooFast => "A connection may send 60 messages a second.",
            Self::Failed => "The change could not be stored; connect again.",
            Self::Full => "The room has 100 connections; try again later.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_unchanged() {
        let all = [
            (Close::Malformed("x"), 4400),
            (Close::FrameTooLarge, 1009),
            (Close::Expired, 4401),
            (Close::Gone, 4410),
            (Close::DocumentTooLarge, 4413),
            (Close::PresenceTooLarge, 4431),
            (Close::TooFast, 4529),
            (Close::Failed, 1011),
            (Close::Full, 4503),
        ];
        for (close, code) in all {
            assert_eq!(close.code(), code);
            assert!(close.reason().len() <= 123);
        }
    }
}
