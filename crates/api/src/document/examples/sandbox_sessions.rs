//! Examples of sessions of sandboxes.

use crate::document::example::{Example, text, time};
use crate::sandbox_sessions::*;

impl Example for SessionSettings {
    const NAME: &'static str = "session";

    fn example() -> Self {
        Self { id: Some(text("build")), ..Self::default() }
    }
}

impl Example for SandboxSession {
    const NAME: &'static str = "session";

    fn example() -> Self {
        Self { id: text("build"), cwd: text("/workspace"), env_names: Vec::new(), created_at: time() }
    }
}

impl Example for SessionList {
    const NAME: &'static str = "sessions";

    fn example() -> Self {
        Self { sessions: vec![SandboxSession::example()] }
    }
}
