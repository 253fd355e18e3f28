//! The room: handles connections, frames, runs and the alarm.
//!
//! Reading order: [`state`] is the room in memory, [`stored`] loads it. [`connections`] handles the life of a connection and
//! passes its frames to [`json`] or [`yjs`]; [`presence`] and [`runs`] are the two parts that both protocols share. Every
//! method returns an [`Output`]. [`changes`] keeps the updates that are sent and not stored yet.

mod changes;
mod connections;
mod delivery;
mod json;
mod output;
mod presence;
mod run_state;
mod runs;
mod state;
mod stored;
#[cfg(test)]
mod tests;
mod yjs;

pub use connections::NewConnection;
pub use output::{Effect, Frame, Incoming, Output, RunRequest};
pub use runs::{NoRun, RunInput};
pub use state::Room;
pub use stored::Stored;
