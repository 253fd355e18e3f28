//! Who may use a sandbox: its project, by a secret key, and the owner of the project, by a session.

use crate::app::App;
use crate::app::{projects, sandboxes};
use crate::domain::sandbox::id::SandboxId;
use crate::http::auth::caller::{ApiClient, SignedIn, credentials};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::{Call, invalid};
use crate::http::request::same_origin;
use crate::ports::sandboxes::SandboxOf;

/// What stands before a key in place of an id.
const KEY: &str = "key:";

/// A client that may use sandboxes.
pub enum SandboxCaller {
    /// The holder of a secret key of this project.
    Project(String),
    /// The user with this id.
    User(String),
}

impl SandboxCaller {
    /// The holder of the secret key, whose call counts against its limit; else the user of the session cookie.
    ///
    /// # Errors
    /// As for [`ApiClient::extract`] and [`SignedIn::extract`].
    pub async fn extract(app: &App, call: &Call) -> Result<Self, ApiError> {
        match credentials(call.headers()) {
            Some(_) => Self::extract_key(app, call).await,
            None => Ok(Self::User(SignedIn::extract(app, call).await?.user_id().to_owned())),
        }
    }

    /// The holder of a secret key, for a client that has no session. The call counts.
    ///
    /// # Errors
    /// As for [`ApiClient::extract`].
    pub async fn extract_key(app: &App, call: &Call) -> Result<Self, ApiError> {
        Ok(Self::Project(ApiClient::extract(app, call).await?.owner.project_id))
    }

    /// The same without counting.
    ///
    /// # Errors
    /// As for [`ApiClient::extract_uncounted`].
    pub async fn extract_key_uncounted(app: &App, call: &Call) -> Result<Self, ApiError> {
        Ok(Self::Project(ApiClient::extract_uncounted(app, call).await?.owner.project_id))
    }

    /// The same as [`Self::extract`] for a WebSocket, which counts: a key may also come as a subprotocol, and a session
    /// only from a page of this deployment.
    ///
    /// # Errors
    /// As for [`Self::extract`]; 403 with the session from another page.
    pub async fn extract_for_socket(app: &App, call: &Call) -> Result<Self, ApiError> {
        if let Some(client) = ApiClient::extract_for_socket(app, call).await? {
            return Ok(Self::Project(client.owner.project_id));
        }
        same_origin::require_own(app, call)?;
        Ok(Self::User(SignedIn::extract(app, call).await?.user_id().to_owned()))
    }

    /// The same as [`Self::extract`] without counting.
    pub async fn extract_uncounted(app: &App, call: &Call) -> Result<Self, ApiError> {
        match credentials(call.headers()) {
            Some(_) => Self::extract_key_uncounted(app, call).await,
            None => Ok(Self::User(SignedIn::extract(app, call).await?.user_id().to_owned())),
        }
    }

    /// The project that the call is about: that of the key, or the one that it names.
    ///
    /// # Errors
    /// 400 if a call with a session names none, or a call with a key names another; 404 if it is not the user's.
    pub async fn project(&self, app: &App, named: Option<String>) -> Result<String, ApiError> {
        match (self, named) {
            (Self::Project(own), Some(named)) if *own != named => {
                Err(invalid("project_id", "must be the project of the API key, or absent"))
            }
            (Self::Project(own), _) => Ok(own.clone()),
            (Self::User(_), None) => {
                Err(invalid("project_id", "is required with a session: GET /api/projects lists your projects"))
            }
            (Self::User(user), Some(named)) => match projects::read(app, user, &named).await? {
                Some(project) => Ok(project.id),
                None => Err(ApiError::new(ErrorCode::ProjectNotFound, "You have no project with this id.")),
            },
        }
    }

    /// The sandbox that the path names, by its id or its key.
    ///
    /// # Errors
    /// 404 if there is none, or if it belongs to another account.
    pub async fn sandbox(&self, app: &App, call: &Call) -> Result<SandboxOf, ApiError> {
        let text = call.param(0).replacen("%3A", ":", 1).replacen("%3a", ":", 1);
        self.named(app, call.query("project_id"), &text).await
    }

    /// The sandbox with this id, or with `key:` and this key in a project.
    ///
    /// # Errors
    /// As for [`Self::sandbox`].
    pub async fn named(&self, app: &App, project_id: Option<String>, text: &str) -> Result<SandboxOf, ApiError> {
        if let Some(key) = text.strip_prefix(KEY) {
            let project_id = self.project(app, project_id).await?;
            return sandboxes::of_key(app, &project_id, key).await?.ok_or_else(not_found);
        }
        let id = SandboxId::parse_own(text, &app.secret).ok_or_else(not_found)?;
        match self {
            // The object refuses another project.
            Self::Project(project_id) => Ok(SandboxOf { project_id: project_id.clone(), id }),
            Self::User(user) => sandboxes::of_user(app, user, id).await?.ok_or_else(not_found),
        }
    }
}

/// There is no such sandbox, or it belongs to another account: the two are the same to the caller.
pub fn not_found() -> ApiError {
    let message = "There is no such sandbox. GET /api/v1/sandboxes lists those of the project.";
    ApiError::new(ErrorCode::SandboxNotFound, message)
}
