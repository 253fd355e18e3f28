//! [`AddressLimiter`] by the platform's rate limiting binding, whose counters lie on the machine that runs the Worker.

use crate::ports::address_limiter::AddressLimiter;
use crate::ports::{Level, Log};
use async_trait::async_trait;
use serde_json::json;
use std::rc::Rc;
use worker::RateLimiter;

/// The binding, and where its failures are logged.
pub struct RuntimeAddressLimiter {
    pub binding: RateLimiter,
    pub log: Rc<dyn Log>,
}

#[async_trait(?Send)]
impl AddressLimiter for RuntimeAddressLimiter {
    async fn allows(&self, network: &str) -> bool {
        match self.binding.limit(network.to_owned()).await {
            Ok(outcome) => outcome.success,
            Err(error) => {
                let line = json!({ "message": "The address limiter failed.", "error": error.to_string() });
                self.log.write(Level::Error, line);
                true
            }
        }
    }
}
