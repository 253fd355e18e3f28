//! API keys: how they look, how they are checked without a look-up, and what of them is stored.

use crate::domain::secret::{DeploymentSecret, Purpose};
use sha2::{Digest, Sha256};
use std::fmt;

/// What every secret key begins with.
pub const PREFIX: &str = "sk_live_";
/// What every publishable key begins with.
pub const PUBLISHABLE_PREFIX: &str = "pk_live_";
/// What every management token begins with.
pub const MANAGEMENT_PREFIX: &str = "mt_live_";
/// Random hexadecimal digits: 160 bits.
const RANDOM_DIGITS: usize = 40;
/// Digits of the checksum over everything before it.
const CHECKSUM_DIGITS: usize = 8;
/// Characters that are kept in the clear, for people to tell keys apart.
const PREFIX_LENGTH: usize = 12;

/// Random bytes in a key.
pub const RANDOM_BYTES: usize = RANDOM_DIGITS / 2;

/// What a key is for: servers, which keep it secret, or pages, in which everybody can read it, or the management of a project by a
/// server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Secret,
    Publishable,
    Management,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Secret, Self::Publishable, Self::Management];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Secret => PREFIX,
            Self::Publishable => PUBLISHABLE_PREFIX,
            Self::Management => MANAGEMENT_PREFIX,
        }
    }
}

/// A key that this deployment has made: `sk_live_`, `pk_live_` or `mt_live_`, 40 random hexadecimal digits, and 8 digits of a code of
/// all that.
///
/// The code needs the secret of the deployment, so the Worker refuses typing errors and made-up keys before it wakes an
/// object. Only the look-up of [`ApiKey::hash`] says whether a key is valid.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key written as `text`; `None` if this deployment has not made it.
    pub fn parse(text: &str, secret: &DeploymentSecret) -> Option<Self> {
        let digits = Kind::ALL.into_iter().find_map(|kind| text.strip_prefix(kind.prefix()))?;
        let is_lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != RANDOM_DIGITS + CHECKSUM_DIGITS || !digits.bytes().all(is_lower_hex) {
            return None;
        }
        let (body, sum) = text.split_at(text.len() - CHECKSUM_DIGITS);
        let sum = hex::decode(sum).ok()?;
        secret.verify(Purpose::ApiKey, body.as_bytes(), &sum).then(|| Self(text.to_owned()))
    }

    /// A new key made of random bytes.
    pub fn from_random(kind: Kind, bytes: [u8; RANDOM_BYTES], secret: &DeploymentSecret) -> Self {
        let body = format!("{}{}", kind.prefix(), hex::encode(bytes));
        let code = secret.code(Purpose::ApiKey, body.as_bytes());
        Self(body + &hex::encode(&code[..CHECKSUM_DIGITS / 2]))
    }

    /// What the key is for.
    pub fn kind(&self) -> Kind {
        Kind::ALL.into_iter().find(|kind| self.0.starts_with(kind.prefix())).unwrap_or(Kind::Secret)
    }

    /// The key itself, to be shown to its owner: once, if it is secret.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored and looked up: the SHA-256 of the whole key in hexadecimal.
    ///
    /// Keys are compared nowhere else, and neither are tokens of links and sessions: the hash names the gate and is found
    /// through an index. Such a look-up may take longer the more of a hash is right, but that does not help an attacker:
    /// who wants a hash that begins with certain digits has to try keys, and one digit more of the hash says nothing about
    /// any digit of the key.
    pub fn hash(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }

    /// What is stored for display: the first 12 characters.
    pub fn prefix(&self) -> &str {
        &self.0[..PREFIX_LENGTH]
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ApiKey({}…)", self.prefix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk_live_0000000000000000000000000000000000000000c2f01f14";

    fn secret() -> DeploymentSecret {
        DeploymentSecret::parse("0123456789abcdef0123456789abcdef", "").unwrap()
    }

    fn key(bytes: [u8; RANDOM_BYTES]) -> ApiKey {
        ApiKey::from_random(Kind::Secret, bytes, &secret())
    }

    #[test]
    fn key_format_unchanged() {
        let key = key([0; RANDOM_BYTES]);
        assert_eq!(key.reveal(), KEY);
        assert_eq!(key.prefix(), "sk_live_0000");
        assert_eq!(key.hash(), hex::encode(Sha256::digest(KEY)));
    }

    #[test]
    fn a_publishable_key_is_no_secret_key_under_another_name() {
        let publishable = ApiKey::from_random(Kind::Publishable, [0; RANDOM_BYTES], &secret());
        assert_eq!((publishable.prefix(), publishable.kind()), ("pk_live_0000", Kind::Publishable));
        assert_eq!(ApiKey::parse(publishable.reveal(), &secret()), Some(publishable.clone()));
        assert_eq!(key([0; RANDOM_BYTES]).kind(), Kind::Secret);
        let management = ApiKey::from_random(Kind::Management, [0; RANDOM_BYTES], &secret());
        assert_eq!((management.prefix(), management.kind()), ("mt_live_0000", Kind::Management));
        for (from, to) in [("sk_", publishable.reveal()), ("pk_", KEY), ("mt_", KEY), ("sk_", management.reveal())] {
            assert_eq!(ApiKey::parse(&format!("{from}{}", &to[3..]), &secret()), None);
        }
    }

    #[test]
    fn only_well_formed_keys_parse() {
        assert_eq!(ApiKey::parse(KEY, &secret()), Some(key([0; RANDOM_BYTES])));
        let (body, sum) = KEY.split_at(48);
        for wrong in [
            String::new(),
            body.into(),
            format!("{KEY}0"),
            format!(" {KEY}"),
            KEY.to_uppercase(),
            format!("sk_test_{}", &KEY[8..]),
            format!("{body}{}", sum.to_uppercase()),
            format!("{}1{sum}", &body[..47]),
            format!("{body}00000000"),
            format!("{}é{sum}", &body[..46]),
        ] {
            assert_eq!(ApiKey::parse(&wrong, &secret()), None, "{wrong}");
        }
    }

    #[test]
    fn anybody_could_make_up_a_key_that_woke_an_object() {
        let body = &KEY[..48];
        let public_checksum = hex::encode(&Sha256::digest(body)[..4]);
        let other = DeploymentSecret::parse("fedcba9876543210fedcba9876543210", "").unwrap();
        assert_eq!(ApiKey::parse(&format!("{body}{public_checksum}"), &secret()), None);
        assert_eq!(
            ApiKey::parse(ApiKey::from_random(Kind::Secret, [0; RANDOM_BYTES], &other).reveal(), &secret()),
            None
        );
        assert!(ApiKey::parse(KEY, &secret()).is_some());
    }

    /// What a look-up tells about a hash tells nothing about a key, because neighbours have nothing in common.
    #[test]
    fn hashes_of_keys_that_are_nearly_the_same_have_nothing_in_common() {
        let hashes: Vec<String> = (0..=255)
            .map(|last| {
                let mut bytes = [7; RANDOM_BYTES];
                bytes[RANDOM_BYTES - 1] = last;
                key(bytes).hash()
            })
            .collect();
        for (index, hash) in hashes.iter().enumerate() {
            for other in &hashes[index + 1..] {
                let alike = hash.bytes().zip(other.bytes()).filter(|(one, two)| one == two).count();
                assert!(alike < 24, "of 64 digits, 4 are alike by chance: {hash} {other}");
            }
        }
    }

    #[test]
    fn debug_does_not_show_the_secret_part() {
        assert_eq!(format!("{:?}", key([0xab; RANDOM_BYTES])), "ApiKey(sk_live_abab…)");
    }
}
