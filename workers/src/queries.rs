//! Serves the edges' requests, such as those for order status and stock.

use orders::Unanswered;
use serde::{Deserialize, Serialize};
use streams::{REPLY_BYTES_MAX, Request, RequestStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};
use crate::error_chain::error_chain;
use crate::limits::{PROBE_INTERVAL, QUERY_KEYS_MAX, QUERY_TIMEOUT};

/// The answer to one key: `None` if the database has nothing about it.
pub(crate) type Answer<View> = Result<Option<View>, Unanswered>;

/// Serves `requests` until `shutdown`. A request is a JSON array of keys; its reply is an array of
/// what `query` returns for them, as far as it fits into a message. A worker that cannot query `database`
/// leaves the requests to others until it can.
pub(crate) async fn serve<Key, View>(
    mut requests: RequestStream,
    database: &Database,
    shutdown: CancellationToken,
    query: impl AsyncFn(Vec<Key>) -> Result<Vec<Answer<View>>, DatabaseError>,
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
            Ok(answers) => request.reply(encode_reply(&answers, REPLY_BYTES_MAX)).await,
            Err(err) if !err.is_unreachable() => reject(request, &error_chain(&err)).await,
            Err(err) => {
                reject(request, &error_chain(&err)).await;
                let left = requests.leave_until(wait_until_reachable(database));
                match shutdown.run_until_cancelled(left).await {
                    Some(Ok(())) => {}
                    Some(Err(err)) => {
                        tracing::error!(error = error_chain(&err), "requests not served any more");
                        return;
                    }
                    None => return,
                }
            }
        }
    }
}

async fn wait_until_reachable(database: &Database) {
    while !matches!(timeout(QUERY_TIMEOUT, database.probe()).await, Ok(Ok(()))) {
        sleep(PROBE_INTERVAL).await;
    }
}

/// A reply with all `answers` that fit into `bytes_max`. The smallest come first, so that large ones
/// take the place of none.
fn encode_reply<View: Serialize>(answers: &[Answer<View>], bytes_max: usize) -> Vec<u8> {
    let mut elements: Vec<Vec<u8>> = answers.iter().map(encode_answer).collect();
    let mut by_size: Vec<&mut Vec<u8>> = elements.iter_mut().collect();
    by_size.sort_by_key(|element| element.len());
    let mut taken = 0;
    for element in by_size {
        // With the comma after it.
        let bytes = element.len() + 1;
        taken += bytes;
        if taken > bytes_max {
            *element = encode_answer::<View>(&Err(Unanswered::TooLarge { bytes }));
        }
    }
    [b"[", &*elements.join(&b','), b"]"].concat()
}

fn encode_answer<View: Serialize>(answer: &Answer<View>) -> Vec<u8> {
    let json = match answer {
        Ok(view) => serde_json::to_vec(view),
        Err(unanswered) => serde_json::to_vec(unanswered),
    };
    json.expect("a view has text keys and integers")
}

/// Sends an empty reply, so that the requester does not wait any longer.
async fn reject(request: Request, reason: &str) {
    tracing::warn!(reason, "request rejected");
    request.reply(Vec::new()).await;
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reply(answers: &[Answer<String>], bytes_max: usize) -> Value {
        serde_json::from_slice(&encode_reply(answers, bytes_max)).unwrap()
    }

    #[test]
    fn a_reply_has_an_answer_or_null_for_each_key_in_the_sequence_of_the_request() {
        let answers = [Ok(Some("a".to_owned())), Ok(None), Err(Unanswered::Unreadable)];
        assert_eq!(reply(&answers, 1_000), json!(["a", null, {"unanswered": "unreadable"}]));
        assert_eq!(reply(&[], 1_000), json!([]));
    }

    #[test]
    fn answers_that_do_not_fit_are_named_with_their_size_and_the_small_ones_are_given() {
        let text = |length| Ok(Some("x".repeat(length)));
        // Each takes its quotes and a comma.
        let answers = [text(97), text(57), text(7), Ok(None), text(97)];
        let too_large = json!({"unanswered": "too_large", "bytes": 100});
        let given = json!(["x".repeat(97), "x".repeat(57), "x".repeat(7), null, too_large]);
        assert_eq!(reply(&answers, 175), given);
        let given = json!([too_large, "x".repeat(57), "x".repeat(7), null, too_large]);
        assert_eq!(reply(&answers, 174), given);
    }
}
