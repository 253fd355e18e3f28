//! What the holder of a project says about a key: at its creation, later, and when it is replaced.

use crate::domain::input::problem::{FieldError, Problems};
use crate::domain::input::reader::{Reader, shown};
use crate::domain::key::allowed_domain;
use crate::domain::key::api_key::Kind;
use crate::domain::key::publishable::PageLimits;
use crate::domain::timestamp::{DAY_MS, Timestamp};
use docle_api::limits::{
    DEFAULT_MANAGEMENT_DAYS, DEFAULT_OVERLAP_SECONDS, DEFAULT_PUBLISHABLE_RATE_LIMIT, DEFAULT_RATE_LIMIT,
    MAX_KEY_DOMAINS, MAX_MANAGEMENT_DAYS, MAX_URL_KEY_DAYS, MAX_URL_KEY_RATE_LIMIT, OVERLAP_SECONDS, RATE_LIMIT,
};
use docle_api::{fields, keys};
use serde_json::Value;

pub use docle_api::limits::MAX_NAME_CHARS;

/// What a key is called and may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySettings {
    pub name: String,
    pub allowed_domains: Vec<String>,
    pub rate_limit_per_minute: u32,
    pub expires_at: Option<Timestamp>,
    /// What a publishable key may do; `None` for a secret key.
    pub page: Option<PageLimits>,
    /// Whether the key may stand in URLs. Then it runs programs and does nothing else.
    pub allow_in_url: bool,
    /// Whether it is a management token, with which a server manages the project. Then it runs nothing.
    pub is_management: bool,
}

impl KeySettings {
    /// A management token with the usual limit, to which the caller gives an end.
    pub fn management(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            allowed_domains: Vec::new(),
            rate_limit_per_minute: DEFAULT_RATE_LIMIT,
            expires_at: None,
            page: None,
            allow_in_url: false,
            is_management: true,
        }
    }

    /// What the key is for.
    pub fn kind(&self) -> Kind {
        match self.page {
            Some(_) => Kind::Publishable,
            None if self.is_management => Kind::Management,
            None => Kind::Secret,
        }
    }
}

/// Reads the body that creates a key. Without a name it is called after what it is.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_new(body: Value, now: Timestamp) -> Result<KeySettings, Vec<FieldError>> {
    let (is_publishable, is_management) = (body["type"] == PUBLISHABLE, body["type"] == MANAGEMENT);
    let name = if is_management { keys::DEFAULT_MANAGEMENT_NAME } else { keys::DEFAULT_NAME };
    let unnamed = KeySettings {
        name: name.to_owned(),
        allowed_domains: Vec::new(),
        rate_limit_per_minute: if is_publishable { DEFAULT_PUBLISHABLE_RATE_LIMIT } else { DEFAULT_RATE_LIMIT },
        expires_at: is_management.then(|| now.plus_ms(DEFAULT_MANAGEMENT_DAYS * DAY_MS)),
        page: is_publishable.then(PageLimits::default),
        allow_in_url: body["allowInUrl"] == true,
        is_management,
    };
    parse_change(body, unnamed, now)
}

/// Reads the body that changes some settings of a key; the others stay as in `settings`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_change(body: Value, mut settings: KeySettings, now: Timestamp) -> Result<KeySettings, Vec<FieldError>> {
    let mut problems = Problems::default();
    let inside = [("limits", fields::of::<keys::PublishableLimits>())];
    let known = fields::of::<keys::KeySettings>();
    let read = Reader::open_with(body, String::new(), known, &inside, &mut problems).map(|mut fields| {
        check_type(&mut fields, settings.kind());
        if let Some(name) = read_name(&mut fields) {
            settings.name = name;
        }
        if let Some(domains) = read_domains(&mut fields) {
            settings.allowed_domains = domains;
        }
        if let Some(limit) = fields.integer("rateLimitPerMinute", &RATE_LIMIT) {
            settings.rate_limit_per_minute = limit;
        }
        match fields.value("expiresAt") {
            None if fields.is_null("expiresAt") => settings.expires_at = None,
            None => {}
            Some(value) => match value.as_str().and_then(Timestamp::parse).filter(|at| now < *at) {
                Some(at) => settings.expires_at = Some(at),
                None => {
                    let got = shown(&value.to_string());
                    let message = "must be a future time in ISO 8601, such as \"2030-01-31T12:00:00Z\", or null; got ";
                    fields.note("expiresAt", format!("{message}{got}"));
                }
            },
        }
        read_limits(&mut fields, &mut settings);
        check_url_use(&mut fields, &settings, now);
        check_management(&mut fields, &settings, now);
        settings
    });
    problems.conclude(read)
}

