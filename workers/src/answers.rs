//! Answers to questions of the edges.

use std::time::Duration;

use orders::{OrderId, Sku};
use serde::{Deserialize, Serialize};
use streams::{Request, RequestStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::database::{Database, DatabaseError};
use crate::inventory::stock;
use crate::view;
use crate::work::with_causes;

/// Ids or SKUs in one question; what asks for more is not answered.
const ASKED_MAX: usize = 256;
/// Whoever asked waits no longer, and others are waiting.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Answers where orders stand: any worker can.
pub(crate) async fn answer_status(
    questions: RequestStream,
    database: Database,
    shutdown: CancellationToken,
) {
    let look = async |ids: Vec<OrderId>| view::orders(&database, &ids).await;
    answer(questions, shutdown, look).await;
}

/// Answers what is on hand.
pub(crate) async fn answer_stock(
    questions: RequestStream,
    database: Database,
    shutdown: CancellationToken,
) {
    let look = async |skus: Vec<Sku>| stock::look_up(&database, &skus).await;
    answer(questions, shutdown, look).await;
}

async fn answer<Key, View>(
    mut questions: RequestStream,
    shutdown: CancellationToken,
    look: impl AsyncFn(Vec<Key>) -> Result<Vec<Option<View>>, DatabaseError>,
) where
    Key: for<'de> Deserialize<'de>,
    View: Serialize,
{
    while let Some(Some(question)) = shutdown.run_until_cancelled(questions.next()).await {
        let Ok(keys) = serde_json::from_slice::<Vec<Key>>(&question.payload) else {
            decline(question, "a question that is no array of ids").await;
            continue;
        };
        if keys.len() > ASKED_MAX {
            decline(question, "a question for too many at once").await;
            continue;
        }
        let looked = timeout(ANSWER_WITHIN, look(keys)).await;
        match looked.unwrap_or(Err(DatabaseError::Silent)) {
            Ok(views) => {
                let answer = serde_json::to_vec(&views);
                question.answer(answer.expect("a view has text keys and whole numbers")).await;
            }
            Err(err) => decline(question, &with_causes(&err)).await,
        }
    }
}

/// An empty answer: whoever asked need not wait any longer.
async fn decline(question: Request, reason: &str) {
    tracing::warn!(reason, "not answered");
    question.answer(Vec::new()).await;
}
