//! The host of scripts: answers the calls of runtime APIs that reach outside of an isolate.
//!
//! An isolate holds a stub of this host and nothing else. The [`Grant`] in the stub's properties alone decides for whom
//! the host acts. The body of a call comes from the script: the host reads a bounded number of bytes and trusts none.

use crate::api_error::ApiError;
use crate::call_counters::{MAX_CALLS, count_call};
use crate::grant::Grant;
use crate::{ai, api, db};
use docle_protocol::isolate::RuntimeApi;
use futures::StreamExt;
use futures::future::{Either, select};
use serde::Serialize;
use serde_json::Value;
use std::pin::pin;
use std::time::Duration;
use worker::{Date, Delay, Env, Request, Response, Result};

/// Bytes of the arguments of one call, as JSON.
const MAX_ARGUMENT_BYTES: usize = 1_048_576;

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum CallResponse {
    Value(Value),
    Error(ApiError),
}

/// Answers a script's call of a runtime API.
///
/// # Errors
/// Never: a failed call is a response with an error.
pub async fn answer(mut request: Request, env: &Env, grant: &Grant) -> Result<Response> {
    let response = match dispatch(&mut request, env, grant).await {
        Ok(value) => CallResponse::Value(value),
        Err(error) => CallResponse::Error(error),
    };
    Response::from_json(&response)
}

async fn dispatch(request: &mut Request, env: &Env, grant: &Grant) -> std::result::Result<Value, ApiError> {
    let path = request.path();
    let name = path.trim_start_matches('/');
    let api = grant.apis.iter().find(|api| api.name() == name && **api != RuntimeApi::Console);
    let Some(api) = api else {
        return Err(ApiError { name: "NotAllowedError", message: "This runtime API is not allowed.".to_owned() });
    };
    if !count_call(&grant.run) {
        return Err(ApiError::limit(format!("A script may call runtime APIs {MAX_CALLS} times.")));
    }
    let argument = read_argument(request).await?;
    let left_ms = (grant.deadline - Date::now().as_millis() as f64).max(0.0);
    let clock = Delay::from(Duration::from_millis(left_ms as u64));
    let work = pin!(async {
        match api {
            RuntimeApi::Api => api::request(argument, grant).await,
            RuntimeApi::Db => db::query(argument, env, grant).await,
            RuntimeApi::Ai | RuntimeApi::Console => ai::run(argument, env, grant).await,
        }
    });
    match select(work, pin!(clock)).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(ApiError::limit("The script's time is up.")),
    }
}

async fn read_argument(request: &mut Request) -> std::result::Result<Value, ApiError> {
    let interrupted = |_| ApiError::argument("The arguments did not arrive.");
    let mut chunks = request.stream().map_err(interrupted)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        bytes.extend(chunk.map_err(interrupted)?);
        if bytes.len() > MAX_ARGUMENT_BYTES {
            return Err(ApiError::limit(format!(
                "The arguments of a call have at most {MAX_ARGUMENT_BYTES} bytes as JSON."
            )));
        }
    }
    serde_json::from_slice(&bytes).map_err(|_| ApiError::argument("The arguments must be data that JSON can hold."))
}
