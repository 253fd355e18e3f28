//! Examples of accounts, projects and keys, and of a problem.

use crate::accounts::*;
use crate::device_logins::*;
use crate::document::example::{Example, KEY_ID, PROJECT_ID, RUN_ID, text, time};
use crate::end_users::RunPage;
use crate::errors::{ErrorCode, FieldError, Members, Problem};
use crate::judges::ListedJudge;
use crate::keys::*;
use crate::projects::*;
use crate::sandboxes::SandboxPage;
use crate::tokens::{RunToken, RunTokenLimits, RunTokenSettings};
use crate::webhooks::WebhookDeliveryPage;

/// A key of which every digit is a zero, so that it is no key.
const KEY: &str = "sk_live_000000000000000000000000000000000000000000000000";

impl Example for RunTokenSettings {
    const NAME: &'static str = "settings";

    fn example() -> Self {
        let limits =
            RunTokenLimits { timeout_ms: Some(5_000), allow_packages: Some(true), ..RunTokenLimits::default() };
        let origin = Some(text("https://app.example.com"));
        Self { ttl_seconds: Some(600), origin, user_context: None, limits: Some(limits) }
    }
}

impl Example for RunToken {
    const NAME: &'static str = "token";

    fn example() -> Self {
        Self {
            token: text("rt_eyJpZCI6IjAwMDAwMDAwMDAwMDAwMDAifQ.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            expires_at: time(),
        }
    }
}

impl Example for LinkRequest {
    const NAME: &'static str = "address";

    fn example() -> Self {
        Self { email: text("ada@example.com"), next: Some(text("/playground")) }
    }
}

impl Example for Link {
    const NAME: &'static str = "link";

    fn example() -> Self {
        Self { token: "0f".repeat(32) }
    }
}

impl Example for DeviceLoginRequest {
    const NAME: &'static str = "program";

    fn example() -> Self {
        Self { client_id: text("docle-cli on ada-laptop") }
    }
}

impl Example for DeviceLogin {
    const NAME: &'static str = "codes";

    fn example() -> Self {
        Self {
            device_code: "0f".repeat(64),
            user_code: text("WDJB-MJHT"),
            verification_uri: text("https://docle.co/device"),
            expires_in: 600,
            interval: 5,
        }
    }
}

impl Example for DeviceTokenRequest {
    const NAME: &'static str = "question";

    fn example() -> Self {
        let grant_type = text("urn:ietf:params:oauth:grant-type:device_code");
        Self { grant_type, device_code: "0f".repeat(64), client_id: None }
    }
}

impl Example for DeviceToken {
    const NAME: &'static str = "token";

    fn example() -> Self {
        Self {
            access_token: format!("mt_live_{}", "0f".repeat(24)),
            token_type: text("Bearer"),
            expires_in: 7_776_000,
            id: text(KEY_ID),
            project_id: text(PROJECT_ID),
        }
    }
}

impl Example for Message {
    const NAME: &'static str = "message";

    fn example() -> Self {
        Self { message: text("Signed in") }
    }
}

impl Example for Account {
    const NAME: &'static str = "account";

    fn example() -> Self {
        Self {
            id: text("user_3fa85f6457174562b3fc"),
            email: text("ada@example.com"),
            created_at: time(),
            session_id: text("sess_9b1deb4d3b7d4bad9bdd"),
        }
    }
}

impl Example for SessionPage {
    const NAME: &'static str = "sessions";

    fn example() -> Self {
        let session = Session {
            id: Account::example().session_id,
            current: true,
            created_at: time(),
            last_used_at: time(),
            expires_at: time(),
            ip_address: Some(text("203.0.113.7")),
            user_agent: Some(text("curl/8.5.0")),
        };
        Self { sessions: vec![session], next_cursor: None }
    }
}

impl Example for EventPage {
    const NAME: &'static str = "events";

    fn example() -> Self {
        let event = Event {
            id: text("evt_1b9d6bcdbbfd4b2d9b5d"),
            action: text("key_created"),
            subject: text(KEY_ID),
            project_id: Some(text(PROJECT_ID)),
            created_at: time(),
            ip_address: Some(text("203.0.113.7")),
            user_agent: Some(text("curl/8.5.0")),
        };
        Self { events: vec![event], next_cursor: None }
    }
}

impl Example for AccountUsage {
    const NAME: &'static str = "usage";

    fn example() -> Self {
        let quota = |quota, used, limit, resets_at| QuotaUsage { quota: text(quota), used, limit, resets_at };
        let quotas =
            vec![quota("projects", 2.0, Some(20), None), quota("cpu_seconds", 12.5, Some(3_600), Some(time()))];
        Self { quotas, trusted: false }
    }
}

impl Example for AccountExport {
    const NAME: &'static str = "export";

