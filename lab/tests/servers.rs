//! The servers of a run: they start, come back with their data, and leave nothing behind.

mod coming_back;
mod getting;
mod nothing_left;
mod process;
mod run;
mod starting;
