//! `…/persist` and `…/hydrate` of the bridge: the workspace as an archive.

use crate::app::App;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::compat::cloudflare::refusal::{WORKSPACE, refused};
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::http::routes::sandboxes::exec::job_of;
use crate::http::routes::sandboxes::{archive, content, exec_output};
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_protocol::sandbox::{ExecEvent, ExecReport};
use futures::StreamExt;
use serde_json::json;

/// `POST …/persist?excludes=`.
pub async fn persist_bridge_workspace(app: &App, call: Call) -> Result<Response, ApiError> {
    persist(app, call).await.map_err(|error| error.shaped(refused))
}

async fn persist(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    let excludes = call.query("excludes").unwrap_or_default();
    let excludes: Vec<&str> = excludes.split(',').filter(|path| !path.is_empty()).collect();
    if excludes.iter().any(|path| path.contains("..")) {
        return Err(ApiError::new(ErrorCode::InvalidRequest, "exclude paths must not contain \"..\""));
    }
    if excludes.is_empty() {
        return archive::export(app, &sandbox, WORKSPACE).await;
    }
    // The program of the sandbox knows which names a pattern leaves out.
    let file = format!("/tmp/persist-{}.tar", hex::encode(app.random::<12>()));
    let excluded = excludes.iter().map(|path| format!("--exclude=./{}", path.trim_start_matches("./")));
    let argv: Vec<String> = ["tar", "cf", &file]
        .into_iter()
        .map(str::to_owned)
        .chain(excluded)
        .chain(["-C", WORKSPACE, "."].map(str::to_owned))
        .collect();
    let command = async |argv: &[String]| {
        let job = job_of(app, json!({ "argv": argv, "timeoutMs": app.config.max_timeout_ms }))?;
        let mut events = exec_output::events(app.sandboxes.exec(&sandbox, &job, None).await?.value);
        let mut report: Option<ExecReport> = None;
        while let Some(event) = events.next().await {
            if let ExecEvent::Complete { report: last } = event? {
                report = Some(last);
            }
        }
        Ok::<bool, ApiError>(report.is_some_and(|report| report.exit_code == 0))
    };
    let response = match command(&argv).await {
        Ok(true) => content::read(app, &sandbox, &file, None).await,
        Ok(false) => Err(ApiError::new(ErrorCode::SandboxInterrupted, "tar failed in the sandbox")),
        Err(error) => Err(error),
    };
    // Its name may go as soon as it is open.
    command(&["rm".to_owned(), "-f".to_owned(), file]).await?;
    response
}

/// `POST …/hydrate`: what is in the workspace and not in the archive stays.
pub async fn hydrate_bridge_workspace(app: &App, call: Call) -> Result<Response, ApiError> {
    hydrate(app, call).await.map_err(|error| error.shaped(refused))
}

async fn hydrate(app: &App, call: Call) -> Result<Response, ApiError> {
    let caller = SandboxCaller::extract_key(app, &call).await?;
    let sandbox = caller.sandbox(app, &call).await?;
    archive::import(app, &sandbox, WORKSPACE, call.body).await?;
    Ok(respond::json(StatusCode::OK, &json!({ "ok": true })))
}