    fn example() -> Self {
        let project = ExportedProject {
            project: Project::example(),
            api_keys: vec![Key::example()],
            sandboxes: SandboxPage::example().sandboxes,
            judges: vec![ListedJudge::example()],
            webhook_deliveries: WebhookDeliveryPage::example().deliveries,
            history: RunPage::example().history,
            next_cursor: None,
        };
        Self {
            account: Account::example(),
            sessions: SessionPage::example().sessions,
            projects: vec![project],
            events: EventPage::example().events,
        }
    }
}

impl Example for ProjectSettings {
    const NAME: &'static str = "project";

    fn example() -> Self {
        Self { name: text("Shop"), store_ip: None, private_results: Some(true), isolates: None }
    }
}

impl Example for ProjectChange {
    const NAME: &'static str = "change";

    fn example() -> Self {
        let isolates =
            IsolateSettings { allowed_domains: Some(vec![text("*.example.com")]), database: Some(text("wiki")) };
        Self { isolates: Some(isolates), ..Self::default() }
    }
}

impl Example for Project {
    const NAME: &'static str = "project";

    fn example() -> Self {
        Self {
            id: text(PROJECT_ID),
            name: text("Shop"),
            store_ip: false,
            private_results: true,
            isolates: UsedIsolateSettings::default(),
            created_at: time(),
        }
    }
}

impl Example for ProjectPage {
    const NAME: &'static str = "projects";

    fn example() -> Self {
        Self { projects: vec![Project::example()], next_cursor: None }
    }
}

impl Example for KeySettings {
    const NAME: &'static str = "settings";

    fn example() -> Self {
        Self {
            key_type: None,
            limits: None,
            allow_in_url: None,
            name: Some(text("Production API")),
            allowed_domains: Some(vec![text("app.example.com"), text("*.example.com")]),
            rate_limit_per_minute: Some(300),
            expires_at: None,
        }
    }
}

impl Example for CreatedKey {
    const NAME: &'static str = "created";

    fn example() -> Self {
        Self { key: text(KEY), id: text(KEY_ID) }
    }
}

impl Example for Rotation {
    const NAME: &'static str = "rotation";

    fn example() -> Self {
        Self { overlap_seconds: Some(3_600) }
    }
}

impl Example for RotatedKey {
    const NAME: &'static str = "rotated";

    fn example() -> Self {
        let previous = EndingKey { id: text("key_6ba7b8109dad11d180b4"), expires_at: time() };
        Self { key: text(KEY), id: text(KEY_ID), expires_at: None, previous }
    }
}

impl Example for Key {
    const NAME: &'static str = "key";

    fn example() -> Self {
        Self {
            id: text(KEY_ID),
            name: text("Production API"),
            key_type: KeyType::Secret,
            key_prefix: text("sk_live_0000"),
            key: None,
            limits: None,
            allowed_domains: vec![text("app.example.com")],
            allow_in_url: false,
            rate_limit_per_minute: 300,
            last_used_at: None,
            is_active: 1,
            expires_at: None,
            revoked_at: None,
            successor_id: None,
            created_at: time(),
        }
    }
}

impl Example for KeyPage {
    const NAME: &'static str = "keys";

    fn example() -> Self {
        Self { api_keys: vec![Key::example()], next_cursor: None }
    }
}

impl Problem {
    /// A problem with this code, for the document.
    pub fn example_of(code: ErrorCode) -> Self {
        let detail = text(code.description());
        let mut members = Members::default();
        let mut errors = Vec::new();
        match code {
            ErrorCode::ApiKeyRequired => members.signup_url = Some(text("https://docle.co/login")),
            ErrorCode::KeyRotated => members.successor_id = Some(text(KEY_ID)),
            ErrorCode::TooManyRequests => members.retry_after = Some(540),
            ErrorCode::QuotaExceeded => {
                members.quota = Some(text("cpu_seconds"));
                members.limit = Some(3_600);
                members.reset_at = Some(1_769_904_000_000);
            }
            ErrorCode::QuotaFull => {
                members.quota = Some(text("projects"));
                members.limit = Some(20);
            }
            ErrorCode::RateLimitExceeded => {
                members.limit = Some(60);
                members.remaining = Some(0);
                members.reset_at = Some(1_769_860_800_000);
            }
            ErrorCode::InvalidRequest => {
                let field = FieldError { field: text("field"), message: text("is not a field; there are: …") };
                errors.push(field);
            }
            _ => {}
        }
        Self {
            kind: format!("/docs/errors#{}", code.name()),
            title: text(code.title()),
            status: code.status(),
            error: text(code.title()),
            message: detail.clone(),
            detail,
            instance: text("/api/run"),
            code,
            request_id: text(RUN_ID),
            errors,
            members: Box::new(members),
        }
    }
}
