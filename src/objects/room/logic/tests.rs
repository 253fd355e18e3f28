//! The room with ports that wait, fail, and fail after they have done it, and with resets between any two events.

use super::*;

mod deletion;
mod ends;
mod failure;
mod life;
mod runs;
mod setup;
mod writes;
