//! Waits until a setting has arrived where it is to be in force.

use anyhow::{Result, ensure};
use streams::{Connection, WorkerPresence, worker_presence};
use tokio::time::Instant;
use workers::stages;

use super::print;
use crate::limits::SETTING_ARRIVAL_TIMEOUT;

/// Waits until all processes of `kind`, such as `workers`, report this revision, and no later one of a bucket that is
/// gone. `revisions` are those that they report.
///
/// # Errors
/// Some do not report it in time; `remedy` says where to look.
pub(crate) async fn wait_for_arrival(
    connection: &Connection,
    kind: &str,
    revision: u64,
    revisions: impl Fn(&WorkerPresence) -> Vec<u64>,
    remedy: &str,
) -> Result<()> {
    let deadline = Instant::now() + SETTING_ARRIVAL_TIMEOUT;
    loop {
        let reported = revisions(&worker_presence(connection, &stages::pools()).await?);
        let arrived = reported.iter().filter(|reported| **reported == revision).count();
        if arrived == reported.len() || Instant::now() > deadline {
            print(&text(kind, arrived, reported.len()));
            ensure!(arrived == reported.len(), "{remedy}");
            return Ok(());
        }
    }
}

fn text(kind: &str, arrived: usize, all: usize) -> String {
    match all {
        0 => format!("none of the {kind} answers; one that starts does what is set"),
        _ => format!("in force at {arrived} of {all} {kind}"),
    }
}
