//! Requests to workers: many keys in one message, which a worker answers from one query.

use std::time::Duration;

use orders::Unanswered;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use streams::Requester;

/// The answer to one key: `None` if the database has nothing about it.
pub(super) type Answer<T> = Result<Option<T>, Unanswered>;

/// The workers' answer for each of `keys`, in the same order. `None` if no worker replies within
/// `timeout` or the reply is invalid.
pub(super) async fn request_batch<T: DeserializeOwned>(
    workers: &Requester,
    subject: &str,
    keys: &[impl Serialize],
    timeout: Duration,
) -> Option<Vec<Answer<T>>> {
    let payload = serde_json::to_vec(keys).expect("ids and SKUs serialise as strings");
    let reply = match workers.request(subject, payload.into(), timeout).await {
        Ok(reply) => reply,
        Err(err) => {
            tracing::debug!(%err, subject, "no reply from workers");
            return None;
        }
    };
    match serde_json::from_slice::<Vec<&RawValue>>(&reply) {
        Ok(answers) if answers.len() == keys.len() => {
            Some(answers.into_iter().map(|answer| parse_answer(subject, answer)).collect())
        }
        Ok(answers) => {
            let (expected, received) = (keys.len(), answers.len());
            tracing::warn!(subject, expected, received, "reply has wrong length");
            None
        }
        Err(err) => {
            tracing::warn!(subject, %err, "reply is not a JSON array");
            None
        }
    }
}

/// An answer that a newer worker gives in terms that are unknown here spoils no other one.
fn parse_answer<T: DeserializeOwned>(subject: &str, answer: &RawValue) -> Answer<T> {
    serde_json::from_str::<Option<T>>(answer.get()).map_err(|err| {
        serde_json::from_str(answer.get()).unwrap_or_else(|_| {
            tracing::warn!(subject, %err, "answer is not readable");
            Unanswered::Unreadable
        })
    })
}