/// The type of a publishable key, as a body names it.
const PUBLISHABLE: &str = "publishable";
/// That of a management token.
const MANAGEMENT: &str = "management";

/// Reads `type`, which a key keeps for good.
fn check_type(fields: &mut Reader<'_>, kind: Kind) {
    let Some(text) = fields.string("type") else { return };
    let names = [("secret", Kind::Secret), (PUBLISHABLE, Kind::Publishable), (MANAGEMENT, Kind::Management)];
    let named = names.into_iter().find(|(name, _)| *name == text);
    match named {
        Some((_, named)) if named == kind => {}
        Some(_) => fields.note("type", "cannot be changed: make another key"),
        None => {
            let got = shown(&text);
            fields.note("type", format!("must be \"secret\", \"{PUBLISHABLE}\" or \"{MANAGEMENT}\"; got \"{got}\""));
        }
    }
}

/// Reads `limits`, and checks what a publishable key needs.
fn read_limits(fields: &mut Reader<'_>, settings: &mut KeySettings) {
    let has_limits = fields.has("limits");
    match &mut settings.page {
        Some(page) => {
            if let Some(mut limits) = fields.object("limits", fields::of::<keys::PublishableLimits>()) {
                *page = page.changed(&mut limits);
            }
            if settings.allowed_domains.is_empty() {
                let message = "must name the host of at least one page, such as \"app.example.com\" or \"localhost\", \
                               because everybody can read a publishable key";
                fields.note("allowedDomains", message);
            }
        }
        None if has_limits => {
            fields.note("limits", format!("is for keys with \"type\": \"{PUBLISHABLE}\" only: leave it out"));
        }
        None => {}
    }
}

/// Reads `allowInUrl`, which a key keeps for good, and checks what a key in URLs needs: others will see it some day.
fn check_url_use(fields: &mut Reader<'_>, settings: &KeySettings, now: Timestamp) {
    if fields.boolean("allowInUrl").is_some_and(|asked| asked != settings.allow_in_url) {
        fields.note("allowInUrl", "cannot be changed: make another key");
    }
    if !settings.allow_in_url {
        return;
    }
    if settings.page.is_some() {
        fields.note("allowInUrl", "is for secret keys: a publishable key may stand in URLs anyway, so leave it out");
    }
    if settings.expires_at.is_none_or(|end| end > now.plus_ms(MAX_URL_KEY_DAYS * DAY_MS)) {
        let message = format!("must be at most {MAX_URL_KEY_DAYS} days away for a key with \"allowInUrl\": true");
        fields.note("expiresAt", message);
    }
    if settings.rate_limit_per_minute > MAX_URL_KEY_RATE_LIMIT {
        let message = format!("must be at most {MAX_URL_KEY_RATE_LIMIT} for a key with \"allowInUrl\": true");
        fields.note("rateLimitPerMinute", message);
    }
}

/// Checks what a management token needs: an end, and no page.
fn check_management(fields: &mut Reader<'_>, settings: &KeySettings, now: Timestamp) {
    if !settings.is_management {
        return;
    }
    if settings.allow_in_url {
        fields.note("allowInUrl", "is for secret keys: a management token stands in a header only, so leave it out");
    }
    if !settings.allowed_domains.is_empty() {
        fields.note("allowedDomains", "is not for management tokens, which are refused from web pages: leave it out");
    }
    if settings.expires_at.is_none_or(|end| end > now.plus_ms(MAX_MANAGEMENT_DAYS * DAY_MS)) {
        let message = format!("must be at most {MAX_MANAGEMENT_DAYS} days away for a management token");
        fields.note("expiresAt", message);
    }
}

