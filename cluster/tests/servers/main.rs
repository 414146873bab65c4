//! The servers of a run: they start, come back with their data, and leave nothing behind.

#![allow(clippy::unwrap_used, reason = "what goes wrong before a promise is tested ends the test")]

mod coming_back;
mod getting;
mod nothing_left;
mod process;
mod run;
mod starting;
