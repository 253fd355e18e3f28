//! `/api/tokens` and `/api/projects/:id/tokens`: run tokens, for pages and programs that must not have a key.

use crate::app::App;
use crate::app::actor::Actor;
use crate::app::quotas;
use crate::app::tokens::{self, MintedToken};
use crate::domain::key::token_settings::{self, TokenSettings};
use crate::http::auth::caller::{ApiClient, SignedIn};
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::http::routes::projects;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::tokens::RunToken;

/// `POST /api/tokens`: a token for the key of the call. Making one does not count against the key's limit; using it does.
pub async fn create_token(app: &App, call: Call) -> Result<Response, ApiError> {
    let client = ApiClient::extract_uncounted(app, &call).await?;
    let settings = read(call).await?;
    Ok(created(tokens::mint(app, client.key_hash, settings)))
}

/// `POST /api/projects/:id/tokens`: a token for a project of the user, without a key at hand.
pub async fn create_project_token(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let actor = Actor { user_id: caller.user_id(), origin: call.origin() };
    let settings = read(call).await?;
    let limits = quotas::limits(app, &caller.session);
    Ok(created(tokens::mint_for_project(app, &actor, &limits, &project.id, settings).await?))
}

async fn read(call: Call) -> Result<TokenSettings, ApiError> {
    token_settings::parse(call.optional_json().await?).map_err(ApiError::invalid)
}

fn created(MintedToken { token, expires_at }: MintedToken) -> Response {
    respond::json(StatusCode::CREATED, &RunToken { token, expires_at: expires_at.into() })
}
