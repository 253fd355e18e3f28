//! What asks for a run token: the body that makes one.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::{Reader, shown};
use crate::domain::key::run_token::TokenLimits;
use crate::domain::run::user_context::{self, UserContext};
use docle_api::limits::{DEFAULT_RUN_TOKEN_SECONDS, MAX_ORIGIN_BYTES, MEMORY_MB, TIMEOUT_MS, TOKEN_SECONDS};
use docle_api::{fields, tokens};
use serde_json::Value;

/// A token to make.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenSettings {
    pub ttl_seconds: u32,
    pub origin: Option<String>,
    pub user_context: Option<UserContext>,
    pub limits: TokenLimits,
}

/// Reads the body of `POST /api/tokens`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse(body: Value) -> Result<TokenSettings, Vec<FieldError>> {
    let mut problems = Problems::default();
    let inside = [("limits", fields::of::<tokens::RunTokenLimits>()), ("userContext", user_context::known())];
    let known = fields::of::<tokens::RunTokenSettings>();
    let settings =
        Reader::open_with(body, String::new(), known, &inside, &mut problems).map(|mut fields| TokenSettings {
            ttl_seconds: fields.integer("ttlSeconds", &TOKEN_SECONDS).unwrap_or(DEFAULT_RUN_TOKEN_SECONDS),
            origin: read_origin(&mut fields),
            user_context: fields.object("userContext", user_context::known()).and_then(user_context::read),
            limits: read_limits(&mut fields),
        });
    problems.conclude(settings)
}

fn read_limits(fields: &mut Reader<'_>) -> TokenLimits {
    let (timeout_ms, memory_mb) = (*TIMEOUT_MS.end(), *MEMORY_MB.end());
    let most = TokenLimits { timeout_ms, memory_mb, allow_network: false, allow_packages: false };
    let limits = fields.object("limits", fields::of::<tokens::RunTokenLimits>());
    limits.map_or(most, |mut limits| most.changed(&mut limits))
}

/// Reads `origin` as a browser sends it: scheme and host in lower case, and a port if it is not the scheme's own.
fn read_origin(fields: &mut Reader<'_>) -> Option<String> {
    let text = fields.string("origin")?;
    let mut origin = text.to_ascii_lowercase();
    for (scheme, port) in [("https://", ":443"), ("http://", ":80")] {
        if let Some(without) = origin.strip_suffix(port).filter(|origin| origin.starts_with(scheme)) {
            origin.truncate(without.len());
        }
    }
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or_default();
    let is_origin = !host.is_empty()
        && text.len() <= MAX_ORIGIN_BYTES
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':' | b'[' | b']'));
    if !is_origin {
        let message = "must be an origin such as \"https://app.example.com\", without a path; got ";
        fields.note("origin", format!("{message}\"{}\"", shown(&text)));
        return None;
    }
    Some(origin)
}
