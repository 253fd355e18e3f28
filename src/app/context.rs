//! What use cases get: the settings and the ports, put together for one request.

use crate::config::Config;
use crate::domain::room::token::SigningKey;
use crate::ports::isolates::Isolates;
use crate::ports::rooms::Rooms;
use crate::ports::socket::Sockets;
use crate::ports::{Background, Clock, Entropy, KeyGates, Kv, Level, Log, Mailer, PortError, RunPools, Sql};
use serde_json::json;
use std::rc::Rc;

/// Everything that a use case may need, made for one request.
#[derive(Clone)]
pub struct App {
    pub config: Config,
    pub sql: Rc<dyn Sql>,
    pub gates: Rc<dyn KeyGates>,
    pub runs: Rc<dyn Kv>,
    pub rooms: Rc<dyn Rooms>,
    /// `None` where rooms of projects cannot be used, because there is no secret to sign tokens with.
    pub room_tokens: Option<SigningKey>,
    pub run_pools: Rc<dyn RunPools>,
    /// `None` where scripts cannot be run.
    pub isolates: Option<Rc<dyn Isolates>>,
    /// `None` where mail cannot be sent.
    pub mailer: Option<Rc<dyn Mailer>>,
    pub sockets: Rc<dyn Sockets>,
    pub clock: Rc<dyn Clock>,
    pub entropy: Rc<dyn Entropy>,
    pub background: Rc<dyn Background>,
    pub log: Rc<dyn Log>,
}

impl App {
    /// Random bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.entropy.fill(&mut bytes);
        bytes
    }

    /// Logs a failure that the response does not report.
    pub fn log_error(&self, message: &str, error: &PortError) {
        self.log.write(Level::Error, json!({ "message": message, "error": error.0 }));
    }
}
