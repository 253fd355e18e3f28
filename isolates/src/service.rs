//! What the API's Worker may ask: run a script, look at one, say which languages there are.

use crate::execution::{self, COMPATIBILITY_DATE};
use docle_protocol::isolate::{
    EXECUTIONS_PATH, Findings, IsolateJob, IsolateLanguages, LANGUAGES_PATH, Script, ScriptLanguage, VALIDATIONS_PATH,
};
use docle_protocol::{Refusal, RefusalCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use worker::{Context, Env, Method, Request, Response, Result};

/// Variable that is set where the runtime cannot interrupt a script.
const METERED: &str = "METERED";

/// Answers one call.
///
/// # Errors
/// Never; what fails is a refusal.
pub async fn answer(mut request: Request, env: &Env, context: &Context) -> Result<Response> {
    let answered = match (request.method(), request.path().as_str()) {
        (Method::Post, EXECUTIONS_PATH) => execute(&mut request, env, context).await,
        (Method::Post, VALIDATIONS_PATH) => validate(&mut request).await,
        (Method::Get, LANGUAGES_PATH) => json(&languages()),
        _ => Err(refusal(RefusalCode::NotFound, "There is no such call.")),
    };
    answered.or_else(|refusal| Ok(Response::from_json(&refusal)?.with_status(refusal.code.status())))
}

async fn execute(request: &mut Request, env: &Env, context: &Context) -> std::result::Result<Response, Refusal> {
    let job: IsolateJob = read(request).await?;
    let metered = env.var(METERED).is_ok();
    let report = execution::execute(&job, metered, env, context).await;
    json(&report.map_err(|error| refusal(RefusalCode::Internal, &format!("No isolate could be made: {error}")))?)
}

async fn validate(request: &mut Request) -> std::result::Result<Response, Refusal> {
    let script: Script = read(request).await?;
    json(&Findings { errors: docle_script::check(&script) })
}

/// As far as they can be found out from here: the runtime's name and the date of its interfaces, and the translator.
fn languages() -> IsolateLanguages {
    let runtime = BTreeMap::from([("workerd compatibility date".to_owned(), COMPATIBILITY_DATE.to_owned())]);
    let mut typescript = runtime.clone();
    typescript.insert("oxc".to_owned(), docle_script::OXC_VERSION.to_owned());
    let languages = [(ScriptLanguage::JavaScript, runtime), (ScriptLanguage::TypeScript, typescript)];
    IsolateLanguages { languages: languages.map(|(language, versions)| (language.name().to_owned(), versions)).into() }
}

async fn read<T: DeserializeOwned>(request: &mut Request) -> std::result::Result<T, Refusal> {
    let text = request.text().await.map_err(|_| refusal(RefusalCode::InvalidJob, "The body broke off."))?;
    serde_json::from_str(&text).map_err(|error| refusal(RefusalCode::InvalidJob, &error.to_string()))
}

fn json(value: &impl Serialize) -> std::result::Result<Response, Refusal> {
    Response::from_json(value).map_err(|error| refusal(RefusalCode::Internal, &error.to_string()))
}

fn refusal(code: RefusalCode, message: &str) -> Refusal {
    Refusal { code, message: message.to_owned() }
}
