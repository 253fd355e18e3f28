//! `/api/projects/:id/judges` and `/api/judges/:id`: the judges that a project keeps.

use crate::app::{App, judges};
use crate::domain::judge::stored::{self, StoredJudge};
use crate::http::auth::caller::SignedIn;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::body;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::http::routes::projects;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::judges::{JudgePage, ListedJudge};
use docle_api::limits::MAX_JUDGE_BYTES;
use serde_json::{Value, json};

/// `POST /api/projects/:id/judges`.
pub async fn create_judge(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    call.require_json()?;
    let Call { parts, body, .. } = call;
    let bytes = body::read(body, MAX_JUDGE_BYTES).await?;
    let judge = stored::parse(body::parse_json(&parts.headers, bytes)?, app.config.max_timeout_ms);
    let made = judges::create(app, &project.id, judge.map_err(ApiError::invalid)?).await?;
    let made = made.ok_or_else(|| {
        let message = "The project has 100 judges, the most that one may have. Delete one with DELETE /api/judges/:id.";
        ApiError::new(ErrorCode::TooManyJudges, message)
    })?;
    Ok(respond::json(StatusCode::CREATED, &encode(made)))
}

/// `GET /api/projects/:id/judges`.
pub async fn list_judges(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let project = projects::find(app, &caller, call.param(0)).await?;
    let (judges, next_cursor) = judges::list(app, &project.id, &call.page()?).await?;
    let judges = judges.into_iter().map(encode).collect();
    Ok(respond::json(StatusCode::OK, &JudgePage { judges, next_cursor }))
}

/// `GET /api/judges/:id`.
pub async fn get_judge(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let judge = find(app, &caller, call.param(0)).await?;
    let mut settings = judge.settings.clone();
    settings.insert("name".to_owned(), judge.name.clone().into());
    let mut whole = serde_json::to_value(encode(judge)).unwrap_or_else(|_| json!({}));
    whole["settings"] = Value::Object(settings);
    Ok(respond::json(StatusCode::OK, &whole))
}

/// `DELETE /api/judges/:id`.
pub async fn delete_judge(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SignedIn::extract_manager(app, &call).await?;
    let judge = find(app, &caller, call.param(0)).await?;
    judges::delete(app, caller.user_id(), &judge.id).await?;
    Ok(respond::empty())
}

/// A judge of the caller's.
async fn find(app: &App, caller: &SignedIn, id: &str) -> Result<StoredJudge, ApiError> {
    let Some((project, judge)) = judges::read(app, id).await? else { return Err(not_found()) };
    match projects::find(app, caller, &project).await {
        Ok(_) => Ok(judge),
        Err(error) if error.code() == ErrorCode::ProjectNotFound => Err(not_found()),
        Err(error) => Err(error),
    }
}

/// There is no such judge.
pub fn not_found() -> ApiError {
    ApiError::new(ErrorCode::JudgeNotFound, "You have no judge with this id. GET /api/projects/:id/judges lists them.")
}

/// A judge as lists have it.
pub fn encode(judge: StoredJudge) -> ListedJudge {
    let StoredJudge { id, name, tests, created_at, .. } = judge;
    ListedJudge { id, name, tests, created_at: created_at.into() }
}
