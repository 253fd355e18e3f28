//! Logins of programs whose user types a code into a page (RFC 8628).

use serde::{Deserialize, Serialize};
#[cfg(feature = "schema")]
use {crate::limits::MAX_CLIENT_ID_CHARS, schemars::JsonSchema};

/// A program that wants to be signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceLoginRequest {
    /// What the program calls itself. The page shows it to the user.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = MAX_CLIENT_ID_CHARS), example = &"docle-cli on ada-laptop")
    )]
    pub client_id: String,
}

/// A login that waits for its user. Fields as in RFC 8628, section 3.2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct DeviceLogin {
    /// What the program asks with. It shows it to nobody.
    pub device_code: String,
    /// What the user types into the page.
    pub user_code: String,
    /// The page.
    pub verification_uri: String,
    /// Seconds until both codes expire.
    pub expires_in: i64,
    /// Seconds between two questions of the program.
    pub interval: i64,
}

/// A question for the token of a login. Fields as in RFC 8628, section 3.4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeviceTokenRequest {
    /// Always `urn:ietf:params:oauth:grant-type:device_code`.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^urn:ietf:params:oauth:grant-type:device_code$")))]
    pub grant_type: String,
    /// The `device_code` of the login.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{128}$")))]
    pub device_code: String,
    /// What the program calls itself, which changes nothing here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_CLIENT_ID_CHARS)))]
    pub client_id: Option<String>,
}

/// The management token that a program gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(JsonSchema))]
pub struct DeviceToken {
    /// A management token of the project that the user has chosen. It is shown only here.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the token expires.
    pub expires_in: i64,
    /// The id of the token among the keys of the project.
    pub id: String,
    /// The project.
    pub project_id: String,
}
