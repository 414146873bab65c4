//! The progress line: how many orders have reached each status.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use orders::{OrderId, Status};
use tokio::time::{Instant, sleep};
use workers::database::Database;
use workers::order_view;
use workers::status_counts::status_counts;

use crate::servers::ProgressFn;

const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How often the line is printed if standard error is not a terminal.
const LOG_INTERVAL: Duration = Duration::from_secs(1);
/// Orders per query.
const QUERY_ORDERS_MAX: usize = 1_000;
/// Time without any order becoming final after which the demo stops waiting: the audit then reports
/// the reason.
const STALL_TIMEOUT: Duration = Duration::from_mins(2);

/// A line that is redrawn on a terminal, and separate lines everywhere else.
pub(super) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn start() -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target =
            if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::default_spinner());
        bar.enable_steady_tick(POLL_INTERVAL);
        Self { bar, is_terminal }
    }

    /// Prints one line above the progress line.
    pub(super) fn print(&self, text: &str) {
        print(&self.bar, self.is_terminal, text);
    }

    /// The same as a callback.
    pub(super) fn reporter(&self) -> Arc<ProgressFn> {
        let (bar, is_terminal) = (self.bar.clone(), self.is_terminal);
        Arc::new(move |text: &str| print(&bar, is_terminal, text))
    }

    /// Updates the progress line until the future is dropped.
    pub(super) async fn watch(
        &self,
        database: &Database,
        accepted: &AtomicU64,
    ) -> Result<Infallible> {
        let mut printed_at = Instant::now();
        loop {
            let counts = status_counts(database).await?;
            let accepted = accepted.load(Ordering::Relaxed);
            let line = format!(
                "accepted {accepted}  reserved {}  paid {}  fulfilled {}  rejected {}  \
                 cancelled {}  lag {} orders",
                counts.reached(Status::Reserved),
                counts.reached(Status::Paid),
                counts.reached(Status::Fulfilled),
                counts.reached(Status::Rejected),
                counts.reached(Status::Cancelled),
                accepted.saturating_sub(counts.finals()),
            );
            if !self.is_terminal && printed_at.elapsed() > LOG_INTERVAL {
                printed_at = Instant::now();
                self.print(&line);
            }
            self.bar.set_message(line);
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until all of `remaining` are final, or until none has become final for
    /// [`STALL_TIMEOUT`].
    pub(super) async fn wait_until_final(
        &self,
        database: &Database,
        mut remaining: Vec<OrderId>,
    ) -> Result<()> {
        let mut progressed_at = Instant::now();
        while !remaining.is_empty() && progressed_at.elapsed() < STALL_TIMEOUT {
            let mut pending = Vec::new();
            for ids in remaining.chunks(QUERY_ORDERS_MAX) {
                let views = order_view::order_views(database, ids).await?;
                let not_final = ids.iter().zip(views).filter(
                    |(_, view)| !matches!(view, Ok(Some(order)) if order.status.is_final()),
                );
                pending.extend(not_final.map(|(id, _)| *id));
            }
            if pending.len() < remaining.len() {
                progressed_at = Instant::now();
            }
            remaining = pending;
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[expect(clippy::print_stderr, reason = "progress is printed while the command runs")]
fn print(bar: &ProgressBar, is_terminal: bool, text: &str) {
    if is_terminal {
        bar.println(text);
    } else {
        eprintln!("{text}");
    }
}
