//! The result of a tool: structured, as text, and images as such.

use serde_json::{Value, json};

/// The MIME types of images that clients show and models see.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// The longest value that is repeated as text, in bytes of JSON. A Worker has memory for many calls, and models read no more.
const MAX_TEXT_BYTES: usize = 1_024 * 1_024;
/// What stands there instead of a longer one.
const TOO_LONG: &str = "The result is too long to be repeated as text; structuredContent has it.";

/// What the images of a cell are called.
const SHOWN: [(&str, &str); 2] = [("png", "image/png"), ("jpeg", "image/jpeg")];

/// What a model can act on.
pub fn refusal(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": true })
}

/// A value as the result of a tool: structured, as text, and images as such.
pub fn tool_result(mut value: Value) -> Value {
    let mut images = Vec::new();
    for shown in value.get_mut("results").and_then(Value::as_array_mut).into_iter().flatten() {
        for (name, mime) in SHOWN {
            if let Some(data) = shown.as_object_mut().and_then(|fields| fields.remove(name)) {
                images.push(json!({ "type": "image", "data": data, "mimeType": mime }));
            }
        }
    }
    for artifact in value.get_mut("artifacts").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_image = artifact["mimeType"].as_str().is_some_and(|mime| IMAGES.contains(&mime));
        let Some(fields) = artifact.as_object_mut().filter(|_| is_image) else { continue };
        if let Some(data) = fields.remove("base64") {
            images.push(json!({ "type": "image", "data": data, "mimeType": fields["mimeType"] }));
        }
    }
    let text = Some(value.to_string()).filter(|text| text.len() <= MAX_TEXT_BYTES);
    let text = json!({ "type": "text", "text": text.as_deref().unwrap_or(TOO_LONG) });
    let content: Vec<Value> = std::iter::once(text).chain(images).collect();
    json!({ "content": content, "structuredContent": value, "isError": false })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_content_and_other_files_stay_where_they_are() {
        let artifacts = json!([
            { "name": "a.png", "mimeType": "image/png", "size": 1, "base64": "AA==" },
            { "name": "b.csv", "mimeType": "text/csv", "size": 1, "base64": "AQ==" },
            { "name": "c.svg", "mimeType": "image/svg+xml", "size": 1, "base64": "Ag==" },
            { "name": "d.png", "mimeType": "image/png", "size": 9, "error": "too_large_to_inline" },
        ]);
        let result = tool_result(json!({ "ok": true, "artifacts": artifacts }));
        assert_eq!(result["content"][1], json!({ "type": "image", "data": "AA==", "mimeType": "image/png" }));
        assert_eq!(result["content"].as_array().unwrap().len(), 2);
        let kept = result["structuredContent"]["artifacts"].as_array().unwrap();
        let has = kept.iter().map(|artifact| artifact.get("base64").is_some()).collect::<Vec<_>>();
        assert_eq!(has, [false, true, true, false]);
        assert_eq!(result["content"][0]["text"], result["structuredContent"].to_string());
    }

    #[test]
    fn images_that_a_cell_shows_are_content() {
        let shown = json!([{ "main": false, "text": "<Figure>", "png": "AA==" }, { "main": true, "text": "1" }]);
        let result = tool_result(json!({ "results": shown }));
        assert_eq!(result["content"][1], json!({ "type": "image", "data": "AA==", "mimeType": "image/png" }));
        assert_eq!(result["structuredContent"]["results"][0], json!({ "main": false, "text": "<Figure>" }));
    }

    #[test]
    fn a_long_result_was_held_once_more_as_text() {
        let result = tool_result(json!({ "stdout": "x".repeat(MAX_TEXT_BYTES) }));
        assert_eq!(result["content"][0]["text"], TOO_LONG);
        assert_eq!(result["structuredContent"]["stdout"].as_str().unwrap().len(), MAX_TEXT_BYTES);
    }
}
