//! Forms with files (`multipart/form-data`, RFC 7578 and RFC 2046), read piece by piece: no part is held whole.

use bytes::{Buf, BytesMut};

/// The longest head of a part, in bytes: a path of 1,024 bytes, each percent-encoded, and some headers.
const MAX_HEAD_BYTES: usize = 8 * 1_024;
/// The longest boundary, in bytes (RFC 2046, section 5.1.1).
const MAX_BOUNDARY_BYTES: usize = 70;
/// What stands before a boundary inside of a body.
const BEFORE_BOUNDARY: &[u8] = b"\r\n--";

/// The boundary that a `Content-Type` names; `None` if it is no form with files, or has no valid boundary.
pub fn boundary(content_type: &str) -> Option<String> {
    let (media_type, parameters) = content_type.split_once(';')?;
    if !media_type.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let (_, boundary) = Parameters(parameters).find(|(name, _)| name == "boundary")?;
    let is_valid = (1..=MAX_BOUNDARY_BYTES).contains(&boundary.len())
        && boundary.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
        && !boundary.ends_with(' ');
    is_valid.then_some(boundary)
}

/// What a body has next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A part begins.
    Part(Head),
    /// Bytes of the part, at least one.
    Data(Vec<u8>),
    /// The part ends.
    End,
}

/// What a part says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    pub name: String,
    pub file_name: Option<String>,
    /// In lower case and without parameters; empty if it is missing.
    pub media_type: String,
}

/// A body that is no form: a clause that follows “The form”.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoForm(pub String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first boundary.
    Preamble,
    /// After a boundary.
    Boundary,
    Head,
    /// At the line feed that ends a head. A part without content may have no other one before its boundary.
    EmptyLine,
    Data,
    /// After the last boundary.
    Epilogue,
}

/// Reads a form whose bytes come in pieces.
#[derive(Debug)]
pub struct Parser {
    /// The boundary with what stands before it.
    delimiter: Vec<u8>,
    bytes: BytesMut,
    state: State,
    /// Parts that have begun.
    parts: usize,
}

impl Parser {
    pub fn new(boundary: &str) -> Self {
        let delimiter = [BEFORE_BOUNDARY, boundary.as_bytes()].concat();
        // The first boundary may be the first line.
        Self { delimiter, bytes: BytesMut::from(&b"\r\n"[..]), state: State::Preamble, parts: 0 }
    }

