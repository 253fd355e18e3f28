//! The rate limit of a key in responses: headers on every response, and an error when the limit is reached.

use crate::domain::key::rolling_window::{Rate, WINDOW_MS};
use crate::domain::timestamp::Timestamp;
use crate::http::error::{ApiError, ErrorCode, Members};
use crate::ports::http_messages::Response;
use ::http::header::{HeaderName, HeaderValue, RETRY_AFTER};

/// The headers `X-RateLimit-*`, in milliseconds since 1970, and those of the IETF draft
/// (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/>), in seconds from now.
pub fn headers(rate: &Rate, now: Timestamp) -> [(HeaderName, HeaderValue); 5] {
    let Rate { limit, remaining, reset_at } = *rate;
    let text = |text: String| HeaderValue::try_from(text).expect("numbers and ASCII make a header");
    [
        (HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(limit)),
        (HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(remaining)),
        (HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(reset_at.0)),
        (HeaderName::from_static("ratelimit-policy"), text(format!("\"key\";q={limit};w={}", WINDOW_MS / 1_000))),
        (HeaderName::from_static("ratelimit"), text(format!("\"key\";r={remaining};t={}", seconds(rate, now)))),
    ]
}

/// A response or an error, with the headers of the rate limit of its client.
pub fn with_headers(answer: Result<Response, ApiError>, rate: &Rate, now: Timestamp) -> Result<Response, ApiError> {
    match answer {
        Ok(mut response) => {
            response.headers_mut().extend(headers(rate, now));
            Ok(response)
        }
        Err(error) => Err(error.with_headers(headers(rate, now))),
    }
}

/// The error for a call above the limit.
pub fn exceeded(rate: &Rate, now: Timestamp) -> ApiError {
    let seconds = seconds(rate, now);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    let message = format!(
        "You have exceeded your rate limit of {} requests per minute. Please try again in {seconds} {unit}.",
        rate.limit
    );
    ApiError::new(ErrorCode::RateLimitExceeded, message)
        .with_members(Members {
            limit: Some(rate.limit),
            remaining: Some(rate.remaining),
            reset_at: Some(rate.reset_at.0),
            ..Members::default()
        })
        .with_headers(headers(rate, now))
        .with_headers([(RETRY_AFTER, HeaderValue::from(seconds))])
}

/// The error for a call above the limit that a publishable key has for each network.
pub fn exceeded_by_network(rate: &Rate, now: Timestamp) -> ApiError {
    let error = exceeded(rate, now);
    let message = format!(
        "This publishable key lets through {} calls a minute from one network. Please try again in {} seconds. The owner \
         of the key can change limits.networkRateLimitPerMinute.",
        rate.limit,
        seconds(rate, now).max(1)
    );
    error.with_message(message)
}

/// Whole seconds until there is room for one more call, rounded up.
fn seconds(rate: &Rate, now: Timestamp) -> i64 {
    (rate.reset_at.0 - now.0 + 999).max(0) / 1_000
}
