//! What a submission says, as the body of `POST /api/run`.

use crate::http::compat::judge0::languages::Flavor;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use docle_api::limits::{CPU_MS, MAX_FILE_MB, MEMORY_MB, TIMEOUT_MS};
use serde_json::{Map, Value, json};

/// Submissions of one call.
pub const MAX_BATCH: usize = 20;
/// Limits of a submission that names none.
pub const DEFAULT_CPU_SECONDS: f64 = 5.0;
pub const DEFAULT_WALL_SECONDS: f64 = 10.0;
pub const DEFAULT_MEMORY_KB: u32 = 128_000;
pub const DEFAULT_FILE_KB: u32 = 1_024;
/// The longest line of arguments, in characters.
const MAX_LINE: usize = 512;
/// The longest source, standard input and expected output, in bytes each. As JSON a byte may take six.
const MAX_TEXT: usize = 1_024 * 1_024;

/// A submission that can be run.
pub struct Submission {
    /// The body of `POST /api/run`.
    pub body: Value,
    /// What is kept beside it: everything that was sent but the source and the standard input.
    pub kept: Value,
}

/// What is wrong with each field.
type Wrong = Map<String, Value>;

/// Reads a submission.
///
/// # Errors
/// Everything that is wrong with it, by field.
pub fn read(sent: &Value, flavor: Flavor, is_base64: bool, max_timeout_ms: u32) -> Result<Submission, Wrong> {
    let mut fields = Fields { sent, is_base64, wrong: Map::new() };
    let language = sent["language_id"].as_u64().or_else(|| sent["language_id"].as_str()?.parse().ok());
    let language = match language.and_then(|number| flavor.language(number)) {
        Some(language) => Some(language),
        None if sent["language_id"].is_null() => fields.note("language_id", "can't be blank"),
        None => {
            fields.note("language_id", "language with this id doesn't exist here: GET /languages lists those that do")
        }
    };
    let source = match fields.bytes("source_code") {
        Some(source) if !source.is_empty() => Some(source),
        _ if fields.wrong.contains_key("source_code") => None,
        _ => fields.note("source_code", "can't be blank"),
    };
    let stdin = fields.text("stdin");
    let expected = fields.text("expected_output");
    let options = fields.words("compiler_options");
    let args = fields.words("command_line_arguments");
    let longest = max_timeout_ms;
    let cpu_ms = fields.milliseconds("cpu_time_limit", DEFAULT_CPU_SECONDS, (*CPU_MS.end()).min(longest));
    let timeout_ms = fields.milliseconds("wall_time_limit", DEFAULT_WALL_SECONDS, longest);
    let memory_mb = fields.megabytes("memory_limit", DEFAULT_MEMORY_KB, *MEMORY_MB.end());
    let file_mb = fields.megabytes("max_file_size", DEFAULT_FILE_KB, *MAX_FILE_MB.end());
    if fields.number("number_of_runs").is_some_and(|runs| runs > 1.0) {
        fields.note::<()>("number_of_runs", "must be 1 here");
    }
    for (name, why) in [
        ("additional_files", "additional files are not taken here: send them as files of POST /api/run"),
        ("callback_url", "callbacks are not made here: ask for the submission, or use a webhook of POST /api/run"),
    ] {
        if !sent[name].is_null() && sent[name] != "" {
            fields.note::<()>(name, why);
        }
    }
    let (Some(language), Some(source), true) = (language, source, fields.wrong.is_empty()) else {
        return Err(fields.wrong);
    };
    let entrypoint = language.runner().entrypoint;
    let file = match String::from_utf8(source) {
        Ok(text) => json!({ "path": entrypoint, "content": text }),
        Err(error) => json!({ "path": entrypoint, "content": STANDARD.encode(error.as_bytes()), "encoding": "base64" }),
    };
    let mut body = json!({
        "lang": language.id,
        "files": [file],
        "entrypoint": entrypoint,
        "stdin": stdin.unwrap_or_default(),
        "args": args,
        "policy": {
            "cpuMs": cpu_ms.max(*CPU_MS.start()),
            "timeoutMs": timeout_ms.max(*TIMEOUT_MS.start()),
            "memoryMB": memory_mb.max(*MEMORY_MB.start()),
            "maxFileMB": file_mb.max(*MAX_FILE_MB.start()),
            "allowNetwork": is_true(&sent["enable_network"]),
        },
        "detach": true,
    });
    if language.runner().compile.is_some() && !options.is_empty() {
        body["compile"] = json!({ "options": options });
    }
    let mut kept: Map<String, Value> = sent.as_object().cloned().unwrap_or_default();
    ["source_code", "stdin"].into_iter().for_each(|name| drop(kept.remove(name)));
    kept.insert("language_id".to_owned(), json!(flavor.number_of(language)));
    kept.insert("expected_output".to_owned(), json!(expected));
    Ok(Submission { body, kept: Value::Object(kept) })
}

