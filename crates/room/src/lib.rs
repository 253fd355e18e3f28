//! A room in which several people edit and run one program, and nobody's typing is lost.
//!
//! Reading order: [`room`] is what happens when somebody comes, says something or leaves; [`document`] is the shared text,
//! behind [`admission`], which reads what strangers send before the document does; [`shadow`] merges the whole texts of
//! clients that know nothing else, with [`history`], [`change`] and [`diff`] beneath; [`wire`] and [`message`] are the two
//! protocols; [`seat`] is what is known of a connection. Nothing here knows sockets, storage or the time.

pub mod admission;
pub mod change;
pub mod close;
pub mod diff;
pub mod document;
pub mod history;
pub mod ledger;
pub mod lib0;
pub mod limits;
pub mod message;
pub mod place;
pub mod room;
pub mod seat;
pub mod shadow;
pub mod wire;
