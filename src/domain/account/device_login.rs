//! Signing a program in with a code that its user types into a page (RFC 8628): what the codes look like, and how long they hold.

use crate::domain::account::audit::Origin;
use crate::domain::account::session::Allowance;
use crate::domain::secret::{CODE_BYTES, DeploymentSecret, Purpose};
use crate::domain::timestamp::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt;

/// Both codes hold for 10 minutes.
pub const LIFETIME_MS: i64 = 10 * 60_000;
/// Seconds between two questions of a program (RFC 8628, section 3.2).
pub const POLL_INTERVAL_S: i64 = 5;
/// A question that comes sooner is too early. It is less than the interval, because a question may overtake the one before.
const SHORTEST_INTERVAL_MS: i64 = POLL_INTERVAL_S * 1_000 - 1_000;
/// Logins that one network may begin.
pub const LOGINS_PER_IP: Allowance = Allowance { count: 10, window_ms: 15 * 60_000 };
/// Codes that a user may type. Of 20^8 codes some are valid at a time, so 20 guesses in 10 minutes find none.
pub const CODES_PER_USER: Allowance = Allowance { count: 20, window_ms: 10 * 60_000 };
/// Days for which the management token of a program holds.
pub const TOKEN_DAYS: i64 = 90;

/// The alphabet of a user code: consonants, so that no code is a word, and none that looks like a digit (RFC 8628, section 6.1).
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// The length of a user code.
const USER_CODE_LETTERS: usize = 8;
/// Characters of the time in seconds at which a device code expires, with which it begins.
const EXPIRY_CHARS: usize = 8;
/// Characters of a device code: its expiry and random bytes, and the code of this deployment for them, all in hexadecimal.
const DEVICE_CODE_CHARS: usize = 4 * CODE_BYTES;

/// What the user types into the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserCode(String);

impl UserCode {
    /// A code made of random bytes.
    pub fn from_random(bytes: [u8; 4 * USER_CODE_LETTERS]) -> Self {
        let letter = |four: &[u8]| {
            let number = four.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
            char::from(LETTERS[number as usize % LETTERS.len()])
        };
        Self(bytes.chunks(4).map(letter).collect())
    }

    /// The code that a person typed, in any case and with any blanks and hyphens; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let code: String = text
            .chars()
            .filter(|char| !char.is_whitespace() && *char != '-')
            .map(|char| char.to_ascii_uppercase())
            .collect();
        let is_code = code.len() == USER_CODE_LETTERS && code.bytes().all(|byte| LETTERS.contains(&byte));
        is_code.then_some(Self(code))
    }

    /// The code as it is stored, without the hyphen.
    pub fn letters(&self) -> &str {
        &self.0
    }
}

/// As people read it: `WDJB-MJHT`.
impl fmt::Display for UserCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, second) = self.0.split_at(USER_CODE_LETTERS / 2);
        write!(formatter, "{first}-{second}")
    }
}

/// What the program keeps and polls with. This deployment has made it, or it is none, and it says itself when it expires: so a made-up
/// and an old code cost no query.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceCode(String);

impl DeviceCode {
    /// A code made of random bytes.
    pub fn from_random(
        bytes: [u8; CODE_BYTES - EXPIRY_CHARS / 2],
        expires_at: Timestamp,
        secret: &DeploymentSecret,
    ) -> Self {
        let signed = format!("{:08x}{}", expires_at.0 / 1_000, hex::encode(bytes));
        let code = hex::encode(secret.code(Purpose::DeviceCode, signed.as_bytes()));
        Self(signed + &code)
    }

    /// The code that a program sent; `None` if this deployment has not made it, or it has expired.
    pub fn parse(text: &str, secret: &DeploymentSecret, now: Timestamp) -> Option<Self> {
        let (signed, code) = text.is_ascii().then(|| text.split_at_checked(DEVICE_CODE_CHARS / 2))??;
        let code: [u8; CODE_BYTES] = hex::decode(code).ok()?.try_into().ok()?;
        let expires_at = i64::from_str_radix(&signed[..EXPIRY_CHARS], 16).ok()?;
        let holds = now.0 / 1_000 < expires_at && secret.verify(Purpose::DeviceCode, signed.as_bytes(), &code);
        holds.then(|| Self(text.to_owned()))
    }

