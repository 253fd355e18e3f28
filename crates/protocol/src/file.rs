//! The bytes of a file that a job brings.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use docle_api::runs::{FileEncoding, SourceFile};
use std::error::Error;
use std::fmt;

/// Base64 as people send it: with its padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a content is not base64: a clause that follows the name of the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotBase64(String);

impl fmt::Display for NotBase64 {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for NotBase64 {}

/// The bytes that a file will have.
///
/// # Errors
/// Its content is not what its encoding says.
pub fn file_bytes(file: SourceFile) -> Result<Vec<u8>, NotBase64> {
    match file.encoding {
        FileEncoding::Utf8 => Ok(file.content.into_bytes()),
        FileEncoding::Base64 => from_base64(&file.content),
    }
}

/// The bytes of a text in base64. Line breaks and blanks are ignored, because base64(1) writes lines.
///
/// # Errors
/// What is wrong with the text.
pub fn from_base64(text: &str) -> Result<Vec<u8>, NotBase64> {
    if text.starts_with("data:") {
        return Err(NotBase64("must be base64 without \"data:…;base64,\" before it".to_owned()));
    }
    let has_blanks = text.bytes().any(|byte| byte.is_ascii_whitespace());
    let decoded = match has_blanks {
        true => BASE64.decode(text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<_>>()),
        false => BASE64.decode(text),
    };
    decoded.map_err(|_| NotBase64(explain(text)))
}

/// The text with which [`from_base64`] gives `bytes`.
pub fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// The content of a file in its shortest form: plain text as it is, and other bytes in base64. In JSON, each control character of a
/// text takes six bytes.
pub fn text_or_base64(bytes: Vec<u8>) -> (String, FileEncoding) {
    match String::from_utf8(bytes) {
        Ok(text) if text.chars().all(|c| !c.is_control() || "\n\r\t".contains(c)) => (text, FileEncoding::Utf8),
        Ok(text) => (to_base64(text.as_bytes()), FileEncoding::Base64),
        Err(error) => (to_base64(error.as_bytes()), FileEncoding::Base64),
    }
}

fn explain(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/= \t\r\n\u{c}".contains(c);
    let way_out = "; leave encoding out if the content is text";
    match text.chars().enumerate().find(|(_, c)| !is_part(*c)) {
        Some((_, '-' | '_')) => {
            format!("must be base64 in the standard alphabet, with \"+\" and \"/\" for \"-\" and \"_\"{way_out}")
        }
        Some((at, c)) => format!("must be base64, got {c:?} as character {}{way_out}", at + 1),
        None => format!("must be base64, and its end is incomplete or wrong{way_out}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_survives_base64() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = to_base64(&bytes);
        assert_eq!(from_base64(&text).as_ref(), Ok(&bytes));
        let lines = text.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>();
        for written in [lines.join("\n"), lines.join("\r\n") + "\r\n", text.trim_end_matches('=').to_owned()] {
            assert_eq!(from_base64(&written).as_ref(), Ok(&bytes), "{written}");
        }
        assert_eq!(from_base64(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_not_base64_is_explained() {
        for (text, says) in [
            ("data:image/png;base64,iVBO", "without \"data:"),
            ("a-_b", "standard alphabet"),
            ("abc!", "got '!' as character 4"),
            ("é", "got 'é' as character 1"),
            ("abcde", "its end is incomplete"),
            ("ab=c", "its end is incomplete"),
            ("a", "its end is incomplete"),
            ("abcd====", "its end is incomplete"),
            // The last character has bits that no byte gets.
            ("YR==", "its end is incomplete or wrong"),
        ] {
            let NotBase64(said) = from_base64(text).unwrap_err();
            assert!(said.contains(says), "{text}: {said}");
        }
    }
}
