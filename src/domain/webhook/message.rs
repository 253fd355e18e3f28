//! The body of a report: the result of the run, with at most 64 KiB of each output stream.

use crate::domain::webhook::notice::RunNotice;
use docle_api::limits::MAX_WEBHOOK_OUTPUT_BYTES;
use serde_json::{Map, Value, json};

/// The body of a report as JSON. `result` is what `GET /api/run/:id` gives to a stranger: it has no input. `apart` has the
/// beginning of the output if that is not in the result, the standard output first.
///
/// # Errors
/// The result is not a JSON object.
pub fn body(notice: &RunNotice, result: &str, apart: Option<[String; 2]>) -> Result<String, serde_json::Error> {
    let mut data: Map<String, Value> = serde_json::from_str(result)?;
    if let Some([stdout, stderr]) = apart {
        data.insert("stdout".to_owned(), Value::from(stdout));
        data.insert("stderr".to_owned(), Value::from(stderr));
    }
    let shortened = json!({ "stdout": shorten(&mut data, "stdout"), "stderr": shorten(&mut data, "stderr") });
    data.insert("shortened".to_owned(), shortened);
    let message = json!({ "type": notice.event.name(), "timestamp": notice.at.to_string(), "data": data });
    Ok(message.to_string())
}

/// Cuts the text of a stream. Returns whether anything was cut off.
fn shorten(data: &mut Map<String, Value>, stream: &str) -> bool {
    let Some(Value::String(text)) = data.get_mut(stream) else { return false };
    let is_longer = text.len() > MAX_WEBHOOK_OUTPUT_BYTES;
    text.truncate(text.floor_char_boundary(MAX_WEBHOOK_OUTPUT_BYTES));
    is_longer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::webhook::notice::tests::notice;
    use docle_api::document::example::Example;

    fn read(result: &Value, apart: Option<[String; 2]>) -> Value {
        serde_json::from_str(&body(&notice(1, "a.com", 0), &result.to_string(), apart).unwrap()).unwrap()
    }

    #[test]
    fn message_format_unchanged() {
        let result = json!({ "id": "x", "ok": true, "stdout": "1\n", "stderr": "", "usage": { "cpuMs": 1.5 } });
        let shortened = json!({ "stdout": false, "stderr": false });
        let mut data = result.clone();
        data["shortened"] = shortened;
        let expected = json!({ "type": "run.completed", "timestamp": "1970-01-01T00:00:00.000Z", "data": data });
        assert_eq!(read(&result, None), expected);
    }

    #[test]
    fn a_message_is_of_the_type_that_the_description_has() {
        let example = serde_json::to_value(docle_api::webhook_messages::WebhookMessage::example()).unwrap();
        let mut result = example["data"].clone();
        result.as_object_mut().unwrap().remove("shortened");
        let message = body(&notice(1, "a.com", 0), &result.to_string(), None).unwrap();
        let typed: docle_api::webhook_messages::WebhookMessage = serde_json::from_str(&message).unwrap();
        assert_eq!(serde_json::to_value(typed.data).unwrap(), example["data"]);
    }

    #[test]
    fn a_long_stream_is_cut_between_two_characters_and_marked() {
        let long = format!("a{}", "é".repeat(MAX_WEBHOOK_OUTPUT_BYTES));
        let apart = read(&json!({ "id": "x" }), Some([long.clone(), "e".to_owned()]));
        let inline = read(&json!({ "id": "x", "stdout": long, "stderr": "e" }), None);
        assert_eq!(apart, inline);
        assert_eq!(apart["data"]["stdout"].as_str().unwrap().len(), MAX_WEBHOOK_OUTPUT_BYTES - 1);
        assert_eq!(apart["data"]["shortened"], json!({ "stdout": true, "stderr": false }));
        assert!(body(&notice(1, "a.com", 0), "[]", None).is_err());
    }
}
