//! The room: handles connections, frames, runs and the alarm.
//!
//! Reading order: [`state`] is the room in memory, [`stored`] loads it. [`connections`] handles the life of a connection and
//! passes its frames to [`json`] or [`yjs`]; [`presence`] and [`runs`] are the two parts that both protocols share. Every
//! method returns an [`Output`]: the shell around the room first stores and then sends, so no client sees a change that a
//! crash could still lose.

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
pub use runs::Busy;
pub use state::Room;
pub use stored::Stored;
