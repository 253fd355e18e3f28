//! Carries messages between two WebSockets until one of them ends, and ends the other in the same way.

use crate::ports::Clock;
use crate::ports::socket::{Message, Socket};
use futures::future::{Either, pending, select};
use std::pin::pin;

/// What may wait to leave one end, in bytes. The other end is not read while more does, and the runtime bounds what has come there.
const MAX_QUEUED_BYTES: usize = 256 * 1_024;
/// Between two looks whether a slow end has read, in milliseconds.
const LOOK_MS: u32 = 20;

/// Codes of RFC 6455 that no end may send: none was given, and the connection was lost.
const NO_CODE: u16 = 1_005;
const LOST: u16 = 1_006;
const NORMAL: u16 = 1_000;
const GOING_AWAY: u16 = 1_001;

enum Happened {
    Said(bool, Option<Message>),
    Looked,
}

/// See the module; `on_message` is called for each message.
pub async fn bridge(
    clock: &dyn Clock,
    mut visitor: Box<dyn Socket>,
    mut program: Box<dyn Socket>,
    on_message: impl Fn(),
) {
    loop {
        let (may_ask, may_answer) = (has_room(&*program), has_room(&*visitor));
        let happened = {
            let of_visitor = async {
                match may_ask {
                    true => Happened::Said(true, visitor.next().await),
                    false => pending().await,
                }
            };
            let of_program = async {
                match may_answer {
                    true => Happened::Said(false, program.next().await),
                    false => pending().await,
                }
            };
            let look = async {
                match may_ask && may_answer {
                    true => pending::<()>().await,
                    false => clock.sleep(LOOK_MS).await,
                }
            };
            match select(select(pin!(of_visitor), pin!(of_program)), pin!(look)).await {
                Either::Left((Either::Left((said, _)) | Either::Right((said, _)), _)) => said,
                Either::Right(_) => Happened::Looked,
            }
        };
        match happened {
            Happened::Looked => {}
            Happened::Said(is_visitor, Some(message)) => {
                on_message();
                let to = if is_visitor { &program } else { &visitor };
                to.send(message);
            }
            Happened::Said(is_visitor, None) => {
                let (ended, other) = if is_visitor { (&visitor, &program) } else { (&program, &visitor) };
                let (code, reason) = ended.closed_with();
                other.close(sendable(code), &reason);
                return;
            }
        }
    }
}

fn has_room(socket: &dyn Socket) -> bool {
    socket.queued_bytes() <= MAX_QUEUED_BYTES
}

/// A code that may be sent.
const fn sendable(code: u16) -> u16 {
    match code {
        NO_CODE => NORMAL,
        LOST => GOING_AWAY,
        1_000..=1_003 | 1_007..=1_014 | 3_000..=4_999 => code,
        _ => GOING_AWAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_nobody_may_send_is_replaced() {
        for (code, sent) in [(1_005, 1_000), (1_006, 1_001), (1_015, 1_001), (4_242, 4_242), (1_011, 1_011), (0, 1_001)]
        {
            assert_eq!(sendable(code), sent);
        }
    }
}
