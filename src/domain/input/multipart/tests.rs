//! Forms as clients write them, and as they do not.

use super::*;
use proptest::prelude::*;

/// The heads and contents of parts, and whether the form is complete.
type Parts = (Vec<(Head, Vec<u8>)>, bool);

/// The parts of a form that comes in these pieces, and whether it is complete.
fn parts(boundary: &str, chunks: &[&[u8]]) -> Result<Parts, NoForm> {
    let (mut parser, mut parts, mut content) = (Parser::new(boundary), Vec::new(), None);
    for chunk in chunks {
        parser.push(chunk);
        while let Some(event) = parser.next_event()? {
            match event {
                Event::Part(head) => assert!(content.replace((head, Vec::new())).is_none(), "a part in a part"),
                Event::Data(bytes) => {
                    assert!(!bytes.is_empty());
                    content.as_mut().expect("a part has begun").1.extend(bytes);
                }
                Event::End => parts.push(content.take().expect("a part has begun")),
            }
        }
        assert!(parser.bytes.len() <= MAX_HEAD_BYTES + chunk.len() + 8, "it holds {} bytes", parser.bytes.len());
    }
    Ok((parts, parser.is_complete()))
}

fn one(text: &str) -> Result<(Head, String), String> {
    let form = format!("--b\r\n{text}\r\n--b--\r\n");
    let (parts, is_complete) = parts("b", &[form.as_bytes()]).map_err(|broken| broken.0)?;
    assert!(is_complete && parts.len() == 1, "{parts:?}");
    let (head, content) = parts.into_iter().next().unwrap();
    Ok((head, String::from_utf8(content).unwrap()))
}

#[test]
fn boundaries_are_those_of_the_header() {
    for (header, expected) in [
        ("multipart/form-data; boundary=abc", Some("abc")),
        ("Multipart/Form-Data; charset=utf-8; Boundary=\"a b;c\"", Some("a b;c")),
        ("multipart/form-data; boundary=----WebKitFormBoundaryx ; a=b", Some("----WebKitFormBoundaryx")),
        ("multipart/form-data", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=\"a \"", None),
        ("multipart/mixed; boundary=abc", None),
        ("application/json", None),
    ] {
        assert_eq!(boundary(header).as_deref(), expected, "{header}");
    }
    assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "x".repeat(71))), None);
}

#[test]
fn parts_are_read_as_clients_write_them() {
    let named = |text: &str| one(text).map(|(head, content)| (head.name, head.file_name, head.media_type, content));
    let part = |name: &str, file_name: Option<&str>, media_type: &str, content: &str| {
        Ok((name.to_owned(), file_name.map(str::to_owned), media_type.to_owned(), content.to_owned()))
    };
    for (text, expected) in [
        ("Content-Disposition: form-data; name=\"a\"\r\n\r\nx", part("a", None, "", "x")),
        ("content-disposition:form-data;name=a\r\n\r\nx\r\n", part("a", None, "", "x\r\n")),
        ("Content-Disposition: form-data; name=\"a\"\r\n\r\n", part("a", None, "", "")),
        ("Content-Disposition: form-data; name=\"a\"\r\n", part("a", None, "", "")),
        (
            "Content-Disposition: form-data; name=\"f\"; filename=\"data/x \\\"1\\\".csv\"\r\nContent-Type: Text/CSV; charset=x\r\n\r\n1",
            part("f", Some("data/x \"1\".csv"), "text/csv", "1"),
        ),
        (
            "Content-Disposition: form-data; name=\"f\"; filename=\"C:\\dir\\%22a%22.txt\"\r\nX-Other: 1\r\n\r\n1",
            part("f", Some("C:\\dir\\\"a\".txt"), "", "1"),
        ),
        (
            "Content-Disposition: form-data; filename=\"ü\"; name=\"f\"\r\nContent-Transfer-Encoding: binary\r\n\r\n-b-\r\n--c\r\n-",
            part("f", Some("ü"), "", "-b-\r\n--c\r\n-"),
        ),
    ] {
        assert_eq!(named(text), expected, "{text:?}");
    }
}

#[test]
fn what_is_no_form_says_why() {
    let long = format!("Content-Disposition: form-data; name=\"{}\"\r\n\r\nx", "a".repeat(MAX_HEAD_BYTES));
    for (text, says) in [
        ("Content-Type: text/plain\r\n\r\nx", "has no name in its Content-Disposition (part 1)"),
        ("\r\nx", "has no name in its Content-Disposition (part 1)"),
        ("Content-Disposition: form-data\r\n\r\nx", "has no name"),
        ("Content-Disposition: attachment; name=\"a\"\r\n\r\nx", "other than form-data"),
        ("Content-Disposition\r\n\r\nx", "a header without a colon"),
        (
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\nx",
            "a form inside",
        ),
        ("Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nx", "send the bytes"),
        (&long, "has headers of more than 8192 bytes (part 1)"),
    ] {
        let why = one(text).unwrap_err();
        assert!(why.contains(says), "{text:.80}: {why}");
    }
    let goes_on = parts("b", &[b"--bx\r\n"]).unwrap_err();
    assert!(goes_on.0.contains("begins with its boundary"), "{goes_on:?}");
    let not_text = parts("b", &[b"--b\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\n"]).unwrap_err();
    assert!(not_text.0.contains("not UTF-8"), "{not_text:?}");
}

#[test]
fn a_form_that_breaks_off_is_not_complete() {
    let form: &[u8] =
        b"preamble\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--\r\nepilogue\r\n--b\r\n";
    let end = form.windows(5).position(|five| five == b"--b--").unwrap() + 5;
    for length in 0..form.len() {
        let (parts, is_complete) = parts("b", &[&form[..length]]).unwrap();
        assert_eq!((is_complete, parts.len()), (length >= end, usize::from(length >= end - 2)), "{length}");
    }
    assert_eq!(parts("b", &[b"--b--"]).unwrap(), (vec![], true));
}

proptest! {
    #[test]
    fn parts_are_the_same_wherever_chunks_end(
        contents in prop::collection::vec("[-\r\nb xü]{0,40}", 0..4),
        cuts in prop::collection::vec(0_usize..400, 0..6),
    ) {
        // A content that has the delimiter is two parts for everybody.
        prop_assume!(contents.iter().all(|content| !content.contains("\r\n--bb") && !content.starts_with("--bb")));
        let part = |content: &String| format!("--bb\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n{content}\r\n");
        let form = format!("{}--bb--", contents.iter().map(part).collect::<String>()).into_bytes();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(form.len())).chain([0, form.len()]).collect();
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &form[cut[0]..cut[1]]).collect();
        let (parts, is_complete) = parts("bb", &chunks).unwrap();
        let read: Vec<String> = parts.into_iter().map(|(_, content)| String::from_utf8(content).unwrap()).collect();
        prop_assert!(is_complete);
        prop_assert_eq!(read, contents);
    }

    #[test]
    fn any_bytes_are_read_to_their_end(
        bytes in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'b'), any::<u8>()], 0..300),
        at in 0_usize..300,
    ) {
        let at = at.min(bytes.len());
        let head = b"--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";
        let chunked = parts("b", &[head, &bytes[..at], &bytes[at..]]);
        let whole = parts("b", &[&[&head[..], &bytes].concat()]);
        prop_assert_eq!(chunked, whole);
    }
}
