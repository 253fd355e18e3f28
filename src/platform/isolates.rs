//! The isolate Worker: through a service binding where it is deployed, at an address where it is a local process.

use crate::ports::PortError;
use crate::ports::isolates::Isolates;
use async_trait::async_trait;
use docle_protocol::isolate::{
    EXECUTIONS_PATH, Findings, IsolateJob, IsolateLanguages, LANGUAGES_PATH, Script, VALIDATIONS_PATH,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use worker::{Fetch, Fetcher, Headers, Method, Request, RequestInit, Response};

/// How the isolate Worker is reached.
pub enum IsolateWorker {
    Binding(Fetcher),
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
        let mut response = self.send(path, text).await.map_err(failed)?;
        let text = response.text().await.map_err(failed)?;
        match response.status_code() {
            200 => serde_json::from_str(&text)
                .map_err(|error| PortError(format!("The isolate Worker gave no such answer: {error}"))),
            // A refusal: a code and a sentence for the log.
            status => Err(PortError(format!("The isolate Worker answered {status}: {text}"))),
        }
    }

    async fn send(&self, path: &str, body: Option<String>) -> worker::Result<Response> {
        let method = if body.is_some() { Method::Post } else { Method::Get };
        let mut init = RequestInit::new();
        init.with_method(method).with_body(body.map(Into::into));
        match self {
            Self::Binding(fetcher) => fetcher.fetch(format!("http://isolates{path}"), Some(init)).await,
            Self::Url { url, secret } => {
                let headers = Headers::new();
                headers.set("authorization", &format!("Bearer {secret}"))?;
                init.with_headers(headers);
                Fetch::Request(Request::new_with_init(&format!("{url}{path}"), &init)?).send().await
            }
        }
    }
}

#[async_trait(?Send)]
impl Isolates for IsolateWorker {
    async fn execute(&self, job: &IsolateJob) -> Result<Box<RawValue>, PortError> {
        self.call(EXECUTIONS_PATH, Some(job)).await
    }

    async fn validate(&self, script: &Script) -> Result<Findings, PortError> {
        self.call(VALIDATIONS_PATH, Some(script)).await
    }

    async fn languages(&self) -> Result<IsolateLanguages, PortError> {
        self.call(LANGUAGES_PATH, None::<&()>).await
    }
}
