//! Headers between the runtime and us, all of them in one crossing: one by one they cost more than reading a body.

use worker::js_sys::{Array, JSON};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::web_sys::Headers;

/// Names and values, in the runtime's order.
pub fn read(headers: &Headers) -> Result<Vec<(String, String)>, worker::Error> {
    let text: String = JSON::stringify(&Array::from(headers))?.into();
    Ok(serde_json::from_str(&text)?)
}

/// The runtime's headers of these.
pub fn make(headers: &[(&str, &str)]) -> Result<Headers, worker::Error> {
    let pairs: JsValue = JSON::parse(&serde_json::to_string(headers)?)?;
    Ok(Headers::new_with_str_sequence_sequence(pairs.unchecked_ref())?)
}