    /// Adds what has come. The caller takes all events out before it adds more.
    pub fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
    }

    /// What comes next; `None` if more bytes have to come first.
    ///
    /// # Errors
    /// The body is no form.
    pub fn next_event(&mut self) -> Result<Option<Event>, NoForm> {
        loop {
            match self.state {
                State::Epilogue => {
                    self.bytes.clear();
                    return Ok(None);
                }
                State::Preamble => match find(&self.bytes, &self.delimiter) {
                    Some(at) => {
                        self.bytes.advance(at + self.delimiter.len());
                        self.state = State::Boundary;
                    }
                    None => {
                        self.bytes.advance(self.unambiguous());
                        return Ok(None);
                    }
                },
                State::Boundary => {
                    // Blanks may follow a boundary.
                    let blanks = self.bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                    if blanks > MAX_BOUNDARY_BYTES {
                        return Err(self.broken("has blanks after a boundary"));
                    }
                    let Some(end) = self.bytes.get(blanks..blanks + 2) else { return Ok(None) };
                    self.state = match end {
                        b"\r\n" => State::Head,
                        b"--" if blanks == 0 => State::Epilogue,
                        _ => return Err(self.broken("has a line that begins with its boundary and goes on")),
                    };
                    // The line feed before an empty head belongs to its end.
                    let is_head = self.state == State::Head;
                    self.bytes.advance(if is_head { blanks } else { blanks + 2 });
                }
                State::Head => {
                    let Some(end) = find(&self.bytes, b"\r\n\r\n") else {
                        return match self.bytes.len() {
                            ..=MAX_HEAD_BYTES => Ok(None),
                            _ => Err(self.broken(&format!("has headers of more than {MAX_HEAD_BYTES} bytes"))),
                        };
                    };
                    if end > MAX_HEAD_BYTES {
                        return Err(self.broken(&format!("has headers of more than {MAX_HEAD_BYTES} bytes")));
                    }
                    let head = read_head(&self.bytes[..end]).map_err(|clause| self.broken(&clause))?;
                    // The line feed of the empty line stays: it may be that of a boundary.
                    self.bytes.advance(end + 2);
                    self.parts += 1;
                    self.state = State::EmptyLine;
                    return Ok(Some(Event::Part(head)));
                }
                State::EmptyLine => {
                    if self.bytes.len() < self.delimiter.len() && self.delimiter.starts_with(&self.bytes) {
                        return Ok(None);
                    }
                    if !self.bytes.starts_with(&self.delimiter) {
                        self.bytes.advance(2);
                    }
                    self.state = State::Data;
                }
                State::Data => {
                    let found = find(&self.bytes, &self.delimiter);
                    let length = found.unwrap_or_else(|| self.unambiguous());
                    if length > 0 {
                        return Ok(Some(Event::Data(self.bytes.split_to(length).to_vec())));
                    }
                    if found.is_none() {
                        return Ok(None);
                    }
                    self.bytes.advance(self.delimiter.len());
                    self.state = State::Boundary;
                    return Ok(Some(Event::End));
                }
            }
        }
    }

    /// Whether the first boundary has come.
    pub fn has_begun(&self) -> bool {
        self.state != State::Preamble
    }

    /// Whether the last boundary has come.
    pub fn is_complete(&self) -> bool {
        self.state == State::Epilogue
    }

    /// How many of the bytes that have come can be no part of a delimiter.
    fn unambiguous(&self) -> usize {
        self.bytes.len().saturating_sub(self.delimiter.len() - 1)
    }

    fn broken(&self, clause: &str) -> NoForm {
        NoForm(format!("{clause} (part {})", self.parts + 1))
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    // Carriage returns are rare in most files, and each delimiter begins with one.
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|&byte| byte == wanted[0]) {
        if bytes[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// Reads the headers of a part.
fn read_head(bytes: &[u8]) -> Result<Head, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "has headers that are not UTF-8".to_owned())?;
    let (mut head, mut has_name) = (Head::default(), false);
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(|| "has a header without a colon".to_owned())?;
        match name.trim().to_ascii_lowercase().as_str() {
            "content-disposition" => {
                let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
                if !kind.trim().eq_ignore_ascii_case("form-data") {
                    return Err("has a Content-Disposition other than form-data".to_owned());
                }
                for (name, value) in Parameters(parameters) {
                    match name.as_str() {
                        "name" => (head.name, has_name) = (unescaped(&value), true),
                        "filename" => head.file_name = Some(unescaped(&value)),
                        _ => {}
                    }
                }
            }
            "content-type" => {
                head.media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
                if head.media_type.starts_with("multipart/") {
                    return Err("has a form inside: send each file as a part of its own".to_owned());
                }
            }
            "content-transfer-encoding"
                if !["binary", "8bit", "7bit"].iter().any(|plain| value.trim().eq_ignore_ascii_case(plain)) =>
            {
                return Err("has a Content-Transfer-Encoding: send the bytes as they are".to_owned());
            }
            _ => {}
        }
    }
    if has_name { Ok(head) } else { Err("has no name in its Content-Disposition".to_owned()) }
}

/// Browsers and curl write three characters of a name as the HTML standard has it.
fn unescaped(value: &str) -> String {
    value.replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n")
}

/// The parameters of a header: `; name=value; name="value"`.
struct Parameters<'a>(&'a str);

impl Iterator for Parameters<'_> {
    type Item = (String, String);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.0.trim_start_matches([';', ' ', '\t']);
        let (name, rest) = rest.split_once('=')?;
        let value = match rest.strip_prefix('"') {
            None => {
                let (value, rest) = rest.split_once(';').unwrap_or((rest, ""));
                self.0 = rest;
                value.trim().to_owned()
            }
            Some(quoted) => {
                let (mut value, mut characters) = (String::new(), quoted.char_indices());
                let end = loop {
                    match characters.next() {
                        // A backslash before another character is one, as in paths of Windows.
                        Some((at, '\\')) if quoted[at + 1..].starts_with(['"', '\\']) => {
                            value.extend(characters.next().map(|(_, escaped)| escaped));
                        }
                        Some((at, '"')) => break at + 1,
                        Some((_, character)) => value.push(character),
                        None => break quoted.len(),
                    }
                };
                self.0 = &quoted[end..];
                value
            }
        };
        Some((name.trim().to_ascii_lowercase(), value))
    }
}

#[cfg(test)]
mod tests;
