//! Reads the events of a run back, for protocols that tell of it in their own words.

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, LocalBoxStream};
use serde_json::Value;

/// The data of each server-sent event; `None` for a comment, which shows whether the client is still there.
pub fn data_of(chunks: LocalBoxStream<'static, Bytes>) -> LocalBoxStream<'static, Option<Value>> {
    let events = stream::unfold((chunks, Vec::new()), |(mut chunks, mut rest)| async move {
        loop {
            if let Some(end) = rest.windows(2).position(|window| window == b"\n\n") {
                let event: Vec<u8> = rest.drain(..end + 2).collect();
                let data = event.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"data:"));
                let data = data.and_then(|data| serde_json::from_slice(data).ok());
                return Some((data, (chunks, rest)));
            }
            rest.extend_from_slice(&chunks.next().await?);
        }
    });
    events.boxed_local()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use serde_json::json;

    #[test]
    fn an_event_is_read_wherever_its_pieces_end() {
        let text = "id: 1-0\nevent: stdout\ndata: {\"type\":\"stdout\",\"data\":\"a\\n\\n\"}\n\n:\n\ndata: 2\n\n";
        let expected = [Some(json!({ "type": "stdout", "data": "a\n\n" })), None, Some(json!(2))];
        for size in [1, 3, text.len()] {
            let pieces: Vec<Bytes> = text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
            let read: Vec<_> = block_on(data_of(stream::iter(pieces).boxed_local()).collect());
            assert_eq!(read, expected, "in pieces of {size} bytes");
        }
    }
}