    /// The code itself, for the program alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored and looked up.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }
}

impl fmt::Debug for DeviceCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DeviceCode(…)")
    }
}

/// A login that waits for its user, as the page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingLogin {
    pub client: String,
    pub origin: Origin,
    pub created_at: Timestamp,
}

/// What a user has decided about a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginState {
    Pending,
    Denied,
    /// The program may have a token for this project.
    Approved {
        project_id: String,
    },
}

/// What a program is answered that asks for its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollAnswer {
    /// The user has not decided.
    Pending,
    /// The program asks too often.
    TooEarly,
    /// The user has refused.
    Denied,
    /// The program gets a token for this project.
    Approved { project_id: String },
}

/// The latest time of the poll before one that comes now and is not too early.
pub fn latest_poll(now: Timestamp) -> Timestamp {
    now.plus_ms(-SHORTEST_INTERVAL_MS)
}

/// Answers a program that last asked at `polled_at`.
pub fn answer(state: LoginState, polled_at: Timestamp, now: Timestamp) -> PollAnswer {
    match state {
        LoginState::Denied => PollAnswer::Denied,
        LoginState::Pending | LoginState::Approved { .. } if latest_poll(now) < polled_at => PollAnswer::TooEarly,
        LoginState::Pending => PollAnswer::Pending,
        LoginState::Approved { project_id } => PollAnswer::Approved { project_id },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> DeploymentSecret {
        DeploymentSecret::parse(&"s".repeat(32), "").unwrap()
    }

    #[test]
    fn user_code_format_unchanged() {
        let mut bytes = [0; 32];
        for (place, byte) in bytes.iter_mut().skip(3).step_by(4).enumerate() {
            *byte = u8::try_from(place * 21).unwrap();
        }
        let code = UserCode::from_random(bytes);
        assert_eq!(code.to_string(), "BCDF-GHJK");
        for typed in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "B-C-D-F-G-H-J-K", "bcdf-\u{a0}ghjk"] {
            assert_eq!(UserCode::parse(typed), Some(code.clone()), "{typed}");
        }
        for wrong in ["", "BCDFGHJ", "BCDFGHJKL", "BCDF-GHJA", "BCDF-GHJ1", "ＢCDFGHJK"] {
            assert_eq!(UserCode::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn device_code_format_unchanged() {
        let code = DeviceCode::from_random([0xab; 28], Timestamp(0x6_5000 * 1_000), &secret());
        assert_eq!(code.reveal().len(), 128);
        assert!(code.reveal().starts_with(&format!("00065000{}", "ab".repeat(28))));
        let at = |text: &str, seconds: i64| DeviceCode::parse(text, &secret(), Timestamp(seconds * 1_000));
        assert_eq!(at(code.reveal(), 0x6_4fff), Some(code.clone()));
        assert_eq!(at(code.reveal(), 0x6_5000), None, "it has expired");
        assert_eq!(format!("{code:?}"), "DeviceCode(…)");
        let other = DeploymentSecret::parse(&"t".repeat(32), "").unwrap();
        assert_eq!(DeviceCode::parse(code.reveal(), &other, Timestamp(0)), None);
        for wrong in ["", "ab", &"ab".repeat(64), &"é".repeat(64), &format!("{}0", code.reveal())] {
            assert_eq!(at(wrong, 0), None, "{wrong}");
        }
    }

    #[test]
    fn a_program_that_asks_too_often_waits() {
        let approved = || LoginState::Approved { project_id: "proj_1".to_owned() };
        let at = |state, now| answer(state, Timestamp(10_000), Timestamp(now));
        assert_eq!(at(LoginState::Pending, 13_999), PollAnswer::TooEarly);
        assert_eq!(at(LoginState::Pending, 14_000), PollAnswer::Pending);
        assert_eq!(at(approved(), 13_999), PollAnswer::TooEarly);
        assert_eq!(at(approved(), 15_000), PollAnswer::Approved { project_id: "proj_1".to_owned() });
        assert_eq!(at(LoginState::Denied, 10_001), PollAnswer::Denied);
    }
}
