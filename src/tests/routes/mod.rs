//! What each route answers.

mod accounts;
mod address_limit;
mod edge;
mod projects;
mod rooms;
mod runs;
mod scripts;
mod tokens;
