//! The settings of a deployment, read once and valid from then on.

use crate::domain::account::next_page::NextPage;
use crate::domain::account::quota::{Quota, QuotaLimits};
use crate::domain::host::host_of;
use crate::domain::pool::fleet::FleetLimits;
use crate::domain::pool::scheduler::PoolLimits;
use crate::domain::sandbox::preview;
pub use docle_api::health::BackendKind as RunnerLocation;
use docle_api::limits::TIMEOUT_MS;
use std::ops::RangeInclusive;

/// The values of `ENVIRONMENT`.
const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// The value of a variable that takes the limit of a quota away.
const UNLIMITED: &str = "unlimited";
/// The highest limit of a quota: more than a day of any deployment, and a number that JSON has exactly.
const MAX_QUOTA: u64 = 1_000_000_000;

/// The highest number of containers of one class.
const MAX_CONTAINERS: u32 = 10_000;

/// What a deployment may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `development`, `staging` or `production`.
    pub environment: String,
    /// The highest `policy.timeoutMs`.
    pub max_timeout_ms: u32,
    /// The address under which this API is called, without a slash at the end. Where it is not set, requests say it
    /// themselves, which is right wherever only the platform can route them here.
    pub public_url: Option<String>,
    /// The address of the website in front of this API, without a slash at the end, where there is one.
    pub app_url: Option<String>,
    /// What the hosts of exposed ports end with, such as `preview.example.net`. Programs answer there, so it is no host of this service.
    pub preview_host: Option<String>,
    pub backend: RunnerLocation,
    /// What an account may have, do at once, and use in a day.
    pub quotas: QuotaLimits,
}

impl Config {
    /// The settings that the variables make; `variable` gives the value of each that is set.
    ///
    /// # Errors
    /// A sentence that names the variable that is wrong.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let environment = variable("ENVIRONMENT").unwrap_or_else(|| "production".to_owned());
        if !ENVIRONMENTS.contains(&environment.as_str()) {
            return Err(format!("ENVIRONMENT must be one of {}", ENVIRONMENTS.join(", ")));
        }
        let max_timeout_ms = integer(&variable, "MAX_TIMEOUT_MS", TIMEOUT_MS, *TIMEOUT_MS.end())?;
        let url = |name| variable(name).map(|url| url.trim_end_matches('/').to_owned());
        let (public_url, app_url) = (url("PUBLIC_URL"), url("PUBLIC_APP_URL"));
        let own = [("PUBLIC_URL", public_url.as_deref()), ("PUBLIC_APP_URL", app_url.as_deref())];
        Ok(Self {
            preview_host: preview_host(variable("PREVIEW_HOST"), own)?,
            quotas: quota_limits(&variable)?,
            environment,
            max_timeout_ms,
            public_url,
            app_url,
            backend: if variable("SANDBOX_URL").is_some() { RunnerLocation::Url } else { RunnerLocation::Container },
        })
    }

    /// Whether this is a machine on which people work on Docle.
    pub fn is_development(&self) -> bool {
        self.environment == "development"
    }

    /// The hosts of this service: those of its settings, and the one that a client has called, in lower case and without a port.
    pub fn own_hosts(&self, called_at: &str) -> Vec<String> {
        let ours = [Some(called_at), self.public_url.as_deref(), self.app_url.as_deref()];
        ours.into_iter().flatten().map(host_of).collect()
    }

    /// What the hosts of exposed ports end with; `None` where ports cannot be exposed. A development machine has its own name.
    pub fn preview_host(&self) -> Option<&str> {
        self.preview_host.as_deref().or(self.is_development().then_some(preview::LOCAL))
    }

    /// Where people sign up: at the website, or at this service, whose address is `base_url`. Callers without a key learn
    /// it.
    pub fn signup_url(&self, base_url: &str) -> String {
        format!("{}/login", self.app_url.as_deref().unwrap_or(base_url))
    }

    /// Where people are sent once they are signed in: to a page of the website, or to its first one.
    pub fn page_url(&self, next: Option<&NextPage>) -> String {
        format!("{}{}", self.app_url.as_deref().unwrap_or_default(), next.map_or("/", NextPage::as_str))
    }
}

