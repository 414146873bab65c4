//! Questions to the workers: many in one message, answered from one query.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use streams::Connection;

/// What the workers answer to each of `questions`, in their order; `None` where nobody answers in
/// time or the answer cannot be read.
pub(crate) async fn ask<A: DeserializeOwned>(
    broker: &Connection,
    subject: &str,
    questions: &[impl Serialize],
    patience: Duration,
) -> Option<Vec<Option<A>>> {
    let payload = serde_json::to_vec(questions).expect("ids and SKUs are texts");
    let answer = match broker.ask(subject, payload.into(), patience).await {
        Ok(answer) => answer,
        Err(err) => {
            tracing::debug!(%err, subject, "no answer");
            return None;
        }
    };
    match serde_json::from_slice::<Vec<Option<A>>>(&answer) {
        Ok(answers) if answers.len() == questions.len() => Some(answers),
        Ok(answers) => {
            tracing::warn!(subject, asked = questions.len(), got = answers.len(), "odd answer");
            None
        }
        Err(err) => {
            tracing::warn!(subject, %err, "unreadable answer");
            None
        }
    }
}
