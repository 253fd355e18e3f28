//! JSON that may take long. Its response then begins with spaces, which JSON allows before a value, so that a client that
//! leaves is noticed.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::response::{keep_alive, respond};
use crate::ports::http_messages::{Body, Response};
use ::http::StatusCode;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::{Either, LocalBoxFuture, select};
use futures::stream;
use serde::Serialize;
use std::rc::Rc;

/// Responds with a value. An error comes with the value that stands for it when the status is sent already.
///
/// # Errors
/// The value failed before anything was sent.
pub async fn json<T: Serialize + 'static>(
    app: &App,
    value: LocalBoxFuture<'static, Result<T, (ApiError, T)>>,
) -> Result<Response, ApiError> {
    let late = match select(value, app.clock.sleep(keep_alive::SILENCE_MS)).await {
        Either::Left((value, _)) => return Ok(respond::json(StatusCode::OK, &value.map_err(|(error, _)| error)?)),
        Either::Right((_, late)) => late,
    };
    let json = stream::once(async move {
        let value = late.await.unwrap_or_else(|(_, value)| value);
        Bytes::from(serde_json::to_vec(&value).expect("results are plain data, which always encodes"))
    });
    let body = stream::iter([Bytes::from_static(b" ")])
        .chain(keep_alive::fill(json.boxed_local(), b" ", Rc::clone(&app.clock)))
        .boxed_local();
    Ok(respond::raw_json(StatusCode::OK, Bytes::new()).map(|_| Body::Stream(body)))
}
