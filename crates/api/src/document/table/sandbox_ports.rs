//! Operations on the ports that sandboxes expose.

use super::sandboxes::of;
use crate::document::operation::{Body, Method, Operation};
use crate::document::parameters::Parameter;
use crate::errors::ErrorCode::*;
use crate::limits::MAX_SETTINGS_BYTES;
use crate::sandbox_ports::*;

pub fn operations() -> Vec<Operation> {
    const ONE: &str = "/api/v1/sandboxes/:id/ports/:port";
    let of_port = |operation: Operation| operation.with(Parameter::Port).fails(&[SandboxUnavailable]);
    vec![
        of(
            "expose_port",
            Method::Post,
            "/api/v1/sandboxes/:id/ports",
            "Expose a port",
            "Gives what listens on a port a URL. Exposing a port again changes what the request names, and keeps its token. It wakes \
             nothing, and nothing need listen yet.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<PortSettings>()])
        .gives::<ExposedPort>(201, "The port.")
        .gives::<ExposedPort>(200, "The port, which was exposed before.")
        .fails(&[UnsupportedMediaType, SandboxUnavailable, TooManyPorts, PreviewsUnavailable]),
        of(
            "list_ports",
            Method::Get,
            "/api/v1/sandboxes/:id/ports",
            "List ports",
            "The ports that the sandbox exposes. It wakes nothing.",
        )
        .gives::<PortList>(200, "The ports.")
        .fails(&[SandboxUnavailable, PreviewsUnavailable]),
        of_port(of("get_port", Method::Get, ONE, "Get a port", "A port that the sandbox exposes. It wakes nothing."))
            .gives::<ExposedPort>(200, "The port.")
            .fails(&[PortNotFound, PreviewsUnavailable]),
        of_port(of(
            "rotate_port",
            Method::Post,
            "/api/v1/sandboxes/:id/ports/:port/rotate",
            "Give a port another token",
            "Gives a port a token that nobody guesses. The URL before is not found from now on. A public port has a token after that.",
        ))
        .gives::<ExposedPort>(200, "The port.")
        .fails(&[PortNotFound, PreviewsUnavailable]),
        of_port(of(
            "unexpose_port",
            Method::Delete,
            ONE,
            "Unexpose a port",
            "The URL is not found from now on. What listens goes on. It may be repeated.",
        ))
        .empty(204, "The port is not exposed."),
    ]
}
