//! What Judge0 says about itself: languages, statuses, limits.

use crate::app::App;
use crate::http::auth::caller::ApiClient;
use crate::http::compat::credential;
use crate::http::compat::judge0::languages::{Flavor, describe};
use crate::http::compat::judge0::submission::{
    DEFAULT_CPU_SECONDS, DEFAULT_FILE_KB, DEFAULT_MEMORY_KB, DEFAULT_WALL_SECONDS, MAX_BATCH,
};
use crate::http::compat::judge0::submissions::refused;
use crate::http::compat::judge0::verdict::STATUSES;
use crate::http::error::ApiError;
use crate::http::request::call::Call;
use crate::http::response::respond;
use crate::ports::http_messages::Response;
use ::http::StatusCode;
use docle_api::limits::{MAX_FILE_MB, MEMORY_MB};
use serde_json::{Value, json};

/// `GET …/languages`.
pub async fn list_judge0_languages(app: &App, call: Call) -> Result<Response, ApiError> {
    let list = Flavor::of(&call).list(app).await;
    let list: Vec<Value> = list.iter().map(|(number, _, name)| json!({ "id": number, "name": name })).collect();
    Ok(respond::json(StatusCode::OK, &list))
}

/// `GET …/languages/all`.
pub async fn list_all_judge0_languages(app: &App, call: Call) -> Result<Response, ApiError> {
    let list = Flavor::of(&call).list(app).await;
    let list: Vec<Value> =
        list.iter().map(|(number, _, name)| json!({ "id": number, "name": name, "is_archived": false })).collect();
    Ok(respond::json(StatusCode::OK, &list))
}

/// `GET …/languages/:id`.
pub async fn get_judge0_language(app: &App, call: Call) -> Result<Response, ApiError> {
    let list = Flavor::of(&call).list(app).await;
    Ok(match list.iter().find(|(number, ..)| number.to_string() == call.param(0)) {
        Some(language) => respond::json(StatusCode::OK, &describe(language)),
        None => respond::json(StatusCode::NOT_FOUND, &json!({ "error": "There is no language with this id here." })),
    })
}

/// `GET …/statuses`.
pub async fn list_judge0_statuses(_app: &App, _call: Call) -> Result<Response, ApiError> {
    let statuses: Vec<Value> =
        (1..).zip(STATUSES).map(|(id, description)| json!({ "id": id, "description": description })).collect();
    Ok(respond::json(StatusCode::OK, &statuses))
}

/// `GET …/about`.
pub async fn get_judge0_about(app: &App, call: Call) -> Result<Response, ApiError> {
    let about = json!({
        "version": Flavor::of(&call).version(),
        "homepage": call.base_url(app),
        "source_code": call.base_url(app),
        "maintainer": "Docle",
    });
    Ok(respond::json(StatusCode::OK, &about))
}

/// `GET …/version`.
pub async fn get_judge0_version(_app: &App, call: Call) -> Result<Response, ApiError> {
    Ok(respond::json(StatusCode::OK, &Flavor::of(&call).version()))
}

/// `GET …/config_info`: limits, and what is offered. The client for Python refuses a list that has not all of these.
pub async fn get_judge0_config(app: &App, _call: Call) -> Result<Response, ApiError> {
    let max_seconds = f64::from(app.config.max_timeout_ms) / 1_000.0;
    let max_memory_kb = MEMORY_MB.end() * 1_024;
    let info = json!({
        "maintenance_mode": false,
        "enable_wait_result": true,
        "enable_compiler_options": true,
        "allowed_languages_for_compile_options": [],
        "enable_command_line_arguments": true,
        "enable_submission_delete": false,
        "enable_callbacks": false,
        "callbacks_max_tries": 0,
        "callbacks_timeout": 0,
        "enable_additional_files": false,
        "enable_batched_submissions": true,
        "max_submission_batch_size": MAX_BATCH,
        "submission_cache_duration": 0,
        "use_docs_as_homepage": false,
        "max_queue_size": 200,
        "cpu_time_limit": DEFAULT_CPU_SECONDS,
        "max_cpu_time_limit": max_seconds,
        "cpu_extra_time": 0,
        "max_cpu_extra_time": 5,
        "wall_time_limit": DEFAULT_WALL_SECONDS,
        "max_wall_time_limit": max_seconds,
        "memory_limit": DEFAULT_MEMORY_KB,
        "max_memory_limit": max_memory_kb,
        "stack_limit": 64_000,
        "max_stack_limit": 128_000,
        "max_processes_and_or_threads": 64,
        "max_max_processes_and_or_threads": 128,
        "enable_per_process_and_thread_time_limit": false,
        "allow_enable_per_process_and_thread_time_limit": false,
        "enable_per_process_and_thread_memory_limit": false,
        "allow_enable_per_process_and_thread_memory_limit": false,
        "max_file_size": DEFAULT_FILE_KB,
        "max_max_file_size": MAX_FILE_MB.end() * 1_024,
        "enable_network": false,
        "allow_enable_network": true,
        "number_of_runs": 1,
        "max_number_of_runs": 1,
        "redirect_stderr_to_stdout": false,
        "max_extract_size": 0,
    });
    Ok(respond::json(StatusCode::OK, &info))
}

/// `POST …/authenticate` and `…/authorize`: whether the key is one.
pub async fn authenticate_judge0(app: &App, call: Call) -> Result<Response, ApiError> {
    let key = credential::of(&call);
    ApiClient::for_run(app, &call, key.as_deref()).await.map_err(|error| error.shaped(refused))?;
    Ok(respond::json(StatusCode::OK, &json!({})))
}
