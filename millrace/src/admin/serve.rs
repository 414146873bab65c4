//! Answers the requests on one subject, one after the other. A bounded number waits for a bounded time.

use std::collections::VecDeque;
use std::pin::pin;

use bytes::Bytes;
use serde_json::Value;
use streams::{Request, RequestStream};
use tokio::time::Instant;

use super::context::Context;
use super::refusal::Refusal;
use crate::limits::{ADMIN_REPLY_BYTES_MAX, ADMIN_WAIT_MAX, ADMIN_WAITING_MAX};

/// Answers `requests` by `handle` until the process is asked to end. Those that have come by then are refused.
pub(super) async fn serve(
    context: &Context,
    mut requests: RequestStream,
    handle: impl AsyncFn(Bytes) -> Result<Value, Refusal>,
) {
    let mut waiting = VecDeque::new();
    while let Some((request, since)) = next(context, &mut requests, &mut waiting).await {
        if since.elapsed() > ADMIN_WAIT_MAX {
            answer(context, request, Err(waited_too_long())).await;
            continue;
        }
        let mut answered = pin!(async {
            let result = handle(request.payload.clone()).await;
            answer(context, request, result).await;
        });
        loop {
            tokio::select! {
                () = &mut answered => break,
                Some(other) = requests.next() => {
                    if waiting.len() < ADMIN_WAITING_MAX {
                        waiting.push_back((other, Instant::now()));
                    } else {
                        answer(context, other, Err(too_many())).await;
                    }
                }
            }
        }
    }
    let waiting = waiting.into_iter().map(|(request, _)| request);
    for request in waiting.chain(rest(requests).await) {
        answer(context, request, Err(Refusal::stopping())).await;
    }
}

/// The next request, and since when it waits; `None` when the process is asked to end.
async fn next(
    context: &Context,
    requests: &mut RequestStream,
    waiting: &mut VecDeque<(Request, Instant)>,
) -> Option<(Request, Instant)> {
    if context.shutdown.is_cancelled() {
        return None;
    }
    if let Some(first) = waiting.pop_front() {
        return Some(first);
    }
    let request = context.shutdown.run_until_cancelled(requests.next()).await??;
    Some((request, Instant::now()))
}

fn waited_too_long() -> Refusal {
    let seconds = ADMIN_WAIT_MAX.as_secs();
    Refusal::busy(format!(
        "it has waited for more than {seconds} s for others, and is not done: ask again"
    ))
}

fn too_many() -> Refusal {
    Refusal::busy(format!("{ADMIN_WAITING_MAX} requests wait already: ask again"))
}

/// The requests that have come when the process is asked to end: another process may take them.
pub(super) async fn rest(mut requests: RequestStream) -> Vec<Request> {
    let mut rest = Vec::new();
    if let Err(err) = requests.end().await {
        tracing::debug!(%err, "requests not ended");
        return rest;
    }
    while let Some(request) = requests.next().await {
        rest.push(request);
    }
    rest
}

/// Sends the reply to a request.
async fn answer(context: &Context, request: Request, result: Result<Value, Refusal>) {
    let body = result.map(|value| value.to_string().into_bytes()).and_then(|body| {
        if body.len() <= ADMIN_REPLY_BYTES_MAX {
            return Ok(body);
        }
        let error = format!("the answer has {} bytes: ask for less", body.len());
        Err(Refusal::too_large(error))
    });
    context.counts.count(body.is_err());
    match body {
        Ok(body) => request.reply(body).await,
        Err(refusal) => {
            let body = refusal.to_json().to_string().into_bytes();
            request.refuse(refusal.code, &refusal.error, body).await;
        }
    }
}
