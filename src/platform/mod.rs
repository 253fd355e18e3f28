//! The Workers runtime behind the ports.

pub mod address_limiter;
pub mod artifacts;
pub mod background;
pub mod client_signal;
pub mod clock;
pub mod console;
pub mod container;
pub mod d1;
pub mod edge;
pub mod entropy;
pub mod fetch;
pub mod headers;
pub mod isolates;
pub mod kv;
pub mod object_storage;
pub mod panic;
pub mod reports;
pub mod resend;
pub mod room_sockets;
pub mod runner;
pub mod site_files;
pub mod socket;
pub mod spool;
pub mod trees;
