//! Judges that a project keeps: made and deleted by those who manage it, and taken up by judgements.

use crate::app::context::App;
use crate::domain::input::page::Page;
use crate::domain::judge::id::JudgeId;
use crate::domain::judge::stored::{NewJudge, StoredJudge};
use crate::ports::PortError;
use crate::store;
use docle_api::limits::MAX_JUDGES_PER_PROJECT;
use serde_json::{Map, Value, json};

/// Seconds for which KV has a judge. A judge never changes, so only its deletion is seen late: after a minute (KV's own cache).
const CACHED_S: u64 = 86_400;

/// Keeps a judge for a project; `None` if the project has as many as it may.
pub async fn create(app: &App, project_id: &str, judge: NewJudge) -> Result<Option<StoredJudge>, PortError> {
    let id = JudgeId::from_random(app.random(), &app.secret).as_str().to_owned();
    let now = app.clock.now();
    let is_added = store::judges::add(&*app.sql, &id, project_id, &judge, now, MAX_JUDGES_PER_PROJECT).await?;
    let NewJudge { name, tests, settings } = judge;
    Ok(is_added.then_some(StoredJudge { id, name, tests, settings, created_at: now }))
}

/// The judges of a project, and the cursor of the next page.
pub async fn list(app: &App, project_id: &str, page: &Page) -> Result<(Vec<StoredJudge>, Option<String>), PortError> {
    let rows = store::judges::list(&*app.sql, project_id, page).await?;
    Ok(page.cut(rows, StoredJudge::position))
}

/// A judge, and the id of its project; `None` if there is none.
pub async fn read(app: &App, id: &str) -> Result<Option<(String, StoredJudge)>, PortError> {
    match JudgeId::parse(id, &app.secret) {
        Some(id) => store::judges::find(&*app.sql, id.as_str()).await,
        None => Ok(None),
    }
}

/// Deletes a judge of the user; `false` if there is none. After an error it may be repeated.
pub async fn delete(app: &App, user_id: &str, id: &str) -> Result<bool, PortError> {
    let is_deleted = store::judges::delete(&*app.sql, user_id, id).await?;
    app.runs.delete(&key(id)).await?;
    Ok(is_deleted)
}

/// What a judge of this project brings to a judgement; `None` if there is no such judge. No database is asked while KV has it.
pub async fn settings(app: &App, project_id: &str, id: &str) -> Result<Option<Map<String, Value>>, PortError> {
    let Some(id) = JudgeId::parse(id, &app.secret) else { return Ok(None) };
    let key = key(id.as_str());
    let cached = app.runs.get(&key).await?.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let stored = match cached {
        Some(stored) => stored,
        None => {
            let Some((project, judge)) = store::judges::find(&*app.sql, id.as_str()).await? else { return Ok(None) };
            let stored = json!({ "project": project, "settings": judge.settings });
            if let Err(error) = app.runs.put(&key, stored.to_string().as_bytes(), CACHED_S).await {
                app.log_error("A judge could not be cached.", &error);
            }
            stored
        }
    };
    Ok(match stored {
        Value::Object(mut stored) if stored["project"] == project_id => match stored.remove("settings") {
            Some(Value::Object(settings)) => Some(settings),
            _ => None,
        },
        _ => None,
    })
}

fn key(id: &str) -> String {
    format!("judge:{id}")
}
