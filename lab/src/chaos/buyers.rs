//! Simulated buyers that arrive at a steady rate, independent of the progress of earlier ones (open
//! loop).

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use hyper::StatusCode;
use millrace::audit::Problem;
use millrace::ledger::AnswerContent;
use orders::{BodyDigest, PlaceOrder, Status};
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::authentication::authenticate;
use super::context::ChaosContext;
use super::workload::{BuyerScript, FollowUp, script_for};
use crate::order_client::{KEY_REUSED, NO_RESPONSE, PlacementResult};

/// Concurrent buyers. At 100 per second this is an outage of 100 s, and more connections than any
/// edge accepts. Further buyers are counted as refused.
const BUYERS_MAX: usize = 10_000;

/// The results of all buyers.
#[derive(Debug, Default)]
pub(super) struct BuyerStats {
    /// Buyers that arrived.
    pub(super) buyers: u64,
    /// Orders that were not accepted, by reason.
    pub(super) refused: BTreeMap<String, u64>,
    /// Responses that violate the API.
    pub(super) problems: Vec<Problem>,
}

enum BuyerResult {
    Ok,
    Refused(String),
    Violation(Problem),
}

/// Starts `rate` buyers per second until `end`, and waits until each is finished.
pub(super) async fn run_buyers(
    context: &ChaosContext,
    rate: u32,
    end: Instant,
) -> Result<BuyerStats> {
    let mut stats = BuyerStats::default();
    let mut buyers = JoinSet::new();
    let mut ticks = interval(Duration::from_secs(1) / rate);
    // Ticks that a busy machine missed are made up for, so that the number of buyers is exact.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while ticks.tick().await < end {
        if buyers.len() < BUYERS_MAX {
            buyers.spawn(run_buyer(context.clone(), stats.buyers));
        } else {
            *stats.refused.entry("too many wait already".to_owned()).or_default() += 1;
        }
        stats.buyers += 1;
        while let Some(result) = buyers.try_join_next() {
            stats.record(result.context("a buyer panicked")??);
        }
    }
    while let Some(result) = buyers.join_next().await {
        stats.record(result.context("a buyer panicked")??);
    }
    Ok(stats)
}

impl BuyerStats {
    fn record(&mut self, result: BuyerResult) {
        match result {
            BuyerResult::Ok => {}
            BuyerResult::Refused(reason) => *self.refused.entry(reason).or_default() += 1,
            BuyerResult::Violation(problem) => self.problems.push(problem),
        }
    }
}

async fn run_buyer(context: ChaosContext, number: u64) -> Result<BuyerResult> {
    let script = script_for(context.seed, number, context.authenticates);
    let BuyerScript { body, follow_up, authentication } = script;
    let key = format!("{}-{number}", context.key_prefix);
    let edge = number as usize;
    let entry = match context.client.place(edge, key.clone(), body.clone()).await? {
        PlacementResult::Accepted(entry, _) => entry,
        PlacementResult::Refused(title) => return Ok(BuyerResult::Refused(title)),
    };
    let order_id = entry.order_id.clone();
    context.journal.record(entry).await?;

    let placed = Placed { key, edge, body, order_id };
    let result = follow(&context, &placed, follow_up).await?;
    let Some(authentication) = authentication else { return Ok(result) };
    let Placed { edge, order_id, .. } = placed;
    let violation = authenticate(&context.client, edge, &order_id, authentication).await?;
    Ok(violation.map_or(result, BuyerResult::Violation))
}

/// An order that a buyer has placed.
struct Placed {
    key: String,
    edge: usize,
    body: Bytes,
    /// The id in the 202.
    order_id: String,
}

/// Does what the buyer does after the 202.
async fn follow(
    context: &ChaosContext,
    placed: &Placed,
    follow_up: FollowUp,
) -> Result<BuyerResult> {
    let Placed { key, edge, body, order_id } = placed;
    match follow_up {
        FollowUp::None => Ok(BuyerResult::Ok),
        FollowUp::Repeat => {
            let result = context.client.place(edge + 1, key.clone(), body.clone()).await?;
            Ok(check_repeat(order_id.clone(), result))
        }
        FollowUp::Conflict(other) => {
            for (edge, body) in [(edge + 1, &other), (*edge, body)] {
                let result = context.client.place(edge, key.clone(), body.clone()).await?;
                if is_key_reused(&result) {
                    let body_digest = BodyDigest::of(&PlaceOrder::parse(body)?);
                    let refused = AnswerContent::KeyReused { body_digest };
                    context.journal.record_answer(order_id, refused).await?;
                } else if let violation @ BuyerResult::Violation(_) =
                    check_repeat(order_id.clone(), result)
                {
                    return Ok(violation);
                }
            }
            Ok(BuyerResult::Ok)
        }
        FollowUp::Cancel(think_time) => {
            sleep(think_time).await;
            let status = context.client.cancel(edge + 1, order_id).await?;
            if status == Some(StatusCode::CONFLICT) {
                context.journal.record_answer(order_id, AnswerContent::NotCancellable).await?;
            }
            if let Some(status) = final_status(context, *edge, order_id).await? {
                let shown = AnswerContent::FinalStatus { status };
                context.journal.record_answer(order_id, shown).await?;
            }
            Ok(check_cancellation(order_id.clone(), status))
        }
    }
}

/// The status that an edge shows, if it is final.
async fn final_status(
    context: &ChaosContext,
    edge: usize,
    order_id: &str,
) -> Result<Option<Status>> {
    let Some(order) = context.client.order(edge, order_id).await? else { return Ok(None) };
    let status = Status::deserialize(&order["status"]).context("an edge shows no valid status")?;
    Ok(status.is_final().then_some(status))
}

/// Whether a body was refused because the order under its key has another one.
fn is_key_reused(result: &PlacementResult) -> bool {
    matches!(result, PlacementResult::Refused(title) if title == KEY_REUSED)
}

/// A repeat must return the same order.
fn check_repeat(order_id: String, result: PlacementResult) -> BuyerResult {
    let detail = match result {
        PlacementResult::Accepted(repeat, _) if repeat.order_id == order_id => {
            return BuyerResult::Ok;
        }
        PlacementResult::Accepted(repeat, _) => {
            format!("a repeat with the same key returned the order {}", repeat.order_id)
        }
        PlacementResult::Refused(title) if title == NO_RESPONSE => return BuyerResult::Ok,
        PlacementResult::Refused(title) => format!("a repeat was refused: {title}"),
    };
    BuyerResult::Violation(Problem { subject: order_id, detail })
}

fn check_cancellation(order_id: String, status: Option<StatusCode>) -> BuyerResult {
    match status {
        None | Some(StatusCode::ACCEPTED | StatusCode::CONFLICT) => BuyerResult::Ok,
        Some(status) => {
            let detail = format!("its cancellation was answered with {status}");
            BuyerResult::Violation(Problem { subject: order_id, detail })
        }
    }
}
