//! Which projects may call models, and how much of them in one execution.

use crate::api_error::ApiError;
use docle_protocol::isolate::AiUsage;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The variable that grants models: JSON, id of a project or `*` for every project → [`AiLimits`].
pub const GRANTS: &str = "AI_GRANTS";

/// What one execution of a project may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AiLimits {
    /// Calls of `ai()`.
    pub calls: u32,
    /// Tokens of input and output of all calls.
    pub tokens: u32,
}

impl Default for AiLimits {
    fn default() -> Self {
        Self { calls: 10, tokens: 10_000 }
    }
}

/// The limits of a project in `grants`, the text of [`GRANTS`].
///
/// # Errors
/// A sentence for the author of the script, when the project has no grant.
pub fn of_project(grants: &str, project: &str) -> Result<AiLimits, ApiError> {
    let grants: BTreeMap<String, AiLimits> = serde_json::from_str(grants).unwrap_or_default();
    grants.get(project).or_else(|| grants.get("*")).copied().ok_or_else(|| {
        ApiError::not_configured(format!(
            "ai() is not configured: this deployment grants the project no models. Its operator grants them with {GRANTS}."
        ))
    })
}

impl AiLimits {
    /// The most tokens that a call with so many tokens of input may answer with, after the calls in `used`, which counts
    /// what calls in progress may still use.
    ///
    /// # Errors
    /// When the execution may not make this call.
    pub fn output_left(&self, used: &AiUsage, input_tokens: u32) -> Result<u32, ApiError> {
        if used.calls >= self.calls {
            return Err(ApiError::limit(format!("A script of this project may call ai() {} times.", self.calls)));
        }
        let spent = used.input_tokens.saturating_add(used.output_tokens).saturating_add(input_tokens);
        let left = self.tokens.saturating_sub(spent);
        if left == 0 {
            return Err(ApiError::limit(format!(
                "A script of this project may use {} tokens of models: send a shorter input.",
                self.tokens
            )));
        }
        Ok(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_were_free_for_everybody() {
        for grants in ["", "{}", r#"{"proj_2":{}}"#, "not JSON", r#"{"proj_1":{"dollars":1}}"#] {
            let error = of_project(grants, "proj_1").unwrap_err();
            assert_eq!(error.name, "NotConfiguredError");
            assert!(error.message.contains("AI_GRANTS"), "{}", error.message);
        }
        let grants = r#"{"proj_1":{"calls":2},"*":{"tokens":5}}"#;
        assert_eq!(of_project(grants, "proj_1").unwrap(), AiLimits { calls: 2, tokens: 10_000 });
        assert_eq!(of_project(grants, "proj_2").unwrap(), AiLimits { calls: 10, tokens: 5 });
    }

    #[test]
    fn an_execution_is_bounded_in_calls_and_tokens() {
        let limits = AiLimits { calls: 2, tokens: 100 };
        let used = |calls, input_tokens, output_tokens| AiUsage { calls, input_tokens, output_tokens, neurons: 0.0 };
        assert_eq!(limits.output_left(&used(0, 0, 0), 10).unwrap(), 90);
        assert_eq!(limits.output_left(&used(1, 40, 20), 10).unwrap(), 30);
        assert!(limits.output_left(&used(2, 0, 0), 1).unwrap_err().message.contains("2 times"));
        assert!(limits.output_left(&used(1, 50, 40), 10).unwrap_err().message.contains("100 tokens"));
        assert!(limits.output_left(&used(0, 0, 0), u32::MAX).is_err());
    }
}
