//! The bytes of a WebSocket between a client and a program, until both have closed or one has and the other does not.

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, split};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How long one end may go on after the other has closed. A program that never reads would write for ever.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes that are copied in one go.
const PIECE: usize = 16 << 10;

/// Copies bytes in both directions.
pub async fn copy_socket(program: OnUpgrade, client: OnUpgrade) {
    let (Ok(program), Ok(client)) = (program.await, client.await) else { return };
    let (mut from_program, mut to_program) = split(TokioIo::new(program));
    let (mut from_client, mut to_client) = split(TokioIo::new(client));
    let closing = CancellationToken::new();
    let answers = async {
        let _ = copy(&mut from_program, &mut to_client).await;
        let _ = to_client.shutdown().await;
        closing.cancel();
    };
    let requests = async {
        let (mut piece, mut frames) = (vec![0; PIECE], Frames::default());
        while let Ok(length) = from_client.read(&mut piece).await
            && length > 0
            && to_program.write_all(&piece[..length]).await.is_ok()
        {
            if frames.has_close(&piece[..length]) {
                closing.cancel();
            }
        }
        let _ = to_program.shutdown().await;
        closing.cancel();
    };
    let cut = async {
        closing.cancelled().await;
        sleep(GRACE).await;
    };
    tokio::select! {
        _ = futures_util::future::join(answers, requests) => {}
        () = cut => {}
    }
}

/// The frames that a client sends (RFC 6455, section 5.2), of which only the heads are looked at.
#[derive(Debug, Default)]
struct Frames {
    head: Vec<u8>,
    /// Bytes of content that are still to come.
    content: u64,
}

impl Frames {
    /// Whether a frame among these bytes closes the connection.
    fn has_close(&mut self, mut bytes: &[u8]) -> bool {
        const CLOSE: u8 = 8;
        let mut closes = false;
        while !bytes.is_empty() {
            let skipped = self.content.min(bytes.len() as u64);
            self.content -= skipped;
            bytes = &bytes[skipped as usize..];
            let Some((first, rest)) = bytes.split_first() else { break };
            self.head.push(*first);
            bytes = rest;
            if let Some(content) = self.content_of_head() {
                closes |= self.head[0] & 0xf == CLOSE;
                self.content = content;
                self.head.clear();
            }
        }
        closes
    }

    /// Bytes that follow the head, its mask included; `None` until it is whole.
    fn content_of_head(&self) -> Option<u64> {
        let second = *self.head.get(1)?;
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let length = match second & 0x7f {
            126 => u64::from(u16::from_be_bytes(self.head.get(2..4)?.try_into().ok()?)),
            127 => u64::from_be_bytes(self.head.get(2..10)?.try_into().ok()?),
            short => u64::from(short),
        };
        Some(length.saturating_add(mask))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_closes_is_found_wherever_it_is_cut() {
        let frame = |kind: u8, length: usize| {
            let mut frame = vec![0x80 | kind];
            match length {
                0..126 => frame.push(0x80 | length as u8),
                126..65_536 => frame.extend([&[0x80 | 126][..], &(length as u16).to_be_bytes()].concat()),
                _ => frame.extend([&[0x80 | 127][..], &(length as u64).to_be_bytes()].concat()),
            }
            // A mask, and content that looks like frames that close.
            frame.extend([0x88; 4]);
            frame.extend(vec![0x88; length]);
            frame
        };
        let before = [frame(1, 5), frame(2, 0), frame(2, 126), frame(1, 65_536), frame(9, 125)].concat();
        for size in [1, 2, 3, 7, 1_000, 1 << 20] {
            let mut frames = Frames::default();
            assert!(!before.chunks(size).any(|piece| frames.has_close(piece)), "{size}");
            assert!(frame(8, 2).chunks(size).any(|piece| frames.has_close(piece)), "{size}");
            let mut frames = Frames::default();
            assert!([before.clone(), frame(8, 2)].concat().chunks(size).any(|piece| frames.has_close(piece)));
        }
        assert!(!Frames::default().has_close(&[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x88]));
    }
}
