//! A probe: an order that is placed when a fault is injected, to measure how long it takes until
//! such an order is final.

use std::time::{Duration, SystemTime};

use orders::{OrderId, Timestamp};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::{Instant, sleep, timeout};
use workers::order_view;

use super::context::ChaosContext;
use super::{Fault, workload};
use crate::order_client::PlacementResult;

/// Timeout of a probe order: twice the longest expected delay, which includes redelivery of a
/// killed worker's messages after 30 s.
const PROBE_TIMEOUT: Duration = Duration::from_mins(3);
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Timeout of one query; a hanging database is queried again.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// Places a probe order when `fault` is injected, and waits until it is final. Returns the time
/// from the injection to that moment; `None` if the order was not accepted or not final in time.
pub(super) async fn probe(
    context: ChaosContext,
    fault: Fault,
    injected_at: Instant,
) -> Option<Duration> {
    let now = Timestamp::from(SystemTime::now()).as_millis();
    let key = format!("{}-probe-{fault}-{now}", context.key_prefix);
    let body = workload::simple_order(&mut StdRng::seed_from_u64(context.seed));
    let Ok(PlacementResult::Accepted(entry, _)) = context.client.place(0, key, body).await else {
        return None;
    };
    let id = entry.id().ok()?;
    context.journal.record(entry).await.ok()?;
    while injected_at.elapsed() < PROBE_TIMEOUT {
        if is_final(&context, id).await {
            return Some(injected_at.elapsed());
        }
        sleep(POLL_INTERVAL).await;
    }
    None
}

async fn is_final(context: &ChaosContext, id: OrderId) -> bool {
    let views = timeout(QUERY_TIMEOUT, order_view::order_views(&context.database, &[id])).await;
    let view = views.ok().and_then(Result::ok).and_then(|views| views.into_iter().next());
    matches!(view, Some(Ok(Some(order))) if order.status.is_final())
}
