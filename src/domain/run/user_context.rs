//! For whom a run is done: what the caller chooses to tell about its own user.

use crate::domain::input::reader::Reader;
use serde::Serialize;
use serde_json::{Map, Value};

/// Enough for an identity and some tags; the context is stored with every run and never leaves the project.
pub const MAX_BYTES: usize = 8 * 1_024;

/// The names of the fields, for the reader.
pub const FIELDS: [&str; 5] = ["id", "email", "name", "tier", "metadata"];

/// The caller's user, as the caller describes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserContext {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// What the caller's user pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    Free,
    Pro,
    Enterprise,
}

/// Reads the context; `None` where its id is missing, with everything wrong noted.
pub fn read(mut fields: Reader<'_>) -> Option<UserContext> {
    let had_id = fields.has("id");
    let id = fields.string("id");
    if !had_id || id.as_deref() == Some("") {
        fields.note("id", "is required and must not be empty");
    }
    let email = fields.string("email");
    let name = fields.string("name");
    let tier = match fields.string("tier").as_deref() {
        None => None,
        Some("free") => Some(Tier::Free),
        Some("pro") => Some(Tier::Pro),
        Some("enterprise") => Some(Tier::Enterprise),
        Some(_) => {
            fields.note("tier", "must be \"free\", \"pro\" or \"enterprise\"");
            None
        }
    };
    let metadata = match fields.value("metadata") {
        None => None,
        Some(Value::Object(metadata)) => Some(metadata),
        Some(_) => {
            fields.note("metadata", "must be an object");
            None
        }
    };
    let context = UserContext { id: id?, email, name, tier, metadata };
    let size = serde_json::to_vec(&context).map_or(usize::MAX, |json| json.len());
    if size > MAX_BYTES {
        fields.note("metadata", format!("makes the context too large: {MAX_BYTES} bytes in all, got {size}"));
    }
    Some(context)
}
