//! Projects and what they decide about their scripts.

pub mod guard;
pub mod isolate_settings;
pub mod settings;
