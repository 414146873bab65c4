//! The servers that the lab starts: they start, restart with their data, and leave nothing behind.
mod cleanup;
mod full_disk;
mod process;
mod program_discovery;
mod restarts;
pub(crate) mod startup;
mod verification;
