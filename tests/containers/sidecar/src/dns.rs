//! Answers for names while the internet is closed: an address that leads to workerd where that intercepts, else none.

use crate::Shared;
use std::net::UdpSocket;
use std::sync::PoisonError;

/// What intercepted names resolve to; connections to it are redirected like all others.
const INTERCEPTED: [u8; 4] = [11, 0, 0, 1];

/// Serves until the process ends.
pub fn serve(socket: &UdpSocket, settings: &Shared) {
    let mut question = [0; 1_500];
    while let Ok((length, from)) = socket.recv_from(&mut question) {
        let intercepts = |name: &str| settings.lock().unwrap_or_else(PoisonError::into_inner).intercepts(name);
        if let Some(answer) = answer(&question[..length], intercepts) {
            // A client that has gone needs no answer.
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// The answer to a question of RFC 1035; nothing where it is none.
fn answer(question: &[u8], intercepts: impl Fn(&str) -> bool) -> Option<Vec<u8>> {
    let (name, end) = read_name(question)?;
    let kind = question.get(end..end + 4)?;
    let known = intercepts(&name);
    let has_address = known && kind[..2] == [0, 1];
    let mut answer = question[..end + 4].to_vec();
    // A response with recursion, and NXDOMAIN where the name is not known.
    (answer[2], answer[3]) = (0x81, if known { 0x80 } else { 0x83 });
    answer[4..12].copy_from_slice(&[0, 1, 0, has_address.into(), 0, 0, 0, 0]);
    if has_address {
        // The name by reference, type A, class IN, five seconds to live, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4]);
        answer.extend(INTERCEPTED);
    }
    Some(answer)
}

/// The name that is asked for, in lower case, and where it ends.
fn read_name(question: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(question.get(at..at + length)?).to_lowercase());
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_have_an_address_and_others_do_not_exist() {
        let question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01A\x07example\x00\x00\x01\x00\x01";
        let known = answer(question, |name| name == "a.example").unwrap();
        assert_eq!((known[3], known[7], &known[known.len() - 4..]), (0x80, 1, &INTERCEPTED[..]));
        let unknown = answer(question, |_| false).unwrap();
        assert_eq!((unknown[3], unknown[7], unknown.len()), (0x83, 0, question.len()));
        for cut in 0..question.len() {
            assert_eq!(answer(&question[..cut], |_| true), None, "{cut}");
        }
    }
}
