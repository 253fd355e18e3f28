//! `db(query)`: reading a database that the project has configured.

use crate::api_error::ApiError;
use crate::grant::Grant;
use crate::select::{self, Select};
use futures::future::{Either, select as first_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::pin::pin;
use std::time::Duration;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, Delay, Env, console_error};

/// Wall-clock limit of one query, in milliseconds.
const TIMEOUT_MS: u64 = 5_000;
/// Bytes of all rows of one result, as JSON.
const MAX_ROWS_BYTES: usize = 1_048_576;
/// The variable that grants databases: JSON, name → ids of projects, `*` for every project.
const GRANTS: &str = "PROJECT_DATABASES";

/// Runs the query in `argument` and returns `rows` and `rowCount`.
///
/// # Errors
/// When the query is wrong, or the project has no database.
pub async fn query(argument: Value, env: &Env, grant: &Grant) -> Result<Value, ApiError> {
    let database = database(env, grant)?;
    let Select { sql, values } = select::read(&argument).map_err(ApiError::argument)?;
    let values: Vec<JsValue> = values.iter().map(to_js).collect();
    let failed =
        |error: &dyn std::fmt::Display| ApiError { name: "DatabaseError", message: explain(&error.to_string()) };
    let statement = database.prepare(sql).bind(&values).map_err(|error| failed(&error))?;
    let rows = pin!(statement.all());
    let clock = Delay::from(Duration::from_millis(TIMEOUT_MS));
    let result = match first_of(rows, pin!(clock)).await {
        Either::Left((result, _)) => result.map_err(|error| failed(&error))?,
        Either::Right(_) => return Err(ApiError::limit(format!("The query took longer than {TIMEOUT_MS} ms."))),
    };
    if let Some(error) = result.error() {
        return Err(failed(&error));
    }
    let rows: Vec<Value> = result.results().map_err(|error| failed(&error))?;
    let row_count = rows.len();
    let rows = Value::from(rows);
    if rows.to_string().len() > MAX_ROWS_BYTES {
        return Err(ApiError::limit(format!(
            "The rows have more than {MAX_ROWS_BYTES} bytes: select fewer, or fewer columns."
        )));
    }
    Ok(json!({ "rows": rows, "rowCount": row_count }))
}

/// The binding `PROJECT_DB_<NAME>` of the database that the project has configured, if the deployment grants it.
fn database(env: &Env, grant: &Grant) -> Result<D1Database, ApiError> {
    let Some(name) = &grant.database else {
        return Err(ApiError::not_configured(
            "db() is not configured: the project names no database (isolates.database).",
        ));
    };
    let not_granted = || {
        ApiError::not_configured(format!(
            "db() is not configured: this deployment grants the project no database \"{name}\"."
        ))
    };
    let grants = env.var(GRANTS).map(|text| text.to_string()).unwrap_or_default();
    let grants: BTreeMap<String, Vec<String>> = serde_json::from_str(&grants).unwrap_or_default();
    let is_granted = grants.get(name).is_some_and(|ids| ids.iter().any(|id| id == "*" || *id == grant.project));
    if !is_granted {
        return Err(not_granted());
    }
    let binding = format!("PROJECT_DB_{}", name.to_ascii_uppercase().replace('-', "_"));
    env.d1(&binding).map_err(|_| not_granted())
}

fn to_js(value: &Value) -> JsValue {
    match value {
        Value::String(text) => text.into(),
        Value::Number(number) => number.as_f64().into(),
        Value::Bool(truth) => f64::from(u8::from(*truth)).into(),
        _ => JsValue::NULL,
    }
}

/// The message for the author of the script. A missing table or column is named; any other error goes to the log only.
fn explain(error: &str) -> String {
    for kind in ["table", "column"] {
        if let Some((_, rest)) = error.split_once(&format!("no such {kind}: ")) {
            let name: String =
                rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')).collect();
            return format!("There is no {kind}: {name}.");
        }
    }
    console_error!("The query of a script failed: {error}");
    "The query failed.".to_owned()
}
