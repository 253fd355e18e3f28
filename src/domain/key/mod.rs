//! API keys: their form, their settings, and the decision whether a call passes.

pub mod allowed_domain;
pub mod api_key;
pub mod gate;
pub mod publishable;
pub mod rolling_window;
pub mod run_token;
pub mod settings;
pub mod token_settings;
