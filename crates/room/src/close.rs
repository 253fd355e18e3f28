//! The reasons for which a room closes a connection.

/// A close reason. Codes from 4400 on resemble HTTP statuses. A stock y-websocket client does not reconnect after a code from
/// 4400 to 4499. After any other code it reconnects and sends what the room lacks, so temporary reasons have other codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// A frame is not of the protocol, or an update is invalid.
    Malformed(&'static str),
    /// A frame is larger than [`crate::limits::MAX_FRAME_BYTES`].
    FrameTooLarge,
    /// The token has expired.
    Expired,
    /// The API key that opened the connection was revoked or has expired.
    KeyRevoked,
    /// The operator has suspended the account of the room.
    Suspended,
    /// The room was deleted.
    Deleted,
    /// The text or the document would grow beyond its limit.
    DocumentTooLarge,
    /// A presence is larger than [`crate::limits::MAX_PRESENCE_BYTES`].
    PresenceTooLarge,
    /// The client does not read what the room sends.
    SlowReader,
    /// More messages than [`crate::limits::MAX_MESSAGES_PER_SECOND`].
    TooFast,
    /// The room failed to store a change. A client that reconnects sends it again.
    Failed,
    /// The room has [`crate::limits::MAX_CONNECTIONS`] connections.
    Full,
}

impl CloseReason {
    /// The close code.
    pub const fn code(self) -> u16 {
        match self {
            Self::Malformed(_) => 4400,
            Self::Expired | Self::KeyRevoked => 4401,
            Self::Suspended => 4403,
            Self::Deleted => 4410,
            Self::FrameTooLarge | Self::DocumentTooLarge => 4413,
            Self::PresenceTooLarge => 4431,
            Self::SlowReader => 4508,
            Self::TooFast => 4529,
            Self::Failed => 1011,
            Self::Full => 4503,
        }
    }

    /// A sentence for the client. A close frame holds at most 123 bytes of it.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Malformed(why) => why,
            Self::FrameTooLarge => "A change may have at most 2 MiB, and the text at most 1 MiB.",
            Self::Expired => "The token has expired; connect with a new one.",
            Self::KeyRevoked => "The API key was revoked or has expired; connect with another one.",
            Self::Suspended => "The account that owns this room was suspended.",
            Self::Deleted => "The room was deleted.",
            Self::DocumentTooLarge => {
                "The room is full of text: at most 1 MiB of text and 2 MiB with what was deleted."
            }
            Self::PresenceTooLarge => "A presence may have at most 4,096 bytes.",
            Self::SlowReader => "The connection is too slow for this room; connect again.",
            Self::TooFast => "A connection may send 60 messages a second.",
            Self::Failed => "The change could not be stored; connect again.",
            Self::Full => "The room has 100 connections; try again later.",
        }
    }

    /// Whether the same client would be refused again, so that it must not reconnect by itself.
    pub const fn is_final(self) -> bool {
        matches!(self.code(), 4400..=4499)
    }

    /// The code of the `error` message that a JSON client receives before a final close.
    pub const fn error(self) -> &'static str {
        match self {
            Self::Expired => "token_expired",
            Self::KeyRevoked => "key_revoked",
            Self::Deleted => "room_deleted",
            _ => "invalid_message",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_codes_unchanged() {
        let all = [
            (CloseReason::Malformed("x"), 4400),
            (CloseReason::FrameTooLarge, 4413),
            (CloseReason::Expired, 4401),
            (CloseReason::KeyRevoked, 4401),
            (CloseReason::Suspended, 4403),
            (CloseReason::Deleted, 4410),
            (CloseReason::DocumentTooLarge, 4413),
            (CloseReason::PresenceTooLarge, 4431),
            (CloseReason::SlowReader, 4508),
            (CloseReason::TooFast, 4529),
            (CloseReason::Failed, 1011),
            (CloseReason::Full, 4503),
        ];
        for (reason, code) in all {
            assert_eq!(reason.code(), code);
            assert!(reason.message().len() <= 123);
            assert_eq!(reason.is_final(), (4400..4500).contains(&code));
        }
    }
}
