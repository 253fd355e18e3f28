//! The settings of a deployment, read once and valid from then on.

use docle_protocol::limits::TIMEOUT_MS;

/// What a deployment may choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `development`, `staging` or `production`.
    pub environment: String,
    /// The highest `policy.timeoutMs`.
    pub max_timeout_ms: u32,
    /// Where people sign up; it is named to callers without a key.
    pub signup_url: String,
    pub backend: BackendKind,
}

/// How the Sandbox object reaches its runner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendKind {
    /// At `SANDBOX_URL`.
    Url,
    /// Through its container binding.
    Container,
}

impl BackendKind {
    /// The name in `/health`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Container => "container",
        }
    }
}

impl Config {
    /// The settings that the variables make; `variable` gives the value of each that is set.
    ///
    /// # Errors
    /// A sentence that names the variable that is wrong.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let max_timeout_ms = match variable("MAX_TIMEOUT_MS") {
            None => *TIMEOUT_MS.end(),
            Some(text) => text.parse().ok().filter(|ms| TIMEOUT_MS.contains(ms)).ok_or_else(|| {
                format!("MAX_TIMEOUT_MS must be an integer from {} to {}", TIMEOUT_MS.start(), TIMEOUT_MS.end())
            })?,
        };
        Ok(Self {
            environment: variable("ENVIRONMENT").unwrap_or_else(|| "production".to_owned()),
            max_timeout_ms,
            signup_url: variable("PUBLIC_APP_URL").unwrap_or_else(|| "/login".to_owned()),
            backend: if variable("SANDBOX_URL").is_some() { BackendKind::Url } else { BackendKind::Container },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_defaults_and_ranges() {
        let read =
            |name: &'static str, value: &str| Config::from_variables(|asked| (asked == name).then(|| value.to_owned()));
        let default = read("", "").unwrap();
        assert_eq!((default.max_timeout_ms, default.backend), (300_000, BackendKind::Container));
        assert_eq!(default.environment, "production");
        assert_eq!(read("MAX_TIMEOUT_MS", "1000").unwrap().max_timeout_ms, 1_000);
        assert_eq!(read("SANDBOX_URL", "http://x").unwrap().backend, BackendKind::Url);
        for wrong in ["", "99", "300001", "1e3", "a"] {
            assert!(read("MAX_TIMEOUT_MS", wrong).is_err(), "{wrong}");
        }
    }
}
