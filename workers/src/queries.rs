//! Serves the edges' requests, such as those for order status and stock.

use serde::{Deserialize, Serialize};
use streams::{Request, RequestStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::database::DatabaseError;
use crate::error_chain::error_chain;
use crate::limits::{QUERY_KEYS_MAX, QUERY_TIMEOUT};

/// Serves `requests` until `shutdown`. A request is a JSON array of keys; its reply is an array of
/// what `query` returns for them.
pub(crate) async fn serve<Key, View>(
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
        if keys.len() > QUERY_KEYS_MAX {
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
