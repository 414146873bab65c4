//! Buyers who come at a steady rate, whatever becomes of those before them.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use hyper::StatusCode;
use millrace::audit::Problem;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::Scene;
use super::wishes::{Then, Wish, wish};
use crate::order_client::{NO_ANSWER, PlacementResult};

/// Buyers at the same time. At a hundred a second this is an outage of 100 s, and more than any edge
/// would have connections for; who comes then goes away, and is counted.
const BUYERS_MAX: usize = 10_000;

/// What became of all buyers.
#[derive(Debug, Default)]
pub(super) struct Bought {
    /// Buyers who came.
    pub(super) came: u64,
    /// Orders that were not taken, by reason.
    pub(super) refused: BTreeMap<String, u64>,
    /// Answers that no edge may give.
    pub(super) problems: Vec<Problem>,
}

enum Visit {
    Served,
    Refused(String),
    Wronged(Problem),
}

/// Lets `rate` buyers a second come until `end`, and waits until each has an answer.
pub(super) async fn come(scene: &Scene, rate: u32, end: Instant) -> Result<Bought> {
    let mut bought = Bought::default();
    let mut buyers = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / rate);
    // Who is late for a busy machine comes all the same.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while ticks.tick().await < end {
        if buyers.len() < BUYERS_MAX {
            buyers.spawn(visit(scene.clone(), bought.came));
        } else {
            *bought.refused.entry("too many wait already".to_owned()).or_default() += 1;
        }
        bought.came += 1;
        while let Some(visit) = buyers.try_join_next() {
            bought.hear(visit.context("a buyer panicked")??);
        }
    }
    while let Some(visit) = buyers.join_next().await {
        bought.hear(visit.context("a buyer panicked")??);
    }
    Ok(bought)
}

impl Bought {
    fn hear(&mut self, visit: Visit) {
        match visit {
            Visit::Served => {}
            Visit::Refused(reason) => *self.refused.entry(reason).or_default() += 1,
            Visit::Wronged(problem) => self.problems.push(problem),
        }
    }
}

async fn visit(scene: Scene, number: u64) -> Result<Visit> {
    let Wish { body, then } = wish(scene.seed, number);
    let (key, edge) = (format!("{}-{number}", scene.run), number as usize);
    let entry = match scene.checkout.place(edge, key.clone(), body.clone()).await? {
        PlacementResult::Accepted(entry, _) => entry,
        PlacementResult::Refused(title) => return Ok(Visit::Refused(title)),
    };
    let order_id = entry.order_id.clone();
    scene.promises.keep(entry).await?;

    match then {
        Then::Waits => Ok(Visit::Served),
        Then::Repeats => {
            let answer = scene.checkout.place(edge + 1, key, body).await?;
            Ok(repeated(order_id, answer, true))
        }
        Then::Differs(body) => {
            let answer = scene.checkout.place(edge + 1, key, body).await?;
            Ok(repeated(order_id, answer, false))
        }
        Then::Cancels(thinks) => {
            sleep(thinks).await;
            let status = scene.checkout.cancel(edge + 1, &order_id).await?;
            Ok(cancelled(order_id, status))
        }
    }
}

/// A repeat of the same body is the same order. Another body may be refused; it is never another
/// order.
fn repeated(order_id: String, answer: PlacementResult, is_same: bool) -> Visit {
    let detail = match answer {
        PlacementResult::Accepted(again, _) if again.order_id == order_id => return Visit::Served,
        PlacementResult::Accepted(again, _) => {
            format!("a repeat under its key is {}", again.order_id)
        }
        PlacementResult::Refused(title) if is_same && title != NO_ANSWER => {
            format!("a repeat was refused: {title}")
        }
        PlacementResult::Refused(_) => return Visit::Served,
    };
    Visit::Wronged(Problem { subject: order_id, detail })
}

fn cancelled(order_id: String, status: Option<StatusCode>) -> Visit {
    match status {
        None | Some(StatusCode::ACCEPTED | StatusCode::CONFLICT) => Visit::Served,
        Some(status) => {
            let detail = format!("its cancellation was answered {status}");
            Visit::Wronged(Problem { subject: order_id, detail })
        }
    }
}
