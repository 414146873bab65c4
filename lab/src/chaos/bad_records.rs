//! Records that no step can process, as a faulty producer publishes them between good ones.
//!
//! Each has to become one dead letter, and holds back nothing else. At the end of the run the letters
//! are compared with what was published, and discarded as an operator would do.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use millrace::audit::Problem;
use millrace::dead_letters::{ResolveRequest, resolve};
use orders::{CancelledBy, Created, Event, EventBody, EventKind, OrderId, PlaceOrder, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;
use streams::dead_letter::{self, Reason, ResolutionKind};
use streams::{Connection, Publisher, batch};
use tokio::time::{Instant, sleep};

use super::workload;

/// The JSON text of as many unprintable bytes is longer than any message.
const UNPRINTABLE_BYTES: usize = 200_000;
/// Longer than any fault of the brokers.
const PUBLISH_TIMEOUT: Duration = Duration::from_mins(2);
const RETRY_DELAY: Duration = Duration::from_millis(200);
const RESOLUTION: ResolveRequest<'_> = ResolveRequest {
    action: ResolutionKind::Discarded,
    by: "chaos",
    why: "the record was published as a fault",
};

/// The bad records of a run.
pub(super) struct BadRecords {
    connection: Connection,
    /// The prefix of all idempotency keys of this run.
    key_prefix: String,
    batches: usize,
    published: Vec<BadRecord>,
}

/// A record that must become a dead letter.
pub(super) struct BadRecord {
    line: Vec<u8>,
    /// Text that only this record contains.
    mark: String,
    reason: Reason,
}

impl BadRecords {
    pub(super) fn new(connection: &Connection, key_prefix: &str) -> Self {
        let (connection, key_prefix) = (connection.clone(), key_prefix.to_owned());
        Self { connection, key_prefix, batches: 0, published: Vec::new() }
    }

    /// Those that were published since the last call.
    pub(super) fn take(&mut self) -> Vec<BadRecord> {
        std::mem::take(&mut self.published)
    }

    /// Publishes one batch, in which every second record is bad.
    pub(super) async fn publish(&mut self) -> Result<()> {
        let key = |name: &str| format!("{}-bad-{}-{name}", self.key_prefix, self.batches);
        let mut lines = vec![good_line(&key("first"), None)?];
        let bad = bad_records(key)?;
        for (number, record) in bad.iter().enumerate() {
            lines.extend([record.line.clone(), good_line(&key(&format!("good-{number}")), None)?]);
        }
        let message = batch::message(EventKind::Created, lines.concat(), lines.len());
        let publisher = Publisher::new(self.connection.clone());
        let deadline = Instant::now() + PUBLISH_TIMEOUT;
        while let Err(err) = publisher.publish(&message, PUBLISH_TIMEOUT).await {
            // Another fault may have filled the lanes.
            if Instant::now() > deadline {
                return Err(err.into());
            }
            sleep(RETRY_DELAY).await;
        }
        self.batches += 1;
        self.published.extend(bad);
        Ok(())
    }
}

/// Compares the dead letters of a cluster that is quiescent with the bad records, and discards those
/// letters. Returns what differs.
pub(super) async fn discard(
    connection: &Connection,
    bad_records: &[BadRecord],
) -> Result<Vec<Problem>> {
    let letters = dead_letter::unresolved(connection).await?;
    let mut problems = Vec::new();
    for BadRecord { mark, reason, .. } in bad_records {
        let found: Vec<_> =
            letters.iter().filter(|letter| letter.content.record.contains(mark)).collect();
        let reasons: Vec<_> = found.iter().map(|letter| letter.content.reason).collect();
        if reasons != [*reason] {
            let detail = format!("has the dead letters {reasons:?}, expected one: {reason}");
            problems.push(Problem { subject: format!("bad record {mark}"), detail });
        }
        for letter in found {
            resolve(connection, letter, RESOLUTION).await?;
        }
    }
    Ok(problems)
}

fn bad_records(key: impl Fn(&str) -> String) -> Result<Vec<BadRecord>> {
    let record = |line: Vec<u8>, mark: String, reason| BadRecord { line, mark, reason };
    let text = key("text");
    let fields = key("fields");
    let long = key("long");
    let unprintable = [long.as_bytes(), &vec![1; UNPRINTABLE_BYTES], b"\n"].concat();
    // An event that has its own subject.
    let order_id = order_id(&key("subject"))?;
    let body = EventBody::CancelRequested { by: CancelledBy::Buyer };
    let mut cancellation = Vec::new();
    Event { order_id, at: now(), body, traceparent: None }.write_line(&mut cancellation);
    let nul = key("nul");
    let rejected_by_postgres = good_line(&nul, Some(format!("{nul} \0")))?;
    Ok(vec![
        record(format!("not an event {text}\n").into(), text, Reason::Undecodable),
        record(format!("{{\"order_id\":\"{fields}\"}}\n").into(), fields, Reason::Undecodable),
        record(unprintable, long, Reason::Undecodable),
        record(cancellation, order_id.to_string(), Reason::Undecodable),
        record(rejected_by_postgres, nul, Reason::Poison),
    ])
}

/// The record of an order that is in stock, with this reference.
fn good_line(key: &str, reference: Option<String>) -> Result<Vec<u8>> {
    let body = workload::simple_order(&mut StdRng::seed_from_u64(0));
    let order = PlaceOrder { reference, ..PlaceOrder::parse(&body)? };
    Ok(Created::line(order_id(key)?, now(), &order, None).0)
}

fn order_id(key: &str) -> Result<OrderId> {
    let key = key.parse().with_context(|| format!("{key} is not a valid key"))?;
    Ok(OrderId::derive(&orders::CallerName::PUBLIC, &key))
}

fn now() -> Timestamp {
    SystemTime::now().into()
}
