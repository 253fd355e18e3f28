//! Headers of responses.

use serde_json::{Value, json};

/// A header that responses have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Header {
    RequestId,
    RateLimitLimit,
    RateLimitRemaining,
    RateLimitReset,
    RateLimitPolicy,
    RateLimit,
    RetryAfter,
    IdempotentReplay,
    RunId,
    WwwAuthenticate,
    Location,
    SetCookie,
    Upgrade,
    Protocol,
    Quota,
    RestoredFrom,
}

impl Header {
    /// Every header.
    pub const ALL: [Self; 16] = [
        Self::RequestId,
        Self::RateLimitLimit,
        Self::RateLimitRemaining,
        Self::RateLimitReset,
        Self::RateLimitPolicy,
        Self::RateLimit,
        Self::RetryAfter,
        Self::IdempotentReplay,
        Self::RunId,
        Self::WwwAuthenticate,
        Self::Location,
        Self::SetCookie,
        Self::Upgrade,
        Self::Protocol,
        Self::Quota,
        Self::RestoredFrom,
    ];

    /// Those that tell of a key's limit.
    pub const RATE: [Self; 5] =
        [Self::RateLimitLimit, Self::RateLimitRemaining, Self::RateLimitReset, Self::RateLimitPolicy, Self::RateLimit];

    /// The name of the header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RequestId => "X-Request-Id",
            Self::RateLimitLimit => "X-RateLimit-Limit",
            Self::RateLimitRemaining => "X-RateLimit-Remaining",
            Self::RateLimitReset => "X-RateLimit-Reset",
            Self::RateLimitPolicy => "RateLimit-Policy",
            Self::RateLimit => "RateLimit",
            Self::RetryAfter => "Retry-After",
            Self::IdempotentReplay => "Idempotent-Replay",
            Self::RunId => "X-Docle-Run-Id",
            Self::WwwAuthenticate => "WWW-Authenticate",
            Self::Location => "Location",
            Self::SetCookie => "Set-Cookie",
            Self::Upgrade => "Upgrade",
            Self::Protocol => "Sec-WebSocket-Protocol",
            Self::Quota => "X-Docle-Quota",
            Self::RestoredFrom => "X-Docle-Restored-From",
        }
    }

    /// A reference to its description.
    pub fn reference(self) -> Value {
        json!({ "$ref": format!("#/components/headers/{}", self.name()) })
    }

    /// Its description.
    pub fn description(self) -> Value {
        let (description, kind, example) = match self {
            Self::RequestId => (
                "The id of the request: the one that was sent, or a new one.",
                "string",
                json!("550e8400-e29b-41d4-a716-446655440000"),
            ),
            Self::RunId => (
                "The id of the run, before its result is there.",
                "string",
                json!("550e8400-e29b-41d4-a716-446655440000"),
            ),
            Self::RestoredFrom => (
                "If the machine of the sandbox was lost before the call: its files are as they had been at this time.",
                "string",
                json!("2026-01-31T12:00:00.000Z"),
            ),
            Self::RateLimitLimit => ("Calls a minute that the key lets through.", "integer", json!(60)),
            Self::RateLimitRemaining => ("Calls that are left now.", "integer", json!(59)),
            Self::RateLimitReset => (
                "When there is room for one call more, in milliseconds since 1970.",
                "integer",
                json!(1_769_860_800_000_i64),
            ),
            Self::RateLimitPolicy => (
                "The same limit in the form of the IETF's draft: calls and seconds.",
                "string",
                json!("\"key\";q=60;w=60"),
            ),
            Self::RateLimit => (
                "The calls that are left in the form of the IETF's draft, and the seconds until there is room for one more.",
                "string",
                json!("\"key\";r=59;t=0"),
            ),
            Self::RetryAfter => ("Seconds after which to try again.", "integer", json!(1)),
            Self::IdempotentReplay => (
                "`true` where the response is that of an earlier call with the same `Idempotency-Key`.",
                "string",
                json!("true"),
            ),
            Self::WwwAuthenticate => ("How to authenticate.", "string", json!("Bearer")),
            Self::Location => ("Where to go.", "string", json!("/collab/open_0f8fad5bd9cb469fa165")),
            Self::SetCookie => (
                "The cookie `docle_session`: set, renewed or cleared.",
                "string",
                json!("docle_session=…; Path=/; HttpOnly; Secure; SameSite=Lax"),
            ),
            Self::Upgrade => ("What the connection becomes.", "string", json!("websocket")),
            Self::Quota => (
                "A quota of which the account has used four fifths or more: its name, what is used, and the limit.",
                "string",
                json!("projects;used=16;limit=20"),
            ),
            Self::Protocol => (
                "The protocol that was chosen of those that were offered: the first that holds no secret.",
                "string",
                json!("docle"),
            ),
        };
        json!({ "description": description, "schema": { "type": kind }, "example": example })
    }
}
