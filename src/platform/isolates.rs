//! The isolate Worker: through a service binding where it is deployed, at an address where it is a local process.

use crate::platform::fetch;
use crate::ports::PortError;
use crate::ports::isolates::Isolates;
use async_trait::async_trait;
use docle_protocol::isolate::{
    Diagnostics, EXECUTIONS_PATH, IsolateJob, IsolateLanguages, LANGUAGES_PATH, Script, VALIDATIONS_PATH,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use worker::wasm_bindgen::JsValue;
use worker::worker_sys::web_sys::Response;

/// How the isolate Worker is reached.
pub enum IsolateWorker {
    Binding(fetch::Target),
    /// Without a slash at its end, and the secret that callers must know.
    Url {
        url: String,
        secret: String,
    },
}

impl IsolateWorker {
    async fn call<T: DeserializeOwned>(&self, path: &str, body: Option<&impl Serialize>) -> Result<T, PortError> {
        let failed = |error: worker::Error| PortError(format!("Calling the isolate Worker failed: {error}"));
        let text = body.map(serde_json::to_string).transpose().map_err(|error| PortError(error.to_string()))?;
        let response = self.send(path, text).await.map_err(failed)?;
        let text = fetch::bytes(&response).await.map_err(failed)?;
        match response.status() {
            200 => serde_json::from_slice(&text)
                .map_err(|error| PortError(format!("The isolate Worker gave no such answer: {error}"))),
            // A refusal: a code and a sentence for the log.
            status => {
                Err(PortError(format!("The isolate Worker answered {status}: {}", String::from_utf8_lossy(&text))))
            }
        }
    }

    async fn send(&self, path: &str, body: Option<String>) -> worker::Result<Response> {
        let method = if body.is_some() { "POST" } else { "GET" };
        let body = body.map(JsValue::from);
        match self {
            Self::Binding(worker) => {
                let request = fetch::request(method, &[], body.as_ref())?;
                fetch::at(worker, &format!("http://isolates{path}"), &request).await
            }
            Self::Url { url, secret } => {
                let authorization = format!("Bearer {secret}");
                let request = fetch::request(method, &[("authorization", &authorization)], body.as_ref())?;
                fetch::outside(&format!("{url}{path}"), &request).await
            }
        }
    }
}

#[async_trait(?Send)]
impl Isolates for IsolateWorker {
    async fn execute(&self, job: &IsolateJob) -> Result<Box<RawValue>, PortError> {
        self.call(EXECUTIONS_PATH, Some(job)).await
    }

    async fn validate(&self, script: &Script) -> Result<Diagnostics, PortError> {
        self.call(VALIDATIONS_PATH, Some(script)).await
    }

    async fn languages(&self) -> Result<IsolateLanguages, PortError> {
        self.call(LANGUAGES_PATH, None::<&()>).await
    }
}
