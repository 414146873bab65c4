//! Pull requests that were given up because nothing came back. A broker that hung for a short while sends
//! their messages when it goes on: without a subscription they would wait for their redelivery.

use std::future::poll_fn;
use std::task::Poll;

use async_nats::jetstream::Message;
use tokio::time::Instant;

use super::pull_request::PullRequest;
use crate::limits::{LATE_REQUESTS_KEPT_FOR, LATE_REQUESTS_MAX};

/// The requests that were given up last, and when.
#[derive(Default)]
pub(super) struct LateRequests(Vec<(Instant, PullRequest)>);

impl LateRequests {
    /// Listens for what `request` may still receive.
    pub(super) fn keep(&mut self, request: PullRequest) {
        self.0.retain(|(given_up_at, _)| given_up_at.elapsed() < LATE_REQUESTS_KEPT_FOR);
        if self.0.len() == LATE_REQUESTS_MAX {
            self.0.remove(0);
        }
        self.0.push((Instant::now(), request));
    }

    /// The next late message, and the index of its route. Does not return if there is none. Cancel-safe.
    pub(super) async fn next(&mut self) -> (Message, usize) {
        poll_fn(|context| {
            let requests = self.0.iter_mut().map(|(_, request)| request);
            for request in requests {
                if let Poll::Ready(message) = request.poll_late(context) {
                    return Poll::Ready((message, request.route()));
                }
            }
            Poll::Pending
        })
        .await
    }
}