/// Reads the body that replaces a key: for how many seconds the old one goes on working.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_overlap(body: Value) -> Result<u32, Vec<FieldError>> {
    let mut problems = Problems::default();
    let overlap = Reader::open(body, String::new(), fields::of::<keys::Rotation>(), &mut problems)
        .map(|mut fields| fields.integer("overlapSeconds", &OVERLAP_SECONDS).unwrap_or(DEFAULT_OVERLAP_SECONDS));
    problems.conclude(overlap)
}

/// Reads `name`: a line of text that is not empty.
pub fn read_name(fields: &mut Reader<'_>) -> Option<String> {
    let name = fields.string("name")?.trim().to_owned();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        fields.note("name", format!("must be one line of 1 to {MAX_NAME_CHARS} characters"));
        return None;
    }
    Some(name)
}

fn read_domains(fields: &mut Reader<'_>) -> Option<Vec<String>> {
    let texts = fields.strings("allowedDomains", MAX_KEY_DOMAINS)?;
    let mut domains = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match allowed_domain::parse(text) {
            Ok(domain) => domains.push(domain),
            Err(clause) => {
                fields.note(&format!("allowedDomains[{index}]"), format!("{clause}; got \"{}\"", shown(text)))
            }
        }
    }
    domains.sort();
    domains.dedup();
    Some(domains)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_000);

    #[test]
    fn the_published_body_makes_a_key() {
        let body = json!({
            "name": "Production API", "allowedDomains": ["app.example.com", "*.Example.com"], "rateLimitPerMinute": 300,
        });
        let settings = parse_new(body, NOW).unwrap();
        assert_eq!((settings.name.as_str(), settings.rate_limit_per_minute), ("Production API", 300));
        assert_eq!(settings.allowed_domains, ["*.example.com", "app.example.com"]);
        let default = parse_new(json!({}), NOW).unwrap();
        assert_eq!((default.rate_limit_per_minute, default.expires_at), (60, None));
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let settings = parse_new(json!({ "name": "a", "expiresAt": "1970-01-01T00:00:02Z" }), NOW).unwrap();
        assert_eq!(settings.expires_at, Some(Timestamp(2_000)));
        let changed = parse_change(json!({ "rateLimitPerMinute": 5 }), settings.clone(), NOW).unwrap();
        assert_eq!(changed, KeySettings { rate_limit_per_minute: 5, ..settings.clone() });
        let changed = parse_change(json!({ "expiresAt": null }), settings.clone(), NOW).unwrap();
        assert_eq!(changed, KeySettings { expires_at: None, ..settings });
    }

    #[test]
    fn a_publishable_key_needs_a_domain_and_has_limits() {
        let body = json!({ "type": "publishable", "allowedDomains": ["a.com"], "limits": { "timeoutMs": 2_000 } });
        let settings = parse_new(body, NOW).unwrap();
        let page = settings.page.unwrap();
        assert_eq!((settings.rate_limit_per_minute, settings.kind()), (30, Kind::Publishable));
        assert_eq!((page.run.timeout_ms, page.run.memory_mb, page.network_limit), (2_000, 256, 10));
        assert!(!page.run.allow_network && !page.run.allow_packages);
        let changed = parse_change(json!({ "limits": { "allowNetwork": true } }), settings.clone(), NOW).unwrap();
        let page = changed.page.unwrap();
        assert!(page.run.allow_network && page.run.timeout_ms == 2_000);
        let wrong = |body| parse_change(body, settings.clone(), NOW).unwrap_err()[0].field.clone();
        assert_eq!(wrong(json!({ "allowedDomains": [] })), "allowedDomains");
        assert_eq!(wrong(json!({ "type": "secret" })), "type");
        assert_eq!(wrong(json!({ "limits": { "timeoutMs": 1 } })), "limits.timeoutMs");
        let secret = parse_new(json!({ "type": "secret" }), NOW).unwrap();
        assert_eq!(secret, parse_new(json!({}), NOW).unwrap());
    }

    #[test]
    fn a_key_for_urls_has_an_end_and_a_low_rate() {
        let body = |more: Value| {
            let mut body = json!({ "allowInUrl": true, "expiresAt": "1970-03-31T00:00:00Z" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let settings = parse_new(body(json!({})), NOW).unwrap();
        assert!(settings.allow_in_url && !parse_new(json!({}), NOW).unwrap().allow_in_url);
        for (more, field) in [
            (json!({ "expiresAt": null }), "expiresAt"),
            (json!({ "expiresAt": "1970-04-02T00:00:00Z" }), "expiresAt"),
            (json!({ "rateLimitPerMinute": 61 }), "rateLimitPerMinute"),
            (json!({ "allowInUrl": "yes" }), "allowInUrl"),
            (json!({ "type": "publishable", "allowedDomains": ["a.com"] }), "allowInUrl"),
        ] {
            assert_eq!(parse_new(body(more.clone()), NOW).unwrap_err()[0].field, field, "{more}");
        }
        let changed = |change| parse_change(change, settings.clone(), NOW).map_err(|errors| errors[0].field.clone());
        assert_eq!(changed(json!({ "allowInUrl": false })), Err("allowInUrl".to_owned()));
        assert_eq!(changed(json!({ "expiresAt": null })), Err("expiresAt".to_owned()));
        assert!(changed(json!({ "allowInUrl": true, "name": "b" })).is_ok());
    }

    #[test]
    fn a_management_token_has_an_end_and_no_pages() {
        let body = |more: Value| {
            let mut body = json!({ "type": "management" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let settings = parse_new(body(json!({})), NOW).unwrap();
        assert_eq!((settings.kind(), settings.name.as_str()), (Kind::Management, "Management token"));
        assert_eq!(settings.expires_at, Some(NOW.plus_ms(90 * DAY_MS)));
        for (more, field) in [
            (json!({ "expiresAt": null }), "expiresAt"),
            (json!({ "expiresAt": "1971-01-02T00:00:00Z" }), "expiresAt"),
            (json!({ "allowedDomains": ["a.com"] }), "allowedDomains"),
            (json!({ "allowInUrl": true, "expiresAt": "1970-01-02T00:00:00Z" }), "allowInUrl"),
            (json!({ "limits": {} }), "limits"),
        ] {
            assert_eq!(parse_new(body(more.clone()), NOW).unwrap_err()[0].field, field, "{more}");
        }
        let changed = |change| parse_change(change, settings.clone(), NOW).map_err(|errors| errors[0].field.clone());
        assert_eq!(changed(json!({ "type": "secret" })), Err("type".to_owned()));
        assert!(changed(json!({ "type": "management", "expiresAt": "1971-01-01T00:00:00Z" })).is_ok());
    }

    #[test]
    fn wrong_settings_are_named() {
        for (body, field) in [
            (json!({ "name": "" }), "name"),
            (json!({ "name": "a\nb" }), "name"),
            (json!({ "name": "x".repeat(101) }), "name"),
            (json!({ "rateLimitPerMinute": 0 }), "rateLimitPerMinute"),
            (json!({ "rateLimitPerMinute": 10_001 }), "rateLimitPerMinute"),
            (json!({ "rateLimitPerMinute": "60" }), "rateLimitPerMinute"),
            (json!({ "allowedDomains": "a.com" }), "allowedDomains"),
            (json!({ "allowedDomains": ["a.com", "https://b.com/c"] }), "allowedDomains[1]"),
            (json!({ "expiresAt": "tomorrow" }), "expiresAt"),
            (json!({ "expiresAt": "1970-01-01T00:00:01Z" }), "expiresAt"),
            (json!({ "project_id": "proj_2" }), "project_id"),
            (json!({ "is_active": 1 }), "is_active"),
            (json!({ "type": "public" }), "type"),
            (json!({ "type": "publishable" }), "allowedDomains"),
            (json!({ "limits": {} }), "limits"),
            (json!([]), ""),
        ] {
            assert_eq!(parse_new(body.clone(), NOW).unwrap_err()[0].field, field, "{body}");
        }
        assert_eq!(parse_overlap(json!({})), Ok(86_400));
        assert_eq!(parse_overlap(json!({ "overlapSeconds": 0 })), Ok(0));
        assert!(parse_overlap(json!({ "overlapSeconds": -1 })).is_err());
    }
}