/// Whether a field that may be written in several ways says yes.
fn is_true(value: &Value) -> bool {
    *value == true || *value == "true" || *value == 1
}

struct Fields<'a> {
    sent: &'a Value,
    is_base64: bool,
    wrong: Wrong,
}

impl Fields<'_> {
    fn note<T>(&mut self, name: &str, why: &str) -> Option<T> {
        self.wrong.insert(name.to_owned(), json!([why]));
        None
    }

    /// A field whose text may be in base64.
    fn bytes(&mut self, name: &str) -> Option<Vec<u8>> {
        let text = match &self.sent[name] {
            Value::Null => return None,
            Value::String(text) => text,
            _ => return self.note(name, "must be a string"),
        };
        let bytes = match self.is_base64 {
            false => Ok(text.clone().into_bytes()),
            true => STANDARD.decode(text.split_ascii_whitespace().collect::<String>()),
        };
        match bytes {
            Ok(bytes) if bytes.len() > MAX_TEXT => self.note(name, "must be at most 1048576 bytes"),
            Ok(bytes) => Some(bytes),
            Err(_) => self.note(name, "is not base64, which base64_encoded=true says that it is"),
        }
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match String::from_utf8(self.bytes(name)?) {
            Ok(text) => Some(text),
            Err(_) => self.note(name, "must be UTF-8"),
        }
    }

    /// A line as a shell would split it.
    fn words(&mut self, name: &str) -> Vec<String> {
        let line = match &self.sent[name] {
            Value::Null => return Vec::new(),
            Value::String(line) if line.chars().count() <= MAX_LINE => line,
            _ => return self.note(name, "must be a string of at most 512 characters").unwrap_or_default(),
        };
        match shlex::split(line) {
            Some(words) => words,
            None => self.note(name, "has a quote without its end").unwrap_or_default(),
        }
    }

    /// A number, which may be written as text.
    fn number(&mut self, name: &str) -> Option<f64> {
        let value = &self.sent[name];
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        match number {
            Some(number) if number > 0.0 => Some(number),
            None if value.is_null() || *value == "" => None,
            _ => self.note(name, "must be greater than 0"),
        }
    }

    fn milliseconds(&mut self, name: &str, default: f64, longest_ms: u32) -> u32 {
        let asked = self.number(name).unwrap_or(default) * 1_000.0;
        if asked > f64::from(longest_ms) {
            let most = f64::from(longest_ms) / 1_000.0;
            self.note::<()>(name, &format!("must be less than or equal to {most}"));
        }
        asked.ceil() as u32
    }

    fn megabytes(&mut self, name: &str, default_kb: u32, most_mb: u32) -> u32 {
        let asked = self.number(name).unwrap_or_else(|| f64::from(default_kb)) / 1_024.0;
        if asked > f64::from(most_mb) {
            self.note::<()>(name, &format!("must be less than or equal to {}", most_mb * 1_024));
        }
        asked.ceil() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sent: Value) -> Result<Submission, Wrong> {
        super::read(&sent, Flavor::Common, false, 300_000)
    }

    #[test]
    fn limits_arguments_and_what_is_expected_are_read() {
        let number = Flavor::Common.number_of(docle_languages::RunLanguage::all().next().unwrap()).unwrap();
        let sent = json!({
            "language_id": number, "source_code": "x", "stdin": "in", "expected_output": "out", "cpu_time_limit": "2.5",
            "memory_limit": 1_024, "command_line_arguments": "a 'b c'", "enable_network": true,
        });
        let Submission { body, kept } = read(sent).ok().unwrap();
        assert_eq!(body["args"], json!(["a", "b c"]));
        assert_eq!(
            body["policy"],
            json!({ "cpuMs": 2_500, "timeoutMs": 10_000, "memoryMB": 16, "maxFileMB": 1, "allowNetwork": true })
        );
        assert_eq!((kept["expected_output"].as_str(), kept.get("source_code")), (Some("out"), None));
    }

    #[test]
    fn what_is_wrong_is_said_by_field() {
        let wrong = |sent: Value| read(sent).err().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(wrong(json!({})), ["language_id", "source_code"]);
        for (name, value) in [
            ("language_id", json!(10)),
            ("source_code", json!(7)),
            ("stdin", json!("x".repeat(MAX_TEXT + 1))),
            ("cpu_time_limit", json!(-1)),
            ("wall_time_limit", json!(301)),
            ("memory_limit", json!("many")),
            ("number_of_runs", json!(2)),
            ("callback_url", json!("https://example.com")),
            ("command_line_arguments", json!("'a")),
        ] {
            let mut sent = json!({ "language_id": 46, "source_code": "x" });
            sent[name] = value;
            assert_eq!(wrong(sent), [name]);
        }
    }
}
