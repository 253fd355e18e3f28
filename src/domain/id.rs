//! Ids of accounts, projects and what belongs to them: a prefix that says what it is, and 96 random bits.

/// Random bytes in an id.
pub const RANDOM_BYTES: usize = 12;

/// What an id names.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    User,
    Session,
    Project,
    Key,
    Event,
}

/// A new id made of random bytes.
pub fn from_random(kind: Kind, bytes: [u8; RANDOM_BYTES]) -> String {
    let prefix = match kind {
        Kind::User => "user",
        Kind::Session => "sess",
        Kind::Project => "proj",
        Kind::Key => "key",
        Kind::Event => "evt",
    };
    format!("{prefix}_{}", hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_format_unchanged() {
        assert_eq!(from_random(Kind::User, [0xab; RANDOM_BYTES]), "user_abababababababababababab");
        assert!(from_random(Kind::Session, [0; RANDOM_BYTES]).starts_with("sess_"));
        assert!(from_random(Kind::Project, [0; RANDOM_BYTES]).starts_with("proj_"));
        assert!(from_random(Kind::Key, [0; RANDOM_BYTES]).starts_with("key_"));
        assert!(from_random(Kind::Event, [0; RANDOM_BYTES]).starts_with("evt_"));
    }
}
