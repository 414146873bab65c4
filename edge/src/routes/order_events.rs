//! `GET /v1/orders/{id}/events`: the statuses of an order as server-sent events (HTML standard, section 9.2): those
//! that it has reached, and then each when it is reached, until it is final.
//!
//! The id of an event is its status, since an order reaches each at most once and never goes back: a client goes on
//! after what it has seen last, at any edge.

mod frames;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use orders::{OrderId, Status};
use tokio::time::{Instant, Interval, interval_at, sleep_until};

use super::order_query::OrderQuery;
use crate::follow::Follower;
use crate::limits::{EVENT_STREAM_MAX, HEARTBEAT_INTERVAL};
use crate::problem::Problem;
use crate::response::{HttpResponse, no_content, stream_of};
use crate::state::ShardState;
use frames::{HEARTBEAT, retry_frame, write_statuses};

const MEDIA_TYPE: &str = "text/event-stream";
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Has nginx pass on each event at once.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Follows an order, after the status that the client has seen last.
pub(super) async fn follow_order(
    state: &ShardState,
    id: OrderId,
    query: &str,
    headers: &HeaderMap,
) -> Result<HttpResponse, Problem> {
    let seen = last_event_id(headers).max(OrderQuery::parse(query)?.after);
    if seen.is_some_and(Status::is_final) {
        // The client has everything, and does not connect again.
        return Ok(no_content());
    }
    let follower = state.follows.follow(id).await.ok_or(Problem::TooManyFollowers)?;
    let lookup = follower.begin_lookup();
    let view = state.lookups.status.get(id).await.ok_or(Problem::StatusUnavailable)?;
    lookup.answered(view.as_deref());

    let mut response = stream_of(MEDIA_TYPE, OrderEvents::new(follower, seen).chunks());
    response.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    Ok(response)
}

/// The status that the client has seen last, if it names one.
fn last_event_id(headers: &HeaderMap) -> Option<Status> {
    headers.get(LAST_EVENT_ID)?.to_str().ok()?.parse().ok()
}

/// The events of an order that its client has not seen. Each chunk is made when the client is ready to read it, from
/// what is known then: nothing is kept for a client that does not read.
struct OrderEvents {
    follower: Follower,
    /// The last status that was sent.
    sent: Option<Status>,
    is_begun: bool,
    heartbeat: Interval,
    ends_at: Instant,
}

impl OrderEvents {
    fn new(follower: Follower, sent: Option<Status>) -> Self {
        let now = Instant::now();
        let heartbeat = interval_at(now + HEARTBEAT_INTERVAL, HEARTBEAT_INTERVAL);
        Self { follower, sent, is_begun: false, heartbeat, ends_at: now + EVENT_STREAM_MAX }
    }

    fn chunks(self) -> impl Stream<Item = Bytes> {
        stream::unfold(self, async |mut events| Some((events.next().await?, events)))
    }

    /// The next events, or a comment; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        let mut chunk = BytesMut::new();
        if !self.is_begun {
            self.is_begun = true;
            chunk.extend_from_slice(&retry_frame());
        }
        loop {
            if let Some(progress) = self.follower.progress() {
                self.sent = write_statuses(&progress, self.sent, &mut chunk);
            }
            if !chunk.is_empty() {
                return Some(chunk.freeze());
            }
            if self.sent.is_some_and(Status::is_final) {
                return None;
            }
            tokio::select! {
                biased;
                is_following = self.follower.changed() => {
                    if !is_following {
                        return None;
                    }
                }
                () = sleep_until(self.ends_at) => return None,
                _ = self.heartbeat.tick() => return Some(Bytes::from_static(HEARTBEAT)),
            }
        }
    }
}
