//! The right to run programs with another person's API key, for a while: a [signed token](crate::domain::signed_token). The gate of the key
//! is asked all the same: it counts the call, and a key that was revoked ends its tokens.

use crate::domain::input::problem::FieldError;
use crate::domain::input::reader::Reader;
use crate::domain::run::program::Program;
use crate::domain::run::request::RunRequest;
use crate::domain::run::user_context::UserContext;
use crate::domain::script::request::ScriptRequest;
use crate::domain::secret::{DeploymentSecret, Purpose};
use crate::domain::signed_token;
use crate::domain::timestamp::Timestamp;
use docle_api::limits::{MEMORY_MB, TIMEOUT_MS};
use docle_protocol::isolate::RuntimeApi;
use docle_protocol::{Limits, Network};
use serde::{Deserialize, Serialize};

/// Random bytes in the id of a token.
pub const ID_BYTES: usize = 8;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    /// Tells tokens of one key apart: 16 hexadecimal digits.
    pub id: String,
    /// The hash of the API key, which names the gate.
    pub key_hash: String,
    pub expires_at: Timestamp,
    /// The origin of the only pages that may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The user for whom its runs are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_context: Option<UserContext>,
    pub limits: TokenLimits,
    /// Whether the embed frame uses it, for which a browser has checked the page around it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_framed: bool,
}

/// The most that a run with a token may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenLimits {
    pub timeout_ms: u32,
    #[serde(rename = "memoryMB")]
    pub memory_mb: u32,
    pub allow_network: bool,
    pub allow_packages: bool,
}

impl TokenLimits {
    /// These limits, with what the object names changed.
    pub fn changed(self, fields: &mut Reader<'_>) -> Self {
        Self {
            timeout_ms: fields.integer("timeoutMs", &TIMEOUT_MS).unwrap_or(self.timeout_ms),
            memory_mb: fields.integer("memoryMB", &MEMORY_MB).unwrap_or(self.memory_mb),
            allow_network: fields.boolean("allowNetwork").unwrap_or(self.allow_network),
            allow_packages: fields.boolean("allowPackages").unwrap_or(self.allow_packages),
        }
    }

    /// What both allow.
    pub fn lesser(self, other: Self) -> Self {
        Self {
            timeout_ms: self.timeout_ms.min(other.timeout_ms),
            memory_mb: self.memory_mb.min(other.memory_mb),
            allow_network: self.allow_network && other.allow_network,
            allow_packages: self.allow_packages && other.allow_packages,
        }
    }
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// This deployment has not signed it.
    Unknown,
    /// It has ended.
    Expired { at: Timestamp },
}

impl Claims {
    /// The token with these claims.
    pub fn sign(&self, secret: &DeploymentSecret) -> String {
        signed_token::sign(self, Purpose::RunToken, secret)
    }

    /// The claims of a token.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify(token: &str, secret: &DeploymentSecret, now: Timestamp) -> Result<Self, Refusal> {
        let claims: Self = signed_token::verify(token, Purpose::RunToken, secret).ok_or(Refusal::Unknown)?;
        if claims.expires_at <= now {
            return Err(Refusal::Expired { at: claims.expires_at });
        }
        Ok(claims)
    }

    /// Holds a run to what the token allows.
    ///
    /// # Errors
    /// What the request asks for and the token does not allow.
    pub fn restrict_run(&self, request: &mut RunRequest) -> Result<(), Vec<FieldError>> {
        let RunRequest { job, user_context, webhook, .. } = request;
        let restricted = self.restrict("", &mut job.limits, &job.network, &job.packages, user_context);
        let mut refused = restricted.err().unwrap_or_default();
        // Its files are fetched before the program starts, as packages are, and may list packages.
        if !self.limits.allow_packages && job.repo.is_some() {
            refused.push(refusal("repo", "allowPackages"));
        }
        if webhook.is_some() {
            // The holder is a stranger to the project, whose secret signs what is sent.
            let message = "is not available with a run token: start the run with the API key".to_owned();
            refused.push(FieldError { field: "webhook".to_owned(), message });
        }
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }

    /// The same for the program at `at` of a request: `runs[0].`, or nothing where it is the request itself.
    ///
    /// # Errors
    /// What the request asks for and the token does not allow.
    pub fn restrict_program(&self, at: &str, program: &mut Program) -> Result<(), Vec<FieldError>> {
        let Program { limits, network, packages, user_context, .. } = program;
        self.restrict(at, limits, network, packages, user_context)
    }

    fn restrict(
        &self,
        at: &str,
        limits: &mut Limits,
        network: &Network,
        packages: &[String],
        user_context: &mut Option<UserContext>,
    ) -> Result<(), Vec<FieldError>> {
        limits.timeout_ms = limits.timeout_ms.min(self.limits.timeout_ms);
        limits.memory_mb = limits.memory_mb.min(self.limits.memory_mb);
        let mut refused = Vec::new();
        if !self.limits.allow_network && *network != Network::None {
            refused.push(refusal(&format!("{at}policy.allowNetwork"), "allowNetwork"));
        }
        if !self.limits.allow_packages && !packages.is_empty() {
            refused.push(refusal(&format!("{at}packages"), "allowPackages"));
        }
        self.fill_user(at, user_context, &mut refused);
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }

    /// Holds a script to what the token allows. The models and the database of a project are for its own programs, never for
    /// a token.
    ///
    /// # Errors
    /// What the request asks for and the token does not allow.
    pub fn restrict_script(&self, request: &mut ScriptRequest) -> Result<(), Vec<FieldError>> {
        request.timeout_ms = request.timeout_ms.min(self.limits.timeout_ms);
        request.apis.retain(|api| match api {
            RuntimeApi::Console => true,
            RuntimeApi::Api => self.limits.allow_network,
            RuntimeApi::Db | RuntimeApi::Ai => false,
        });
        let mut refused = Vec::new();
        self.fill_user("", &mut request.user_context, &mut refused);
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }

    fn fill_user(&self, at: &str, sent: &mut Option<UserContext>, refused: &mut Vec<FieldError>) {
        if let Some(user) = &self.user_context {
            if sent.as_ref().is_some_and(|sent| sent != user) {
                let message = "is set by the token and cannot be another: leave it out";
                refused.push(FieldError { field: format!("{at}userContext"), message: message.to_owned() });
            }
            *sent = Some(user.clone());
        }
    }
}

fn refusal(field: &str, setting: &str) -> FieldError {
    let message = format!("is not allowed with this token or publishable key: make one with limits.{setting}");
    FieldError { field: field.to_owned(), message }
}

#[cfg(test)]
mod tests;
