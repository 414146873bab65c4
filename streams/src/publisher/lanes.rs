//! Publishes an event into any one lane. The order of the lanes is fixed when the message is first sent;
//! the first ack answers.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use orders::EventKind;
use tokio::time::{Instant, sleep, timeout_at};

use super::{ApiError, Place, PubAck, PublishError, Publisher, Reply, attempt};
use crate::limits::{PUBLISH_RESEND_AFTER, PUBLISH_RETRY_DELAY, ROUTES_POLL_INTERVAL};
use crate::{Lane, OutboundMessage};

/// How the attempt in one lane ended.
enum AttemptEnd {
    Acked(PubAck),
    Refused(PublishError),
    /// The lane has no leader now, or it is not connected.
    Unavailable,
}

impl Publisher {
    pub(super) async fn publish_in_lanes(
        &self,
        kind: EventKind,
        message: &OutboundMessage,
        deadline: Instant,
    ) -> Result<PubAck, PublishError> {
        let publish = async {
            loop {
                self.0.refresh_lanes().await;
                if let Some(result) = self.try_lanes(kind, message).await {
                    return result;
                }
                self.0.lanes.none_is_available();
                // As during an election, if there is only one lane.
                sleep(PUBLISH_RETRY_DELAY).await;
            }
        };
        timeout_at(deadline, publish).await.unwrap_or(Err(PublishError::Unacknowledged))
    }

    /// Sends the message into one lane after the other until one acknowledges it. `None` if all of them
    /// were unavailable.
    async fn try_lanes(
        &self,
        kind: EventKind,
        message: &OutboundMessage,
    ) -> Option<Result<PubAck, PublishError>> {
        let lanes = &self.0.lanes;
        let mut untried = lanes.order(kind).into_iter();
        let mut attempts = FuturesUnordered::new();
        let mut pending: Vec<Lane> = Vec::new();
        let mut unavailable: Vec<Lane> = Vec::new();
        let (mut refusal, mut is_any_unavailable) = (None, false);
        let send = |lane, delay| self.publish_in_lane(lane, delay, kind, message);
        loop {
            if attempts.is_empty() {
                let Some(lane) = untried.next() else {
                    return refusal.filter(|_| !is_any_unavailable).map(Err);
                };
                pending.push(lane);
                attempts.push(send(lane, Duration::ZERO));
            } else if untried.len() == 0 {
                // Another one hangs: these may have a leader before it answers.
                attempts.extend(unavailable.drain(..).map(|lane| send(lane, PUBLISH_RETRY_DELAY)));
            }
            tokio::select! {
                biased;
                Some((lane, ended)) = attempts.next() => {
                    pending.retain(|other| *other != lane);
                    match ended {
                        AttemptEnd::Acked(ack) => return Some(Ok(ack)),
                        AttemptEnd::Refused(err) if err.is_too_large() => return Some(Err(err)),
                        // Another lane may have room.
                        AttemptEnd::Refused(err) => refusal = Some(err),
                        AttemptEnd::Unavailable => {
                            lanes.fail(lane);
                            unavailable.push(lane);
                            is_any_unavailable = true;
                        }
                    }
                }
                () = self.silence(&pending), if untried.len() > 0 => {
                    for lane in &pending {
                        lanes.fail(*lane);
                    }
                    if lanes.may_hedge() && let Some(lane) = untried.next() {
                        pending.push(lane);
                        attempts.push(send(lane, Duration::ZERO));
                    }
                }
            }
        }
    }

    /// Waits until nothing comes back from any of `lanes`.
    async fn silence(&self, lanes: &[Lane]) {
        loop {
            sleep(ROUTES_POLL_INTERVAL).await;
            if lanes.iter().all(|lane| self.0.lanes.is_overdue(*lane)) {
                return;
            }
        }
    }

    /// Sends the message into one lane after `delay`, over the connection to its leader, until there is an
    /// answer.
    async fn publish_in_lane(
        &self,
        lane: Lane,
        delay: Duration,
        kind: EventKind,
        message: &OutboundMessage,
    ) -> (Lane, AttemptEnd) {
        let to = Place { stream: lane.stream(), subject: lane.event_subject(kind) };
        if !delay.is_zero() {
            sleep(delay).await;
        }
        let in_flight = self.0.lanes.wait_for_answer(lane);
        let mut index = self.route_to(lane);
        let mut request = self.0.get(index).connection.replies.register();
        loop {
            let leader = self.route_to(lane);
            if leader != index {
                index = leader;
                request = self.0.get(index).connection.replies.register();
            }
            let connection = &self.0.get(index).connection;
            if !connection.is_connected() {
                return (lane, AttemptEnd::Unavailable);
            }
            let resend_at = Instant::now() + PUBLISH_RESEND_AFTER;
            let attempt = attempt(Some(&in_flight), &mut request, &to, message);
            let lost = async {
                while connection.is_connected() {
                    sleep(ROUTES_POLL_INTERVAL).await;
                }
            };
            let reply = tokio::select! {
                biased;
                reply = timeout_at(resend_at, attempt) => reply,
                () = lost => return (lane, AttemptEnd::Unavailable),
            };
            match reply {
                Ok(Reply::PubAck(ack)) => {
                    self.0.announce_use(lane, index).await;
                    return (lane, AttemptEnd::Acked(ack));
                }
                Ok(Reply::Rejected(ApiError { code, description })) => {
                    return (
                        lane,
                        AttemptEnd::Refused(PublishError::Refused { code, description }),
                    );
                }
                Ok(Reply::NotServed) => return (lane, AttemptEnd::Unavailable),
                // It would be no less busy if another lane got the message as well.
                Ok(Reply::Busy) => sleep(PUBLISH_RETRY_DELAY).await,
                Err(_) => tracing::debug!(to.subject, "no ack from broker, sending message again"),
            }
        }
    }

    /// The index of the route to the leader of a lane; if there is none that is good, of one to any broker,
    /// which forwards the message to who leads the lane then.
    fn route_to(&self, lane: Lane) -> usize {
        self.0.to_leader_of(lane).unwrap_or_else(|| self.0.any_good())
    }
}
