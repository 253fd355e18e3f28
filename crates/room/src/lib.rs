//! A room in which several people edit and run one program, without a lost edit.
//!
//! Reading order: [`room`] handles connections, frames and runs. [`document`] is the shared program; [`update`] decodes
//! untrusted updates and [`struct_index`] checks them before the document applies them; [`unsaved`] updates are not stored
//! yet. [`sent_text`] merges the whole texts of JSON clients, on top of [`history`], [`change`] and [`diff`].
//! [`yjs_protocol`] (encoded with [`lib0_encoding`]) and [`json_protocol`] are the two protocols. [`connection`] is one connection, with its [`role`], [`presence`], [`color`],
//! [`relative_position`] and [`token_bucket`]; [`close`] lists the close reasons, [`limits`] all limits.
//!
//! Architecture invariant: this crate has no sockets, no storage and no clock.

pub mod change;
pub mod close;
pub mod color;
pub mod connection;
pub mod diff;
pub mod document;
pub mod history;
pub mod json_protocol;
pub mod lib0_encoding;
pub mod limits;
pub mod presence;
pub mod relative_position;
pub mod role;
pub mod room;
pub mod sent_text;
pub mod struct_index;
pub mod token_bucket;
pub mod unsaved;
pub mod update;
pub mod yjs_protocol;
