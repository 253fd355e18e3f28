//! What listens in machines of sandboxes without a machine.

use crate::ports::previews::{PortAnswer, PortBody, PreviewCall};
use crate::ports::sandboxes::HostError;
use docle_protocol::sandbox::port::{PortFailure, PortFailureCode, PortResponse};
use futures::{StreamExt, stream};

/// The port on which something answers, in every machine.
const LISTENING: u16 = 8_000;

/// The answer, whose headers are those of the request.
pub fn answer(call: &PreviewCall) -> Result<PortAnswer, HostError> {
    if call.port != LISTENING {
        let message = "Nothing listens.".to_owned();
        return Err(HostError::Port(PortFailure { code: PortFailureCode::NotListening, message }));
    }
    let headers = call.request.headers.clone();
    let body = stream::iter([Ok(b"from the program".to_vec())]).boxed_local();
    Ok(PortAnswer { head: PortResponse { status: 200, headers }, body: PortBody::Stream(body) })
}
