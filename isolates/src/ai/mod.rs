//! `ai(model, input)`: inference through the deployment's AI binding, for projects that the operator grants it to.

mod limits;
mod neurons;

use crate::api_error::ApiError;
use crate::call_counters::{self, AiCall};
use crate::grant::Grant;
use serde_json::Value;
use worker::js_sys::futures::JsFuture;
use worker::js_sys::{Function, JSON, Promise, Reflect};
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::{Env, console_error, web_sys};

/// Bytes of a model's response as JSON.
const MAX_RESPONSE_BYTES: usize = 2 * 1_048_576;
/// Bytes of a model's name.
const MAX_MODEL_BYTES: usize = 200;
/// Bytes of text that a token stands for at least, on average; only for models that do not report their tokens.
const BYTES_PER_TOKEN: usize = 3;
/// Tokens that most models answer with at most, where the input does not say `max_tokens`.
const DEFAULT_OUTPUT_TOKENS: u64 = 256;

/// Runs the model in `argument`, `{model, input}`, and returns its response.
///
/// # Errors
/// When the arguments are wrong, the deployment has no AI binding, grants the project no models, or the model fails.
pub async fn run(mut argument: Value, env: &Env, grant: &Grant) -> Result<Value, ApiError> {
    let model = read_model(&argument)?.to_owned();
    let input = argument["input"]
        .as_object_mut()
        .ok_or_else(|| ApiError::argument("The second argument of ai() is an object, such as { prompt: \"…\" }."))?;
    if input.get("stream") == Some(&Value::Bool(true)) {
        return Err(ApiError::argument("ai() answers at once: leave out \"stream\"."));
    }
    let binding = Reflect::get(env.as_ref(), &"AI".into()).unwrap_or(JsValue::UNDEFINED);
    if binding.is_undefined() {
        return Err(ApiError::not_configured("ai() is not configured: this deployment has no AI binding."));
    }
    let grants = env.var(limits::GRANTS).map(|text| text.to_string()).unwrap_or_default();
    let limits = limits::of_project(&grants, &grant.project)?;
    let input_tokens = tokens(Value::from(input.clone()).to_string().len());
    let left = limits.output_left(&call_counters::ai_used(&grant.run), input_tokens)?;
    let wanted = input.get("max_tokens").and_then(Value::as_u64).unwrap_or(DEFAULT_OUTPUT_TOKENS);
    let output_tokens = wanted.min(u64::from(left)) as u32;
    input.insert("max_tokens".to_owned(), output_tokens.into());
    let input = argument["input"].to_string();
    // What the call may use counts while it lasts, so that calls at once cannot use more together.
    let of_tokens = |input_tokens, output_tokens| AiCall {
        input_tokens,
        output_tokens,
        neurons: neurons::estimate(&model, input_tokens, output_tokens),
    };
    let reserved = call_counters::begin_ai_call(&grant.run, of_tokens(input_tokens, output_tokens));
    let response = respond(&binding, &model, &input).await;
    let (input_tokens, output_tokens) = match &response {
        Ok(response) => reported(response, input_tokens),
        Err(_) => (input_tokens, 0),
    };
    reserved.end(of_tokens(input_tokens, output_tokens));
    response
}

/// The tokens of input and output that a response reports, or else an estimate.
fn reported(response: &Value, input_tokens: u32) -> (u32, u32) {
    let reported = |name: &str| response["usage"][name].as_u64().and_then(|tokens| u32::try_from(tokens).ok());
    let output = reported("completion_tokens").unwrap_or_else(|| tokens(response.to_string().len()));
    (reported("prompt_tokens").unwrap_or(input_tokens), output)
}

/// Tokens of so many bytes, rounded up.
fn tokens(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX)
}

fn read_model(argument: &Value) -> Result<&str, ApiError> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"@/._:-".contains(&byte);
    let model = argument["model"]
        .as_str()
        .filter(|model| (1..=MAX_MODEL_BYTES).contains(&model.len()) && model.bytes().all(is_name));
    model.ok_or_else(|| {
        ApiError::argument("The first argument of ai() is a model's name, such as \"@cf/meta/llama-3.1-8b-instruct\".")
    })
}

/// The response of a model as data.
async fn respond(binding: &JsValue, model: &str, input: &str) -> Result<Value, ApiError> {
    let response = call(binding, model, input).await.map_err(|error| {
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
