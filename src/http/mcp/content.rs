//! The result of a tool: structured, as text, and images as such.

use serde_json::{Value, json};

/// The MIME types of images that clients show and models see.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// A value as the result of a tool: structured, as text, and images as such.
pub fn tool_result(mut value: Value) -> Value {
    let mut images = Vec::new();
    for artifact in value.get_mut("artifacts").and_then(Value::as_array_mut).into_iter().flatten() {
        let is_image = artifact["mimeType"].as_str().is_some_and(|mime| IMAGES.contains(&mime));
        let Some(fields) = artifact.as_object_mut().filter(|_| is_image) else { continue };
        if let Some(data) = fields.remove("base64") {
            images.push(json!({ "type": "image", "data": data, "mimeType": fields["mimeType"] }));
        }
    }
    let text = json!({ "type": "text", "text": value.to_string() });
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
}
