//! `ai(model, input)`: inference through the deployment's AI binding.

use crate::host::Denied;
use serde_json::Value;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Function, JSON, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, console_error, web_sys};

/// Bytes of an answer as JSON.
const MAX_ANSWER_BYTES: usize = 2 * 1_048_576;
/// Bytes of a model's name.
const MAX_MODEL_BYTES: usize = 200;

/// Asks a model what `argument`, `{model, input}`, says, and answers with what it answers.
///
/// # Errors
/// Where the arguments are wrong, there is no binding, or the model fails.
pub async fn run(argument: Value, env: &Env) -> Result<Value, Denied> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"@/._:-".contains(&byte);
    let model = argument["model"]
        .as_str()
        .filter(|model| (1..=MAX_MODEL_BYTES).contains(&model.len()) && model.bytes().all(is_name));
    let Some(model) = model else {
        return Err(Denied::argument(
            "The first argument of ai() is a model's name, such as \"@cf/meta/llama-3.1-8b-instruct\".",
        ));
    };
    let input = &argument["input"];
    if !input.is_object() {
        return Err(Denied::argument("The second argument of ai() is an object, such as { prompt: \"…\" }."));
    }
    if input["stream"] == Value::Bool(true) {
        return Err(Denied::argument("ai() answers at once: leave out \"stream\"."));
    }
    let binding = Reflect::get(env.as_ref(), &"AI".into()).unwrap_or(JsValue::UNDEFINED);
    if binding.is_undefined() {
        return Err(Denied::not_configured("ai() is not configured: this deployment has no AI binding."));
    }
    let answer = call(&binding, model, &input.to_string()).await.map_err(|error| {
        console_error!("A model could not be asked: {error:?}");
        Denied { name: "AiError", message: format!("{model} gave no answer.") }
    })?;
    if answer.is_instance_of::<web_sys::ReadableStream>() {
        return Err(Denied {
            name: "AiError",
            message: format!("{model} answers with bytes, which scripts cannot take."),
        });
    }
    let json = JSON::stringify(&answer).ok().and_then(|text| text.as_string()).unwrap_or_else(|| "null".to_owned());
    if json.len() > MAX_ANSWER_BYTES {
        return Err(Denied::limit(format!("The answer has more than {MAX_ANSWER_BYTES} bytes.")));
    }
    serde_json::from_str(&json).map_err(|_| Denied { name: "AiError", message: format!("{model} gave no data.") })
}

async fn call(binding: &JsValue, model: &str, input: &str) -> Result<JsValue, JsValue> {
    let run: Function = Reflect::get(binding, &"run".into())?.unchecked_into();
    let arguments = worker::js_sys::Array::of2(&model.into(), &JSON::parse(input)?);
    // A remote method has a method `call` of its own, so it is applied.
    let answer = Reflect::apply(&run, binding, &arguments)?;
    JsFuture::from(Promise::resolve(&answer)).await
}
