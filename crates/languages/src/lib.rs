//! The table of languages: what the Worker, the isolate Worker and the runner know about each language.
//!
//! [`table::TABLE`] is the table, with the rows of [`tree`]. Adding a language is one row there; [`row`] says what a row holds. Code that handles a
//! language holds one of three types: [`Language`] for any tier, [`RunLanguage`] for a program in a jail, and
//! [`ScriptLanguage`] for a script in an isolate. Each is a reference to a row, and its JSON is the row's id. [`ContextLanguage`] is for the code interpreter.

pub mod context;
pub mod language;
pub mod row;
pub mod table;
pub mod tree;

pub use context::ContextLanguage;
pub use language::{Language, RunLanguage, ScriptLanguage};
pub use row::{ColdWhen, Compile, Dialect, Locate, Machine, PackageTool, Row, Runner, Tier, WarmStart, Word};
pub use table::TABLE;
