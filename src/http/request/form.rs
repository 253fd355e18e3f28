//! The body of a run as a form with files: a part `request` with the JSON, and a part for each file.
//!
//! Small files become entries of `files`, as if they stood in the JSON. The bytes of larger ones are kept outside of this
//! program's memory, and follow the job.

use crate::domain::input::json;
use crate::domain::input::multipart::{Event, Head, NoForm, Parser};
use crate::domain::input::problem::FieldError;
use crate::domain::run::idempotency::Fingerprint;
use crate::http::error::{ApiError, ErrorCode};
use crate::http::request::body;
use crate::ports::http_messages::RequestBody;
use crate::ports::spool::{Outside, Spool};
use docle_protocol::file::text_or_base64;
use docle_protocol::limits::{MAX_BODY_BYTES, MAX_FILES};
use futures::StreamExt;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The part with the JSON.
const REQUEST: &str = "request";
/// The name of a part whose file has its path as its file name.
const FILES: &str = "files";
/// Files up to this size become entries of `files`, in bytes.
const MAX_SMALL_BYTES: usize = 64 * 1_024;
/// All of these, in bytes. They are in memory several times.
const MAX_SMALL_BYTES_IN_ALL: usize = 256 * 1_024;

/// A form that was read.
pub struct Form {
    /// The body, as if it had been JSON. The files that are kept outside have no content here.
    pub body: Value,
    /// By their index in `files`.
    pub attached: Vec<Attached>,
    /// That of the contents of all parts. The boundary of a repeated form is another one.
    pub fingerprint: Fingerprint,
}

/// A file outside.
pub struct Attached {
    pub index: usize,
    pub size: u64,
    pub bytes: Vec<Outside>,
}

/// Reads a form of at most [`MAX_BODY_BYTES`].
///
/// # Errors
/// It is too large, breaks off, or is no form of this operation.
pub async fn read(mut body: RequestBody, boundary: &str, spool: &dyn Spool) -> Result<Form, ApiError> {
    let (mut parser, mut reader) = (Parser::new(boundary), Reader::new(spool));
    let mut size = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| incomplete())?;
        size += chunk.len();
        let read =
            if size > MAX_BODY_BYTES { Err(body::too_large(MAX_BODY_BYTES)) } else { reader.take(&mut parser, &chunk) };
        if let Err(error) = read {
            body::throw_away(&mut body).await;
            return Err(error);
        }
    }
    match (parser.is_complete(), parser.has_begun()) {
        (true, _) => reader.finish(),
        (false, true) => Err(incomplete()),
        (false, false) => {
            let message = "is no form, because it has no boundary as its Content-Type names it: send a form, or JSON with Content-Type: \
                           application/json";
            Err(invalid("", message))
        }
    }
}

fn incomplete() -> ApiError {
    ApiError::new(ErrorCode::IncompleteBody, "The form ends before its last boundary; send it again.")
}

fn invalid(field: impl Into<String>, message: impl Into<String>) -> ApiError {
    ApiError::invalid(vec![FieldError { field: field.into(), message: message.into() }])
}

struct Reader<'a> {
    spool: &'a dyn Spool,
    request: Option<Value>,
    files: Vec<Value>,
    attached: Vec<Attached>,
    /// Bytes of the small files.
    small_bytes: usize,
    hash: Sha256,
    current: Option<Current>,
}

/// The part whose bytes come.
struct Current {
    /// The path of a file; `None` for the request.
    path: Option<String>,
    size: u64,
    hash: Sha256,
    /// What has come and is not outside.
    bytes: Vec<u8>,
    held: Vec<Outside>,
}

impl<'a> Reader<'a> {
    fn new(spool: &'a dyn Spool) -> Self {
        let (files, attached, hash) = (Vec::new(), Vec::new(), Sha256::new());
        Self { spool, request: None, files, attached, small_bytes: 0, hash, current: None }
    }

