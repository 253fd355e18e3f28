//! `/api/v1/sandboxes/:id/ports`: expose, list, show, rotate, unexpose.

use crate::app::App;
use crate::domain::sandbox::id::SandboxId;
use crate::domain::sandbox::port::{new_token, parse_number, parse_port};
use crate::domain::sandbox::preview::label;
use crate::http::auth::sandbox_caller::SandboxCaller;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::preview;
use crate::http::request::call::{Call, invalid};
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use crate::ports::previews::{PortRecord, PortRefusal, PortsAnswer, PortsRequest};
use crate::ports::sandboxes::{SandboxOf, SandboxRefusal};
use ::http::StatusCode;
use docle_api::sandbox_ports::{ExposedPort, PortList};
use serde_json::Value;

/// `POST /api/v1/sandboxes/:id/ports`. It wakes nothing.
pub async fn expose_port(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = named(app, &call).await?;
    let urls = Urls::of(app, &call)?;
    let (exposed, is_new) = expose_at(app, &urls, &sandbox, call.json().await?).await?;
    Ok(respond::json(if is_new { StatusCode::CREATED } else { StatusCode::OK }, &exposed))
}

/// Exposes the port that a body asks for; whether it was not exposed before.
///
/// # Errors
/// The body is wrong, the sandbox exposes as many as it may, or the deployment has no host for ports.
pub async fn expose(app: &App, call: &Call, sandbox: &SandboxOf, body: Value) -> Result<(ExposedPort, bool), ApiError> {
    expose_at(app, &Urls::of(app, call)?, sandbox, body).await
}

async fn expose_at(app: &App, urls: &Urls, sandbox: &SandboxOf, body: Value) -> Result<(ExposedPort, bool), ApiError> {
    let new = parse_port(body).map_err(ApiError::invalid)?;
    let is_chosen = new.token.is_some();
    let token = new.token.unwrap_or_else(|| new_token(app.random(), &sandbox.id, new.port, &app.secret));
    let record = PortRecord {
        port: new.port,
        name: new.name,
        token: (!new.is_public).then_some(token),
        host_header: new.host_header,
        created_at: app.clock.now(),
    };
    let answer = app.sandboxes.ports(sandbox, &PortsRequest::Expose { record, is_chosen }).await?;
    let is_new = answer.is_new;
    Ok((urls.encode(&sandbox.id, one(answer, new.port)?), is_new))
}

/// `GET /api/v1/sandboxes/:id/ports`. It wakes nothing.
pub async fn list_ports(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = named(app, &call).await?;
    let urls = Urls::of(app, &call)?;
    let PortsAnswer { ports, .. } = app.sandboxes.ports(&sandbox, &PortsRequest::List).await?;
    let list = PortList { ports: ports.into_iter().map(|port| urls.encode(&sandbox.id, port)).collect() };
    Ok(respond::json(StatusCode::OK, &list))
}

/// `GET /api/v1/sandboxes/:id/ports/:port`. It wakes nothing.
pub async fn get_port(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = named(app, &call).await?;
    let (port, urls) = (number(&call)?, Urls::of(app, &call)?);
    let answer = app.sandboxes.ports(&sandbox, &PortsRequest::List).await?;
    Ok(respond::json(StatusCode::OK, &urls.encode(&sandbox.id, one(answer, port)?)))
}

/// `POST /api/v1/sandboxes/:id/ports/:port/rotate`. It wakes nothing.
pub async fn rotate_port(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = named(app, &call).await?;
    let (port, urls) = (number(&call)?, Urls::of(app, &call)?);
    let token = new_token(app.random(), &sandbox.id, port, &app.secret);
    let answer = app.sandboxes.ports(&sandbox, &PortsRequest::Rotate { port, token }).await?;
    Ok(respond::json(StatusCode::OK, &urls.encode(&sandbox.id, one(answer, port)?)))
}

/// `DELETE /api/v1/sandboxes/:id/ports/:port`. It wakes nothing.
pub async fn unexpose_port(app: &App, call: Call) -> Result<Response, ApiError> {
    let sandbox = named(app, &call).await?;
    unexpose(app, &call, &sandbox).await?;
    Ok(respond::empty())
}

/// Takes back the port that the path names.
///
/// # Errors
/// It is none, or not exposed.
pub async fn unexpose(app: &App, call: &Call, sandbox: &SandboxOf) -> Result<(), ApiError> {
    app.sandboxes.ports(sandbox, &PortsRequest::Unexpose { port: number(call)? }).await?;
    Ok(())
}

async fn named(app: &App, call: &Call) -> Result<SandboxOf, ApiError> {
    SandboxCaller::extract_uncounted(app, call).await?.sandbox(app, call).await
}

fn number(call: &Call) -> Result<u16, ApiError> {
    parse_number(call.param(1)).ok_or_else(|| invalid("port", "must be a number from 1 to 65535"))
}

fn one(answer: PortsAnswer, port: u16) -> Result<PortRecord, ApiError> {
    let found = answer.ports.into_iter().find(|known| known.port == port);
    found.ok_or_else(|| SandboxRefusal::Port(PortRefusal::NotExposed).into())
}

/// What the URLs of ports begin and end with.
struct Urls {
    scheme: &'static str,
    host: String,
}

impl Urls {
    /// Those of this deployment.
    fn of(app: &App, call: &Call) -> Result<Self, ApiError> {
        let Some((scheme, host)) = preview::origin_for(app, call) else {
            let message = "This deployment has no host for the URLs of ports: its operator sets PREVIEW_HOST, as docs/deploy.md says.";
            return Err(ApiError::new(ErrorCode::PreviewsUnavailable, message));
        };
        Ok(Self { scheme, host })
    }

    fn encode(&self, id: &SandboxId, record: PortRecord) -> ExposedPort {
        let PortRecord { port, name, token, host_header, created_at } = record;
        let url = format!("{}://{}.{}/", self.scheme, label(port, id, token.as_deref()), self.host);
        ExposedPort { port, name, url, public: token.is_none(), token, host_header, created_at: created_at.into() }
    }
}
