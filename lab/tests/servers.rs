//! The servers of a run: they start, come back with their data, and leave nothing behind.

mod cleanup;
mod process;
mod program_discovery;
mod restarts;
mod run;
mod startup;
