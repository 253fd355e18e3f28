//! The quotas of an account in responses: a header on responses near a limit, and an error at the limit.

use crate::app::App;
use crate::app::quotas::{self, QuotaRefusal};
use crate::domain::account::quota::{Period, Quota, QuotaExceeded};
use crate::domain::account::session::Session;
use crate::http::error::{ApiError, ErrorCode, Members};
use crate::ports::http_messages::Response;
use ::http::header::{HeaderName, HeaderValue};

const X_DOCLE_QUOTA: HeaderName = HeaderName::from_static("x-docle-quota");

/// Adds the header `X-Docle-Quota` to the response for something new, if the account is near the limit of its kind.
pub async fn with_header(app: &App, session: &Session, quota: Quota, mut response: Response) -> Response {
    match quotas::counted(app, session, quota).await {
        Ok(counted) if counted.is_near() => {
            let text = format!("{};used={};limit={}", quota.name(), counted.used, counted.limit.unwrap_or_default());
            if let Ok(value) = HeaderValue::try_from(text) {
                response.headers_mut().insert(X_DOCLE_QUOTA, value);
            }
        }
        Ok(_) => {}
        // What was asked for is done; the header is only a hint.
        Err(error) => app.log_error("A quota could not be read.", &error),
    }
    response
}

/// The error for a quota that has no room.
pub fn exceeded(exceeded: &QuotaExceeded) -> ApiError {
    let QuotaExceeded { quota, limit, resets_at } = *exceeded;
    let way_out = "The operator of the service can raise it; GET /api/account/usage lists all quotas.";
    let (code, message) = match quota {
        Quota::Projects | Quota::Keys | Quota::Rooms | Quota::Sandboxes => {
            let noun = quota.name();
            let message = format!("The account has {limit} {noun}, the most that it may have. Delete some. {way_out}");
            (ErrorCode::QuotaFull, message)
        }
        Quota::SandboxMegabytes => {
            let message = format!(
                "The saved files and snapshots of the account's sandboxes take {limit} MB, the most that they may. Delete \
                 snapshots or sandboxes. {way_out}"
            );
            (ErrorCode::QuotaFull, message)
        }
        Quota::SandboxesAwake => {
            let message = format!(
                "The account has {limit} sandboxes awake, the most that it may have, and nothing was executed. Put one to \
                 sleep with POST /api/v1/sandboxes/:id/sleep, or try again when one has gone to sleep. {way_out}"
            );
            (ErrorCode::QuotaExceeded, message)
        }
        Quota::RunsAtOnce | Quota::ContainersAtOnce => {
            let noun = if quota == Quota::RunsAtOnce { "runs" } else { "containers" };
            let message = format!(
                "The account has {limit} {noun} at once, the most that it may have, and nothing was run. Try again when one \
                 has ended. {way_out}"
            );
            (ErrorCode::QuotaExceeded, message)
        }
        Quota::SharedCpuSeconds => {
            let message = format!(
                "New accounts share {limit} seconds of processor time a day, which are used up, and nothing was run. Ask the \
                 operator of the service to trust your account, or try again tomorrow."
            );
            (ErrorCode::QuotaExceeded, message)
        }
        Quota::CpuSeconds | Quota::EgressMegabytes | Quota::Executions | Quota::AiCalls | Quota::AiNeurons => {
            let of = match quota {
                Quota::CpuSeconds => "seconds of processor time",
                Quota::EgressMegabytes => "megabytes of traffic to other hosts",
                Quota::Executions => "executions of scripts",
                Quota::AiCalls => "calls of models",
                _ => "neurons of models",
            };
            let reset = resets_at.map(|at| format!(" It begins anew at {at}.")).unwrap_or_default();
            let message =
                format!("The account has used its {limit} {of} of today, and nothing was run.{reset} {way_out}");
            (ErrorCode::QuotaExceeded, message)
        }
    };
    let error = ApiError::new(code, message).with_members(Members {
        quota: Some(quota.name().to_owned()),
        limit: u32::try_from(limit).ok(),
        reset_at: resets_at.map(|at| at.0),
        ..Members::default()
    });
    match code {
        ErrorCode::QuotaExceeded if quota.period() == Period::Standing => error.with_retry_after(1),
        _ => error,
    }
}

impl From<QuotaRefusal> for ApiError {
    fn from(refusal: QuotaRefusal) -> Self {
        match refusal {
            QuotaRefusal::Exceeded(quota) => exceeded(&quota),
            QuotaRefusal::Failed(error) => error.into(),
        }
    }
}
