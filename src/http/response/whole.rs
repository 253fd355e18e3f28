//! The whole body of a response, for another one that is made of it.

use crate::ports::http_messages::Body;
use bytes::Bytes;
use futures::StreamExt;

/// A body of at most so many bytes; `None` if it is longer.
pub async fn whole(body: Body, max_bytes: usize) -> Option<Bytes> {
    let mut chunks = match body {
        Body::Whole(bytes) => return Some(bytes).filter(|bytes| bytes.len() <= max_bytes),
        Body::Stream(chunks) => chunks,
        Body::Empty | Body::Socket(_) | Body::Proxied(_) => return Some(Bytes::new()),
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        if bytes.len() + chunk.len() > max_bytes {
            return None;
        }
        bytes.extend_from_slice(&chunk);
    }
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use futures::stream;

    #[test]
    fn an_answer_of_any_length_was_held_in_memory() {
        let body = |pieces: usize| Body::Stream(stream::iter(vec![Bytes::from_static(b"ab"); pieces]).boxed_local());
        assert_eq!(block_on(whole(body(2), 4)).as_deref(), Some(&b"abab"[..]));
        assert_eq!(block_on(whole(body(3), 4)), None);
        assert_eq!(block_on(whole(Body::Whole(vec![0; 5].into()), 4)), None);
    }
}
