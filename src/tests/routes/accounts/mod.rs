//! Signing in, and what people may do with their data.

mod device_login;
mod privacy;
mod quotas;
mod script_quotas;
mod sign_in;
