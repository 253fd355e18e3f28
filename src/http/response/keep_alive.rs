//! Writes filler during silence, because a server notices only when it writes that a client has left.

use crate::ports::Clock;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::{Either, select};
use futures::stream::{self, LocalBoxStream};
use std::rc::Rc;

/// The silence before filler, in milliseconds. The run of a silent program ends within a second after its client
/// leaves.
pub const SILENCE_MS: u32 = 750;

/// The same chunks, with `filler` whenever none came for `SILENCE_MS`.
pub fn fill(
    chunks: LocalBoxStream<'static, Bytes>,
    filler: &'static [u8],
    clock: Rc<dyn Clock>,
) -> LocalBoxStream<'static, Bytes> {
    let silence = clock.sleep(SILENCE_MS);
    let filled = stream::unfold((chunks, silence), move |(mut chunks, silence)| {
        let clock = Rc::clone(&clock);
        async move {
            match select(chunks.next(), silence).await {
                Either::Left((chunk, silence)) => Some((chunk?, (chunks, silence))),
                Either::Right(_) => Some((Bytes::from_static(filler), (chunks, clock.sleep(SILENCE_MS)))),
            }
        }
    });
    filled.boxed_local()
}
