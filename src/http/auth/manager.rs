//! Who manages a project: its owner, signed in, or a server with a management token.

use crate::app::App;
use crate::app::accounts::sign_in;
use crate::domain::key::api_key::{ApiKey, Kind, MANAGEMENT_PREFIX};
use crate::domain::key::gate::{CheckKey, Decision};
use crate::http::auth::caller::{SignedIn, credentials};
use crate::http::auth::key_error;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::rate;
use ::http::HeaderName;
use ::http::header::ORIGIN;

/// What every browser sends with a request of a page, and nothing else does.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl SignedIn {
    /// The user of the session cookie, or the owner of the project that the management token in `Authorization: Bearer` or
    /// `X-API-Key` is for. A token in a header wins.
    ///
    /// # Errors
    /// As for [`Self::extract`]; 401 if the token is none, was revoked or has expired; 403 if it comes from a browser; 429 if its limit
    /// is reached.
    pub async fn extract_manager(app: &App, call: &Call) -> Result<Self, ApiError> {
        match credentials(call.headers()).filter(|text| text.starts_with(MANAGEMENT_PREFIX)) {
            Some(token) => of_token(app, call, token).await,
            None => Self::extract(app, call).await,
        }
    }

    /// Whether the call may concern this project, as far as its token goes.
    pub fn may_reach(&self, project_id: &str) -> bool {
        self.only_project.as_ref().is_none_or(|only| only == project_id)
    }

    /// Refuses a call with a management token.
    ///
    /// # Errors
    /// 403 if the call has one.
    pub fn refuse_token(&self) -> Result<(), ApiError> {
        match self.only_project {
            Some(_) => Err(key_error::management_token_of_one_project()),
            None => Ok(()),
        }
    }
}

async fn of_token(app: &App, call: &Call, text: &str) -> Result<SignedIn, ApiError> {
    let token = ApiKey::parse(text, &app.secret).filter(|key| key.kind() == Kind::Management);
    let token = token.ok_or_else(|| key_error::malformed(text))?;
    if call.header(ORIGIN).is_some() || call.header(SEC_FETCH_SITE).is_some() {
        return Err(key_error::management_token_in_page());
    }
    let check = CheckKey { counts: true, ..CheckKey::default() };
    let owner = match app.gates.check(&token.hash(), &check).await? {
        Decision::Allowed { owner, .. } => owner,
        Decision::Expired { at } => return Err(key_error::expired(at)),
        Decision::Suspended => return Err(key_error::suspended()),
        Decision::Limited { rate, .. } => return Err(rate::exceeded(&rate, app.clock.now())),
        Decision::Invalid | Decision::DomainNotAllowed | Decision::UrlNotAllowed | Decision::QuotaExceeded { .. } => {
            return Err(key_error::invalid());
        }
    };
    let session = sign_in::as_owner(app, &owner.project_id, owner.key_id).await?;
    match session.ok_or_else(key_error::invalid)? {
        session if session.is_suspended => Err(key_error::suspended()),
        session => Ok(SignedIn { session, only_project: Some(owner.project_id) }),
    }
}
