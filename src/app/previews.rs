//! Requests to exposed ports: whose URL may be tried, and what answers.

use crate::app::context::App;
use crate::domain::account::session::{is_own_machine, network_of};
use crate::domain::sandbox::id::SandboxId;
use crate::domain::sandbox::port;
use crate::domain::sandbox::preview::{self, Address};
use crate::ports::previews::{PortAnswer, PreviewCall};
use crate::ports::sandboxes::{ByteStream, SandboxRefusal};
use docle_protocol::sandbox::port::PortRequest;

/// Why a request reaches no program.
#[derive(Debug)]
pub enum PreviewRefusal {
    /// Nothing has this URL.
    NotFound,
    /// The network of the visitor has tried too many URLs.
    TooManyRequests,
    Sandbox(SandboxRefusal),
}

/// A request to an exposed port.
pub struct Visit {
    pub address: Address,
    /// The network address of the visitor.
    pub ip: Option<String>,
    pub is_socket: bool,
    pub request: PortRequest,
    pub body: Option<ByteStream>,
}

/// Sends a request to what listens on an exposed port. An id that this deployment has not made ends here. A token that it has not made
/// may be one that a user has chosen: the object knows, behind the limit on addresses.
///
/// # Errors
/// No program has answered.
pub async fn visit(app: &App, visit: Visit) -> Result<PortAnswer, PreviewRefusal> {
    let Visit { address: Address { port, id, token }, ip, is_socket, request, body } = visit;
    let id = SandboxId::parse_own(id.as_str(), &app.secret).ok_or(PreviewRefusal::NotFound)?;
    let is_made = token.as_deref().is_some_and(|token| port::is_made(token, &id, port, &app.secret));
    let label = preview::label(port, &id, token.as_deref());
    let now = app.clock.now();
    if !is_made && !app.accepted_hosts.has(&label, now) && !may_guess(app, ip).await {
        return Err(PreviewRefusal::TooManyRequests);
    }
    let call = PreviewCall { port, token, is_socket, request };
    let answer = app.sandboxes.preview(&id, &call, body).await;
    if !is_made && !matches!(answer, Err(SandboxRefusal::NotFound)) {
        app.accepted_hosts.add(label, now);
    }
    answer.map_err(|refusal| match refusal {
        SandboxRefusal::NotFound => PreviewRefusal::NotFound,
        refusal => PreviewRefusal::Sandbox(refusal),
    })
}

async fn may_guess(app: &App, ip: Option<String>) -> bool {
    let (Some(limiter), Some(ip)) = (&app.address_limiter, ip) else { return true };
    let is_developer = app.config.is_development() && is_own_machine(Some(&ip));
    is_developer || limiter.allows(&network_of(&ip)).await
}