/// A host that is below none of the service's own addresses.
fn preview_host(text: Option<String>, own: [(&str, Option<&str>); 2]) -> Result<Option<String>, String> {
    let Some(host) = text.map(|text| text.to_ascii_lowercase()) else { return Ok(None) };
    let (name, port) = host.split_once(':').map_or((host.as_str(), None), |(name, port)| (name, Some(port)));
    let is_name =
        |label: &str| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !name.split('.').all(is_name) || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Err("PREVIEW_HOST must be the name of a host, such as preview.example.net".to_owned());
    }
    for (variable, url) in own {
        if url.is_some_and(|url| preview::covers(&host, url)) {
            return Err(format!(
                "PREVIEW_HOST must not be the host of {variable} or above it, because programs answer below it"
            ));
        }
    }
    Ok(Some(host))
}

/// What one project may use, as the variables say. Only the object that shares it out reads them.
///
/// # Errors
/// A sentence that names the variable that is wrong.
pub fn pool_limits(variable: impl Fn(&str) -> Option<String>) -> Result<PoolLimits, String> {
    let setting = |name, range, default| integer(&variable, name, range, default);
    Ok(PoolLimits {
        max_instances: setting("POOL_MAX_INSTANCES", 1..=100, 3)? as usize,
        max_running: setting("POOL_MAX_RUNNING", 1..=10_000, 100)? as usize,
        // What three containers of one core get done of 300 ms runs before the first in the queue would have to give up.
        max_queued: setting("POOL_MAX_QUEUED", 1..=100_000, 300)? as usize,
        // The platform's own default is ten minutes, too. It takes six hours at most.
        sleep_after_ms: i64::from(setting("SLEEP_AFTER_S", 1..=21_600, 600)?) * 1_000,
    })
}

/// How many containers there may be. `FLEET_CONTAINERS` is what wrangler.toml has as `max_instances`.
///
/// # Errors
/// A sentence that names the variable that is wrong.
pub fn fleet_limits(variable: impl Fn(&str) -> Option<String>) -> Result<FleetLimits, String> {
    let of_account = quota_limits(&variable)?.of(Quota::ContainersAtOnce);
    // A development machine has as many containers as it starts.
    let default = if variable("ENVIRONMENT").as_deref() == Some("development") { MAX_CONTAINERS } else { 5 };
    Ok(FleetLimits {
        containers: integer(&variable, "FLEET_CONTAINERS", 1..=MAX_CONTAINERS, default)?,
        of_account: of_account.and_then(|limit| u32::try_from(limit).ok()),
    })
}

/// How many sandboxes may be awake: the platform has no limit of its own for their containers.
///
/// # Errors
/// A sentence that names the variable that is wrong.
pub fn awake_limits(variable: impl Fn(&str) -> Option<String>) -> Result<FleetLimits, String> {
    let of_account = quota_limits(&variable)?.of(Quota::SandboxesAwake);
    // A development machine has one runner for all of them, and its memory.
    let default = if variable("ENVIRONMENT").as_deref() == Some("development") { 100 } else { 5 };
    Ok(FleetLimits {
        containers: integer(&variable, "SANDBOXES_AWAKE", 1..=MAX_CONTAINERS, default)?,
        of_account: of_account.and_then(|limit| u32::try_from(limit).ok()),
    })
}

/// The quotas of an account, as the variables say. A development machine limits nothing that no variable limits.
///
/// # Errors
/// A sentence that names the variable that is wrong.
pub fn quota_limits(variable: impl Fn(&str) -> Option<String>) -> Result<QuotaLimits, String> {
    let is_development = variable("ENVIRONMENT").as_deref() == Some("development");
    let mut limits = if is_development { QuotaLimits::UNLIMITED } else { QuotaLimits::default() };
    for quota in Quota::ALL {
        let name = quota.variable();
        limits = match variable(name).as_deref() {
            None => limits,
            Some(UNLIMITED) => limits.with(quota, None),
            Some(text) => {
                let limit = text.parse().ok().filter(|limit| *limit <= MAX_QUOTA);
                let wrong = || format!("{name} must be an integer from 0 to {MAX_QUOTA}, or {UNLIMITED}");
                limits.with(quota, Some(limit.ok_or_else(wrong)?))
            }
        };
    }
    Ok(limits)
}

