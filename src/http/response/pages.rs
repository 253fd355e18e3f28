//! HTML pages: for rooms, and documentation. They work without scripts.

use crate::domain::room::id::{Kind, RoomId};
use crate::http::routes::scripts::runtime_apis::{EXAMPLE, LIMITS, RUNTIME_APIS};
use crate::ports::http_messages::{Body, Response};
use ::http::StatusCode;
use ::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, REFERRER_POLICY, X_FRAME_OPTIONS};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:24rem;margin:20vh auto;padding:0 1rem}";
/// What pages to read have on top of that.
const LONG_STYLE: &str = "<style>body{max-width:44rem;margin:4rem auto}pre{padding:.75rem 1rem;background:#8881;\
                          border-radius:.4rem;overflow-x:auto}h2{margin:2.5rem 0 0}\
                          th{text-align:left;padding-right:2rem;font-weight:500}</style>";

/// A page that says who can connect to a room, and how; `base` is the URL for WebSockets.
pub fn room(base: &str, room: &RoomId) -> Response {
    let who = match room.kind() {
        Kind::Open => {
            "Everybody who knows the address of this page can edit it, so share the address to share the room."
        }
        Kind::Owned => {
            "It belongs to a project. The address alone lets nobody in: an editor also needs a token, which the owner of \
             the room makes."
        }
    };
    let content = format!(
        "<p>This is a room in which several people edit one program. {who}</p>\
         <p>This page has no editor. An editor program connects to <code>{base}/collab/{room}/yjs</code> (Yjs) or \
         <code>{base}/collab/{room}/websocket</code> (JSON).</p>"
    );
    let mut response = page(&content);
    // The URL of an open room is the permission to edit it, so browsers must not send it to other sites.
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// A text as it stands in HTML, between elements and in attributes with double quotes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A page about the runtime APIs of scripts.
pub fn runtime_apis() -> Response {
    let apis: String = RUNTIME_APIS
        .iter()
        .map(|api| {
            let [signature, description, example] = [api.signature, api.description, api.example].map(escape);
            format!("<h2>{}</h2><p><code>{signature}</code><p>{description}<pre>{example}</pre>", api.name)
        })
        .collect();
    let limits: String =
        LIMITS.iter().map(|(name, value)| format!("<tr><th>{}<td>{}", escape(name), escape(value))).collect();
    let content = format!(
        "{LONG_STYLE}<p>A script is the body of an asynchronous function in JavaScript or TypeScript. It can use these \
         APIs.</p><pre>{}</pre>{apis}<h2>Limits</h2><table>{limits}</table>",
        escape(EXAMPLE)
    );
    page(&content)
}

/// A page with all error codes.
pub fn errors() -> Response {
    const PAGE: &str = include_str!(concat!(env!("OUT_DIR"), "/errors.html"));
    page(&format!("{LONG_STYLE}{PAGE}"))
}

fn page(content: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>Docle</title><style>{STYLE}</style><h1>Docle</h1>{content}"
    );
    respond_with(StatusCode::OK, html, "")
}

/// A page with a policy that allows nothing but its styles, and forms to this service and to `form_target`.
pub fn respond_with(status: StatusCode, html: String, form_target: &str) -> Response {
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' {form_target}; frame-ancestors 'none'; \
         base-uri 'none'"
    );
    let mut response = Response::new(Body::Whole(html.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // With "no-referrer" a browser also hides the origin of the form, and the server would refuse the form.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
