//! Requests to workers: many keys in one message, which a worker answers from one query.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use orders::Unanswered;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use streams::Requester;
use tokio::time::{Instant, sleep, timeout_at};

use crate::limits::{LOOKUP_REQUESTS_MAX, LOOKUP_SILENCE_MAX};

/// The answer to one key: `None` if the database has nothing about it.
pub(super) type Answer<T> = Result<Option<T>, Unanswered>;

/// The workers' answer for each of `keys`, in the same order. `None` if no worker gives any within `timeout`.
/// Another worker is asked as soon as one gives none or is silent for a while: it may be cut off from the
/// database, or hang.
pub(super) async fn request_batch<T: DeserializeOwned>(
    workers: &Requester,
    subject: &str,
    keys: &[impl Serialize],
    timeout: Duration,
) -> Option<Vec<Answer<T>>> {
    let payload = Bytes::from(serde_json::to_vec(keys).expect("ids and SKUs serialise as strings"));
    let deadline = Instant::now() + timeout;
    let request = || async {
        let left = deadline.saturating_duration_since(Instant::now());
        match workers.request(subject, payload.clone(), left).await {
            Ok(reply) => parse_reply(subject, &reply, keys.len()),
            Err(err) => {
                tracing::debug!(%err, subject, "no reply from workers");
                None
            }
        }
    };
    let first_answers = async {
        let mut requests = FuturesUnordered::from_iter([request()]);
        let mut sent = 1;
        loop {
            let may_send = sent < LOOKUP_REQUESTS_MAX;
            tokio::select! {
                answers = requests.next() => match answers? {
                    Some(answers) => return Some(answers),
                    None if !may_send => continue,
                    None => {}
                },
                () = sleep(LOOKUP_SILENCE_MAX), if may_send => {}
            }
            requests.push(request());
            sent += 1;
        }
    };
    timeout_at(deadline, first_answers).await.ok()?
}

/// The answers in `reply`; `None` if it is not one answer for each of `expected` keys.
fn parse_reply<T: DeserializeOwned>(
    subject: &str,
    reply: &[u8],
    expected: usize,
) -> Option<Vec<Answer<T>>> {
    match serde_json::from_slice::<Vec<&RawValue>>(reply) {
        Ok(answers) if answers.len() == expected => {
            Some(answers.into_iter().map(|answer| parse_answer(subject, answer)).collect())
        }
        Ok(answers) => {
            tracing::warn!(subject, expected, received = answers.len(), "reply has wrong length");
            None
        }
        Err(_) if reply.is_empty() => {
            tracing::debug!(subject, "a worker has no answer");
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
            // What it contains is not repeated: it may be about a person.
            let (fault, at) = (err.classify(), err.column());
            tracing::warn!(subject, ?fault, at, "answer is not readable");
            Unanswered::Unreadable
        })
    })
}
