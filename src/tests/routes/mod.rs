//! What each route answers.

mod accounts;
mod edge;
mod projects;
mod rooms;
mod runs;
mod scripts;
