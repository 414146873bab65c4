//! Keeps each lane, with all of its durable consumers, on a broker of its own: a broker that dies then costs
//! one lane, and all of it, while the others go on. Brokers do not see to it: leaders fall anywhere, and
//! durables do not follow their stream.

mod led_lane;
mod moves;

use async_nats::jetstream::consumer;
use async_nats::jetstream::stream::{ClusterInfo, Info, PeerInfo};
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::inspect_error::InspectError;
use crate::lanes::list;
use crate::limits::{
    LANE_MOVE_INTERVAL, LANE_MOVE_POLL_INTERVAL, LANE_MOVE_TIMEOUT, LANE_PEER_SILENCE_MAX,
    LANES_SETTLED_AFTER,
};
use crate::routes::Routes;
use crate::{Durable, Lane, Requester, Step};
use led_lane::{Follower, LedDurable, LedLane};
pub use moves::LeaderMove;
use moves::{are_all_on_one, lane_move, next_move};

/// Moves leaders, one lane at a time. Only one process of a cluster may do it at a time.
pub struct LaneLeaders {
    routes: Routes,
    requester: Requester,
    steps: Vec<Step>,
    /// The leaders at the last look.
    seen: Vec<LedLane>,
    /// When a leader was last seen to change, or a broker to be away.
    unsettled_at: Option<Instant>,
    moved_at: Option<Instant>,
}

impl LaneLeaders {
    /// `steps` are those whose durable consumers are kept with their lane. Nothing was seen yet.
    pub fn new(routes: Routes, steps: Vec<Step>) -> Self {
        let requester = Requester::new(routes.clone());
        Self { routes, requester, steps, seen: Vec::new(), unsettled_at: None, moved_at: None }
    }

    /// Looks who leads what, and makes the next move, if the last one was long enough ago. None is made at
    /// the first look, nor for a while after an election or while a broker is away; but if one broker leads
    /// all lanes, one of them is moved as soon as another broker can lead it.
    ///
    /// # Errors
    /// See [`LeadersError`]. The next look tries again.
    pub async fn keep(&mut self) -> Result<Option<LeaderMove>, LeadersError> {
        let led = self.look().await?;
        let is_first = self.seen.is_empty();
        let is_changed = !is_first
            && !led.iter().map(LedLane::leaders).eq(self.seen.iter().map(LedLane::leaders));
        let is_any_absent = led.iter().any(|lane| lane.followers.iter().any(|it| !it.is_present));
        self.seen.clone_from(&led);
        if is_changed || is_any_absent {
            self.unsettled_at = Some(Instant::now());
        }
        let is_settled = self.unsettled_at.is_none_or(|at| at.elapsed() >= LANES_SETTLED_AFTER);
        let is_due = self.moved_at.is_none_or(|at| at.elapsed() >= LANE_MOVE_INTERVAL);
        let next = match (is_first || !is_due, is_settled) {
            (true, _) => None,
            (false, true) => next_move(&led),
            (false, false) => lane_move(&led).filter(|_| are_all_on_one(&led)),
        };
        let Some(next) = next else { return Ok(None) };
        self.moved_at = Some(Instant::now());
        self.make(&next).await?;
        let moved = self.look_after(&next).await;
        if let Some(before) = self.seen.iter_mut().find(|lane| lane.lane == next.lane) {
            *before = moved;
        }
        Ok(Some(next))
    }

    /// The leaders of the lane of a move once it is made. The brokers hold an election for it, which is not taken
    /// for another one within this time.
    async fn look_after(&self, next: &LeaderMove) -> LedLane {
        let deadline = Instant::now() + LANE_MOVE_TIMEOUT;
        loop {
            let led = self.look_at(next.lane).await;
            if next.is_made(&led) || Instant::now() >= deadline {
                return led;
            }
            sleep(LANE_MOVE_POLL_INTERVAL).await;
        }
    }

    async fn look(&self) -> Result<Vec<LedLane>, InspectError> {
        let mut lanes = list(&self.requester).await?;
        // It takes no messages, and is away soon.
        lanes.retain(|lane| !lane.is_legacy());
        Ok(join_all(lanes.into_iter().map(|lane| self.look_at(lane))).await)
    }

    /// Who leads a lane. What has no leader does not reply: a lane has none then, and a durable is left out.
    async fn look_at(&self, lane: Lane) -> LedLane {
        let info: Option<Info> = self.requester.api(&format!("STREAM.INFO.{lane}"), "").await;
        let (leader, followers) = self.group(info.and_then(|info| info.cluster));
        let durables = self.steps.iter().filter_map(|step| step.events().in_lane(lane));
        let durables = durables.map(|durable| async move {
            let request = format!("CONSUMER.INFO.{lane}.{}", durable.name);
            let info: consumer::Info = self.requester.api(&request, "").await?;
            let (leader, followers) = self.group(info.cluster);
            Some(LedDurable { durable, leader, followers })
        });
        let durables = join_all(durables).await.into_iter().flatten().collect();
        LedLane { lane, leader, followers, durables }
    }

    /// The leader and the followers of one group of brokers.
    fn group(&self, cluster: Option<ClusterInfo>) -> (Option<String>, Vec<Follower>) {
        let Some(cluster) = cluster else { return (None, Vec::new()) };
        let follower = |peer: PeerInfo| {
            let is_present = self.is_present(&peer);
            let is_ready = is_present && peer.current && peer.lag.unwrap_or(0) == 0;
            Follower { broker: peer.name, is_present, is_ready }
        };
        (cluster.leader, cluster.replicas.into_iter().map(follower).collect())
    }

    /// Whether a follower is there. A broker that hangs accepts a lead and does nothing, so it must answer
    /// by itself.
    fn is_present(&self, peer: &PeerInfo) -> bool {
        let route = self.routes.to_broker(&peer.name);
        let is_answering = route.is_none_or(|index| self.routes.get(index).is_good());
        !peer.offline && peer.active < LANE_PEER_SILENCE_MAX && is_answering
    }

    async fn make(&self, next: &LeaderMove) -> Result<(), LeadersError> {
        let request = |durable: &Durable| {
            format!("CONSUMER.LEADER.STEPDOWN.{}.{}", durable.stream, durable.name)
        };
        let requests: Vec<String> = if next.durables.is_empty() {
            vec![format!("STREAM.LEADER.STEPDOWN.{}", next.lane)]
        } else {
            next.durables.iter().map(request).collect()
        };
        let body = json!({"placement": {"preferred": next.to}}).to_string();
        for request in requests {
            let reply: Option<SteppedDown> = self.requester.api(&request, &body).await;
            if !reply.is_some_and(|reply| reply.success) {
                return Err(LeadersError::NotMoved(next.clone()));
            }
        }
        Ok(())
    }
}

/// The brokers' reply to a request that a leader steps down.
#[derive(Deserialize)]
struct SteppedDown {
    success: bool,
}

/// The leaders could not be seen or moved.
#[derive(Debug, thiserror::Error)]
pub enum LeadersError {
    /// The brokers do not list the lanes.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// The brokers refused a move, or did not reply.
    #[error("the brokers did not move {0}")]
    NotMoved(LeaderMove),
}
