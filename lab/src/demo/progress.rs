//! The live line: how far all orders have come.

use std::convert::Infallible;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use orders::{OrderId, OrderView};
use tokio::time::{Instant, sleep};
use workers::database::Database;
use workers::status_counts::status_counts;
use workers::view;

use crate::servers::ProgressFn;

const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often the line is written where it cannot be written anew.
const SAY_EVERY: Duration = Duration::from_secs(1);
/// Orders that are looked up at once.
const ASKED_MAX: usize = 1_000;
/// When no order has moved for this long, the audit says why.
const PATIENCE: Duration = Duration::from_mins(2);

/// A line on a terminal that is written anew; lines one after the other anywhere else.
pub(super) struct Progress {
    line: ProgressBar,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn start() -> Self {
        let is_terminal = io::stderr().is_terminal();
        let target =
            if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let line = ProgressBar::with_draw_target(None, target);
        line.set_style(ProgressStyle::default_spinner());
        line.enable_steady_tick(LOOK_EVERY);
        Self { line, is_terminal }
    }

    /// Says what is being done.
    pub(super) fn say(&self, text: &str) {
        say(&self.line, self.is_terminal, text);
    }

    /// The same, for somebody else.
    pub(super) fn teller(&self) -> Arc<ProgressFn> {
        let (line, is_terminal) = (self.line.clone(), self.is_terminal);
        Arc::new(move |text: &str| say(&line, is_terminal, text))
    }

    /// Shows how far orders have come, for as long as it is awaited.
    pub(super) async fn watch(
        &self,
        database: &Database,
        accepted: &AtomicU64,
    ) -> Result<Infallible> {
        let mut said = Instant::now();
        loop {
            let now = status_counts(database).await?;
            let accepted = accepted.load(Ordering::Relaxed);
            let line = format!(
                "accepted {accepted}  reserved {}  paid {}  fulfilled {}  rejected {}  \
                 cancelled {}  lag {} orders",
                now.reserved,
                now.paid,
                now.fulfilled,
                now.rejected,
                now.cancelled,
                accepted.saturating_sub(now.finals()),
            );
            if !self.is_terminal && said.elapsed() > SAY_EVERY {
                said = Instant::now();
                self.say(&line);
            }
            self.line.set_message(line);
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until all of `remaining` are final, or until none of them moves any more.
    pub(super) async fn settled(
        &self,
        database: &Database,
        mut remaining: Vec<OrderId>,
    ) -> Result<()> {
        let mut moved = Instant::now();
        while !remaining.is_empty() && moved.elapsed() < PATIENCE {
            let asked = remaining.len();
            let mut still = Vec::new();
            for ids in remaining.chunks(ASKED_MAX) {
                let views = view::orders(database, ids).await?;
                let is_final =
                    |view: &Option<OrderView>| view.as_ref().is_some_and(|it| it.status.is_final());
                let waiting = ids.iter().zip(views).filter(|(_, view)| !is_final(view));
                still.extend(waiting.map(|(id, _)| *id));
            }
            if still.len() < asked {
                moved = Instant::now();
            }
            remaining = still;
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.line.finish_and_clear();
    }
}

#[expect(clippy::print_stderr, reason = "this is what the command has to say while it works")]
fn say(line: &ProgressBar, is_terminal: bool, text: &str) {
    if is_terminal {
        line.println(text);
    } else {
        eprintln!("{text}");
    }
}
