//! Serves the edges' requests for order status and stock.

use std::time::Duration;

use orders::{OrderId, Sku};
use serde::{Deserialize, Serialize};
use streams::{Request, RequestStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};
use crate::inventory::stock;
use crate::order_view;
use crate::process::error_chain;

/// Maximum number of ids or SKUs in one request; a larger request is rejected.
const KEYS_MAX: usize = 256;
/// The requester waits no longer than this, and other requests are queued.
const QUERY_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves order views. Any worker can.
pub(crate) async fn serve_status(
    requests: RequestStream,
    database: Database,
    shutdown: CancellationToken,
) {
    let query = async |ids: Vec<OrderId>| order_view::order_views(&database, &ids).await;
    serve(requests, shutdown, query).await;
}

/// Serves stock views.
pub(crate) async fn serve_stock(
    requests: RequestStream,
    database: Database,
    shutdown: CancellationToken,
) {
    let query = async |skus: Vec<Sku>| stock::look_up(&database, &skus).await;
    serve(requests, shutdown, query).await;
}

async fn serve<Key, View>(
    mut requests: RequestStream,
    shutdown: CancellationToken,
    query: impl AsyncFn(Vec<Key>) -> Result<Vec<Option<View>>, DatabaseError>,
) where
    Key: for<'de> Deserialize<'de>,
    View: Serialize,
{
    while let Some(Some(request)) = shutdown.run_until_cancelled(requests.next()).await {
        let Ok(keys) = serde_json::from_slice::<Vec<Key>>(&request.payload) else {
            reject(request, "the request is not a JSON array of valid ids").await;
            continue;
        };
        if keys.len() > KEYS_MAX {
            reject(request, "the request has too many ids").await;
            continue;
        }
        let result = timeout(QUERY_TIMEOUT, query(keys)).await;
        match result.unwrap_or(Err(DatabaseError::Timeout)) {
            Ok(views) => {
                let reply = serde_json::to_vec(&views);
                request.reply(reply.expect("a view has text keys and integers")).await;
            }
            Err(err) => reject(request, &error_chain(&err)).await,
        }
    }
}

/// Sends an empty reply, so that the requester does not wait any longer.
async fn reject(request: Request, reason: &str) {
    tracing::warn!(reason, "request rejected");
    request.reply(Vec::new()).await;
}