    fn take(&mut self, parser: &mut Parser, chunk: &[u8]) -> Result<(), ApiError> {
        parser.push(chunk);
        let broken = |NoForm(clause)| invalid("", format!("is no form that can be read: it {clause}"));
        while let Some(event) = parser.next_event().map_err(broken)? {
            match event {
                Event::Part(head) => self.begin(head)?,
                Event::Data(bytes) => self.add(bytes),
                Event::End => self.end()?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, Head { name, file_name, media_type }: Head) -> Result<(), ApiError> {
        let index = self.files.len();
        let path = match file_name {
            _ if name == REQUEST => {
                if self.request.is_some() {
                    return Err(invalid(REQUEST, "must be one part"));
                }
                if !["", "application/json", "text/plain"].contains(&media_type.as_str()) {
                    return Err(invalid(
                        REQUEST,
                        "must be JSON: send it with Content-Type: application/json, or without one",
                    ));
                }
                None
            }
            Some(path) if name == FILES => Some(path),
            // `-F 'data/x.csv=@local.csv'`: the path is the name of the part.
            Some(_) => Some(name),
            None if name == FILES => {
                return Err(invalid(
                    format!("files[{index}].path"),
                    "is required: send the path as the filename of the part",
                ));
            }
            None => {
                let message =
                    "is no part of a run: send the JSON as the part \"request\", and each file with a filename";
                return Err(invalid(name.chars().take(60).collect::<String>(), message));
            }
        };
        if index >= MAX_FILES && path.is_some() {
            return Err(invalid(FILES, format!("must have at most {MAX_FILES} entries")));
        }
        self.current = Some(Current { path, size: 0, hash: Sha256::new(), bytes: Vec::new(), held: Vec::new() });
        Ok(())
    }

    fn add(&mut self, bytes: Vec<u8>) {
        let Some(current) = &mut self.current else { return };
        current.hash.update(&bytes);
        current.size += bytes.len() as u64;
        current.bytes.extend_from_slice(&bytes);
        let most = MAX_SMALL_BYTES.min(MAX_SMALL_BYTES_IN_ALL - self.small_bytes);
        let is_large = current.path.is_some() && current.size > most as u64;
        // A client may send a byte at a time, and each buffer outside costs more than that.
        if is_large && (current.held.is_empty() || current.bytes.len() >= MAX_SMALL_BYTES) {
            current.held.push(self.spool.hold(&std::mem::take(&mut current.bytes)));
        }
    }

    fn end(&mut self) -> Result<(), ApiError> {
        let Some(Current { path, size, hash, bytes, mut held }) = self.current.take() else { return Ok(()) };
        if !held.is_empty() && !bytes.is_empty() {
            held.push(self.spool.hold(&bytes));
        }
        self.hash.update(hash.finalize());
        let Some(path) = path else {
            let text = String::from_utf8(bytes).map_err(|_| invalid(REQUEST, "must be UTF-8"))?;
            let body = json::parse(&text).map_err(|error| invalid(REQUEST, format!("must be JSON: {error}")))?;
            self.request = Some(body);
            return Ok(());
        };
        self.hash.update((path.len() as u64).to_le_bytes());
        self.hash.update(path.as_bytes());
        let index = self.files.len();
        if held.is_empty() {
            self.small_bytes += bytes.len();
            let (content, encoding) = text_or_base64(bytes);
            self.files.push(json!({ "path": path, "content": content, "encoding": encoding.name() }));
        } else if docle_requirements::lists_packages(path.strip_prefix("./").unwrap_or(&path)) {
            let message = format!(
                "must have at most {MAX_SMALL_BYTES} bytes in a form, because it lists packages: send it first"
            );
            return Err(invalid(format!("files[{index}].content"), message));
        } else {
            self.files.push(json!({ "path": path, "content": "" }));
            self.attached.push(Attached { index, size, bytes: held });
        }
        Ok(())
    }

    fn finish(self) -> Result<Form, ApiError> {
        let Self { request, files, attached, hash, .. } = self;
        let message = "is required: a part with the JSON of the run, such as {\"lang\": \"python\"}";
        let mut body = request.ok_or_else(|| invalid(REQUEST, message))?;
        if !files.is_empty() {
            let fields = body.as_object_mut().ok_or_else(|| invalid(REQUEST, "must be a JSON object"))?;
            if is_sent(fields, "files") {
                return Err(invalid("files", "must not be in request, because the parts of the form are the files"));
            }
            fields.insert(FILES.to_owned(), Value::Array(files));
        }
        Ok(Form { body, attached, fingerprint: Fingerprint(hex::encode(hash.finalize())) })
    }
}

fn is_sent(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::fake_spool::{FakeSpool, bytes_of};
    use futures::executor::block_on;
    use futures::stream;

    #[test]
    fn each_byte_of_a_form_that_came_slowly_was_a_buffer_of_its_own() {
        let content: Vec<u8> = (0..200_000u32).map(|number| (number * 7) as u8).collect();
        let part =
            |parameters: &str| format!("--x\r\nContent-Disposition: form-data; {parameters}\r\n\r\n").into_bytes();
        let [request, file] = [part("name=\"request\""), part("name=\"files\"; filename=\"a\"")];
        let form = [&request[..], b"{}\r\n", &file, &content, b"\r\n--x--\r\n"].concat();
        let body = stream::iter(form.into_iter().map(|byte| Ok(vec![byte]))).boxed_local();
        let Ok(Form { attached, .. }) = block_on(read(body, "x", &FakeSpool)) else { panic!("it is a form") };
        let [Attached { index: 0, size: 200_000, bytes }] = &attached[..] else { panic!("one file is outside") };
        assert_eq!(bytes.len(), 4, "of 64 KiB each, but for the last");
        assert!(bytes.iter().flat_map(bytes_of).eq(&content));
    }
}
