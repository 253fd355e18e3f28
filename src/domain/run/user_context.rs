//! For whom a run is done: what the caller chooses to tell about its own user.

use crate::domain::input::reader::Reader;
use serde_json::Value;

pub use docle_api::end_users::{UserContext, UserTier};
use docle_api::fields;
pub use docle_api::limits::MAX_USER_CONTEXT_BYTES as MAX_BYTES;

/// The names of the fields, for the reader.
pub fn known() -> &'static [&'static str] {
    fields::of::<UserContext>()
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
        Some(name) => {
            let tier = UserTier::ALL.into_iter().find(|tier| tier.name() == name);
            if tier.is_none() {
                fields.note("tier", "must be \"free\", \"pro\" or \"enterprise\"");
            }
            tier
        }
    };
    let metadata = match fields.value("metadata") {
        None => None,
        Some(Value::Object(metadata)) => Some(metadata),
        Some(_) => {
            fields.note("metadata", "must be an object such as { \"plan\": \"yearly\" }");
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
