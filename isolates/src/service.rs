//! The API of this Worker for the API's Worker: run a script, validate a script, list the languages.

use crate::execution::{self, COMPATIBILITY_DATE};
use docle_protocol::isolate::{
    Diagnostics, Dialect, EXECUTIONS_PATH, IsolateJob, IsolateLanguages, LANGUAGES_PATH, Script, ScriptLanguage,
    VALIDATIONS_PATH,
};
use docle_protocol::{Refusal, RefusalCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use worker::{Context, Env, Method, Request, Response, Result};

/// The variable that is set where the runtime cannot interrupt a script.
const METERED: &str = "METERED";

/// Answers one request.
///
/// # Errors
/// Never: a failure is a response with a [`Refusal`].
pub async fn answer(mut request: Request, env: &Env, context: &Context) -> Result<Response> {
    let response = match (request.method(), request.path().as_str()) {
        (Method::Post, EXECUTIONS_PATH) => execute(&mut request, env, context).await,
        (Method::Post, VALIDATIONS_PATH) => validate(&mut request).await,
        (Method::Get, LANGUAGES_PATH) => json(&languages()),
        _ => Err(refusal(RefusalCode::NotFound, "There is no such path or method.")),
    };
    response.or_else(|refusal| Ok(Response::from_json(&refusal)?.with_status(refusal.code.status())))
}

async fn execute(request: &mut Request, env: &Env, context: &Context) -> std::result::Result<Response, Refusal> {
    let job: IsolateJob = read(request).await?;
    let metered = env.var(METERED).is_ok();
    let report = execution::execute(&job, metered, env, context).await;
    json(&report.map_err(|error| refusal(RefusalCode::Internal, &format!("No isolate could be loaded: {error}")))?)
}

async fn validate(request: &mut Request) -> std::result::Result<Response, Refusal> {
    let script: Script = read(request).await?;
    json(&Diagnostics { errors: docle_script::check(&script) })
}

/// The versions that are known here: the runtime's compatibility date and the release of the translator. The runtime does
/// not expose its own version.
fn languages() -> IsolateLanguages {
    let runtime = BTreeMap::from([("workerd compatibility date".to_owned(), COMPATIBILITY_DATE.to_owned())]);
    let versions_of = |language: ScriptLanguage| {
        let mut versions = runtime.clone();
        if language.dialect() == Dialect::TypeScript {
            versions.insert("oxc".to_owned(), docle_script::OXC_VERSION.to_owned());
        }
        (language.name().to_owned(), versions)
    };
    IsolateLanguages { languages: ScriptLanguage::all().map(versions_of).collect() }
}

async fn read<T: DeserializeOwned>(request: &mut Request) -> std::result::Result<T, Refusal> {
    let text = request.text().await.map_err(|_| refusal(RefusalCode::InvalidJob, "The body ended too early."))?;
    serde_json::from_str(&text).map_err(|error| refusal(RefusalCode::InvalidJob, &error.to_string()))
}

fn json(value: &impl Serialize) -> std::result::Result<Response, Refusal> {
    Response::from_json(value).map_err(|error| refusal(RefusalCode::Internal, &error.to_string()))
}

fn refusal(code: RefusalCode, message: &str) -> Refusal {
    Refusal { code, message: message.to_owned() }
}
