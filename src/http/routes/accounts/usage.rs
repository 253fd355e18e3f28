//! `/api/account/usage`: what the account may use, and what it uses.

use crate::app::App;
use crate::app::quotas::{self, QuotaUse};
use crate::http::auth::caller::SignedIn;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::accounts::{AccountUsage, QuotaUsage};
use docle_api::time::Time;

/// `GET /api/account/usage`.
pub async fn get_account_usage(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract(app, &call).await?;
    let quotas = quotas::of_account(app, &caller.session).await?;
    let quotas = quotas.into_iter().map(encode).collect();
    let body = AccountUsage { quotas, trusted: caller.session.is_trusted };
    Ok(respond::json(StatusCode::OK, &body))
}

fn encode(QuotaUse { quota, used, limit, resets_at }: QuotaUse) -> QuotaUsage {
    QuotaUsage { quota: quota.name().to_owned(), used, limit, resets_at: resets_at.map(Time::from) }
}
