//! Use cases: each public function is one thing that somebody can do with Docle.

pub mod health;
pub mod run;
pub mod runs;

use crate::config::Config;
use crate::ports::{Background, Clock, Entropy, Keys, Kv, Log, Sandboxes};
use std::rc::Rc;

/// Everything that a use case may need, made for one request.
pub struct App {
    pub config: Config,
    pub keys: Rc<dyn Keys>,
    pub runs: Rc<dyn Kv>,
    pub sandboxes: Rc<dyn Sandboxes>,
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
}