fn integer(
    variable: impl Fn(&str) -> Option<String>,
    name: &str,
    range: RangeInclusive<u32>,
    default: u32,
) -> Result<u32, String> {
    let Some(text) = variable(name) else { return Ok(default) };
    let value = text.parse().ok().filter(|value| range.contains(value));
    value.ok_or_else(|| format!("{name} must be an integer from {} to {}", range.start(), range.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_defaults_and_ranges() {
        let read =
            |name: &'static str, value: &str| Config::from_variables(|asked| (asked == name).then(|| value.to_owned()));
        let default = read("", "").unwrap();
        assert_eq!((default.max_timeout_ms, default.backend), (300_000, RunnerLocation::Container));
        assert_eq!(default.environment, "production");
        assert_eq!(read("MAX_TIMEOUT_MS", "1000").unwrap().max_timeout_ms, 1_000);
        assert_eq!(read("SANDBOX_URL", "http://x").unwrap().backend, RunnerLocation::Url);
        let app = read("PUBLIC_APP_URL", "https://app.example.com/").unwrap();
        assert_eq!(
            (app.signup_url("http://x").as_str(), app.is_development()),
            ("https://app.example.com/login", false)
        );
        assert_eq!((default.signup_url("http://x").as_str(), default.page_url(None).as_str()), ("http://x/login", "/"));
        assert!(read("ENVIRONMENT", "development").unwrap().is_development());
        assert!(read("ENVIRONMENT", "Development").is_err_and(|message| message.starts_with("ENVIRONMENT")));
        for wrong in ["", "99", "300001", "1e3", "a"] {
            assert!(read("MAX_TIMEOUT_MS", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_preview_host_above_the_service_let_programs_answer_for_it() {
        let read = |host: &'static str, url: &'static str| {
            Config::from_variables(|asked| match asked {
                "PREVIEW_HOST" => Some(host.to_owned()),
                "PUBLIC_URL" => Some(url.to_owned()),
                _ => None,
            })
        };
        let config = read("Preview.example.net", "https://api.example.com").unwrap();
        assert_eq!(config.preview_host(), Some("preview.example.net"));
        assert_eq!(Config::from_variables(|_| None).unwrap().preview_host(), None);
        for (host, url) in [
            ("example.com", "https://api.example.com"),
            ("api.example.com:443", "https://api.example.com"),
            ("", "https://a.b"),
            ("https://p.example.net", "https://a.b"),
            ("*.example.net", "https://a.b"),
            ("p..net", "https://a.b"),
            ("p.net:x", "https://a.b"),
        ] {
            assert!(read(host, url).is_err_and(|message| message.starts_with("PREVIEW_HOST")), "{host}");
        }
    }

    #[test]
    fn a_pool_has_defaults_and_ranges() {
        let read = |name: &'static str, value: &str| pool_limits(|asked| (asked == name).then(|| value.to_owned()));
        let expected = PoolLimits { max_instances: 3, max_running: 100, max_queued: 300, sleep_after_ms: 600_000 };
        assert_eq!(read("", ""), Ok(expected));
        assert_eq!(read("SLEEP_AFTER_S", "2"), Ok(PoolLimits { sleep_after_ms: 2_000, ..expected }));
        for name in ["POOL_MAX_INSTANCES", "POOL_MAX_RUNNING", "POOL_MAX_QUEUED", "SLEEP_AFTER_S"] {
            assert!(read(name, "0").is_err_and(|message| message.starts_with(name)));
        }
        assert!(read("SLEEP_AFTER_S", "21600").is_ok() && read("SLEEP_AFTER_S", "21601").is_err());
    }

    #[test]
    fn a_deployment_sets_quotas_and_a_development_machine_has_none() {
        let read = |values: &'static [(&str, &str)]| {
            quota_limits(|asked| values.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned()))
        };
        assert_eq!(read(&[]), Ok(QuotaLimits::default()));
        assert_eq!(read(&[("ENVIRONMENT", "development")]), Ok(QuotaLimits::UNLIMITED));
        let limits = read(&[("ENVIRONMENT", "development"), ("QUOTA_PROJECTS", "2")]).unwrap();
        assert_eq!((limits.of(Quota::Projects), limits.of(Quota::Keys)), (Some(2), None));
        let limits = read(&[("QUOTA_CPU_SECONDS", "unlimited"), ("QUOTA_KEYS", "0")]).unwrap();
        assert_eq!((limits.of(Quota::CpuSeconds), limits.of(Quota::Keys)), (None, Some(0)));
        for wrong in ["-1", "x", "1.5", "1000000001"] {
            let limits = quota_limits(|asked| (asked == "QUOTA_ROOMS").then(|| wrong.to_owned()));
            assert!(limits.is_err_and(|sentence| sentence.starts_with("QUOTA_ROOMS must be")), "{wrong}");
        }
    }
}
