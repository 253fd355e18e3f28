//! The content of a file of a request, as text or in base64.

use crate::domain::input::reader::{Reader, shown};
use docle_protocol::file::{from_base64, text_or_base64};
use docle_protocol::job::FileEncoding;

/// Reads `content` and `encoding` of a file; `None` if they are wrong or missing, which is noted unless `content` is
/// missing.
///
/// Base64 of plain text becomes that text, so it is stored and shown as text. Other bytes stay in base64, in its one usual
/// form: in JSON, each control character of a text takes six bytes.
pub fn read(file: &mut Reader<'_>) -> Option<(String, FileEncoding)> {
    let has_encoding = file.has("encoding");
    let named = file.string("encoding");
    let content = file.string("content");
    let encoding = match named {
        None if has_encoding => return None,
        None => FileEncoding::Utf8,
        Some(name) => {
            let found = FileEncoding::ALL.into_iter().find(|encoding| is_called(&name, *encoding));
            if found.is_none() {
                file.note("encoding", format!("must be \"utf8\" or \"base64\", got \"{}\"", shown(&name)));
            }
            found?
        }
    };
    let content = content?;
    if encoding == FileEncoding::Utf8 {
        return Some((content, encoding));
    }
    match from_base64(&content) {
        Ok(bytes) => Some(text_or_base64(bytes)),
        Err(clause) => {
            file.note("content", clause.to_string());
            None
        }
    }
}

/// `utf-8` is the usual name of the same encoding.
fn is_called(name: &str, encoding: FileEncoding) -> bool {
    name == encoding.name() || (encoding == FileEncoding::Utf8 && name.eq_ignore_ascii_case("utf-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::input::problem::Problems;
    use docle_api::fields;
    use docle_api::runs::SourceFile;
    use serde_json::{Value, json};

    fn read_file(file: Value) -> Result<(String, FileEncoding), Vec<(String, String)>> {
        let mut problems = Problems::default();
        let reader = Reader::open(file, "files[2]".into(), fields::of::<SourceFile>(), &mut problems);
        let read = reader.and_then(|mut file| read(&mut file));
        let noted = problems.conclude(read);
        noted.map_err(|errors| errors.into_iter().map(|error| (error.field, error.message)).collect())
    }

    #[test]
    fn text_stays_text_and_bytes_stay_base64() {
        let base64 = |content: &str| json!({ "path": "a", "content": content, "encoding": "base64" });
        let utf8 = |text: &str| Ok((text.to_owned(), FileEncoding::Utf8));
        let bytes = |text: &str| Ok((text.to_owned(), FileEncoding::Base64));
        assert_eq!(read_file(json!({ "path": "a", "content": "YQ==" })), utf8("YQ=="));
        assert_eq!(read_file(json!({ "path": "a", "content": "YQ==", "encoding": "utf-8" })), utf8("YQ=="));
        assert_eq!(read_file(json!({ "path": "a", "content": "x", "encoding": null })), utf8("x"));
        assert_eq!(read_file(base64("cHJpbnQoMSkK")), utf8("print(1)\n"));
        assert_eq!(read_file(base64("")), utf8(""));
        assert_eq!(read_file(base64("/w\n")), bytes("/w=="));
        assert_eq!(read_file(base64("AA==")), bytes("AA=="), "NUL takes six bytes in JSON");
    }

    #[test]
    fn bad_content_names_its_field() {
        let cases = [
            (json!({ "content": "?", "encoding": "base64" }), "files[2].content", "must be base64, got '?'"),
            (json!({ "content": 7, "encoding": "base64" }), "files[2].content", "must be a string, got 7"),
            (
                json!({ "content": "", "encoding": "hex" }),
                "files[2].encoding",
                "must be \"utf8\" or \"base64\", got \"hex\"",
            ),
            (json!({ "content": "", "encoding": 64 }), "files[2].encoding", "must be a string, got 64"),
            (json!({ "content": "", "encodng": "base64" }), "files[2].encodng", "did you mean \"encoding\"?"),
        ];
        for (file, field, message) in cases {
            let errors = read_file(file.clone()).unwrap_err();
            assert_eq!((errors.len(), errors[0].0.as_str()), (1, field), "{file}");
            assert!(errors[0].1.contains(message), "{file}: {}", errors[0].1);
        }
    }
}
