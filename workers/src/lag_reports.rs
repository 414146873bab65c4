//! Answers `pool.<pool>.lag`. Only workers that may read lanes can count the orders of a backlog, so they answer
//! for every pool, also for one without a worker.

use serde_json::json;
use streams::{Connection, Pool, PoolLag, RequestStream, pool_lag};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;
use crate::limits::LAG_AGE_MAX;
use crate::stages;

/// Answers the requests about one pool until `shutdown`.
pub(crate) async fn serve(
    connection: Connection,
    pool: Pool,
    mut requests: RequestStream,
    shutdown: CancellationToken,
) {
    let steps = stages::steps_of(pool);
    let mut last: Option<(Instant, PoolLag)> = None;
    while let Some(Some(request)) = shutdown.run_until_cancelled(requests.next()).await {
        let fresh = last.take_if(|(read_at, _)| read_at.elapsed() < LAG_AGE_MAX);
        let read = match fresh {
            Some(known) => Ok(known),
            None => pool_lag(&connection, pool, &steps).await.map(|lag| (Instant::now(), lag)),
        };
        let reply = match &read {
            Ok((_, lag)) => json!(lag),
            Err(err) => json!({"error": error_chain(err)}),
        };
        last = read.ok();
        request.reply(reply.to_string().into_bytes()).await;
    }
}
