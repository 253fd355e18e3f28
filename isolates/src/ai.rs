//! `ai(model, input)`: inference through the deployment's AI binding.

use crate::api_error::ApiError;
use serde_json::Value;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Function, JSON, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, console_error, web_sys};

/// Bytes of a model's response as JSON.
const MAX_RESPONSE_BYTES: usize = 2 * 1_048_576;
/// Bytes of a model's name.
const MAX_MODEL_BYTES: usize = 200;

/// Runs the model in `argument`, `{model, input}`, and returns its response.
///
/// # Errors
/// When the arguments are wrong, the deployment has no AI binding, or the model fails.
pub async fn run(argument: Value, env: &Env) -> Result<Value, ApiError> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"@/._:-".contains(&byte);
    let model = argument["model"]
        .as_str()
        .filter(|model| (1..=MAX_MODEL_BYTES).contains(&model.len()) && model.bytes().all(is_name));
    let Some(model) = model else {
        return Err(ApiError::argument(
            "The first argument of ai() is a model's name, such as \"@cf/meta/llama-3.1-8b-instruct\".",
        ));
    };
    let input = &argument["input"];
    if !input.is_object() {
        return Err(ApiError::argument("The second argument of ai() is an object, such as { prompt: \"…\" }."));
    }
    if input["stream"] == Value::Bool(true) {
        return Err(ApiError::argument("ai() answers at once: leave out \"stream\"."));
    }
    let binding = Reflect::get(env.as_ref(), &"AI".into()).unwrap_or(JsValue::UNDEFINED);
    if binding.is_undefined() {
        return Err(ApiError::not_configured("ai() is not configured: this deployment has no AI binding."));
    }
    let response = call(&binding, model, &input.to_string()).await.map_err(|error| {
        console_error!("The AI binding failed to run a model: {error:?}");
        ApiError { name: "AiError", message: format!("{model} gave no answer.") }
    })?;
    if response.is_instance_of::<web_sys::ReadableStream>() {
        return Err(ApiError {
            name: "AiError",
            message: format!("{model} answers with bytes, which scripts cannot take."),
        });
    }
    let json = JSON::stringify(&response).ok().and_then(|text| text.as_string()).unwrap_or_else(|| "null".to_owned());
    if json.len() > MAX_RESPONSE_BYTES {
        return Err(ApiError::limit(format!("The response has more than {MAX_RESPONSE_BYTES} bytes.")));
    }
    serde_json::from_str(&json).map_err(|_| ApiError { name: "AiError", message: format!("{model} gave no data.") })
}

async fn call(binding: &JsValue, model: &str, input: &str) -> Result<JsValue, JsValue> {
    let run: Function = Reflect::get(binding, &"run".into())?.unchecked_into();
    let arguments = worker::js_sys::Array::of2(&model.into(), &JSON::parse(input)?);
    // `run.call(…)` would call a remote method named "call".
    let response = Reflect::apply(&run, binding, &arguments)?;
    JsFuture::from(Promise::resolve(&response)).await
}
