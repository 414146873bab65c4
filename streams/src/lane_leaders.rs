//! Keeps each lane, with all of its durable consumers, on a broker of its own: a broker that dies then costs
//! one lane, and all of it, while the others go on. Brokers do not see to it: leaders fall anywhere, and
//! durables do not follow their stream.

mod led_lane;
mod moves;

use async_nats::jetstream::stream::{ClusterInfo, PeerInfo};
use futures_util::future::try_join_all;
use serde_json::json;
use tokio::time::Instant;

use crate::broker_api::{BrokerApiError, broker_api};
use crate::inspect::{find_durable, find_stream};
use crate::inspect_error::{InspectError, inspect_error};
use crate::lanes::lanes;
use crate::limits::{LANE_PEER_SILENCE_MAX, LANES_SETTLED_AFTER};
use crate::routes::Routes;
use crate::{Connection, Durable, Lane, Step};
use led_lane::{Follower, LedDurable, LedLane};
pub use moves::LeaderMove;
use moves::next_move;

/// Moves leaders, one lane at a time. Only one process of a cluster may do it at a time.
pub struct LaneLeaders {
    connection: Connection,
    routes: Routes,
    steps: Vec<Step>,
    /// The leaders at the last look.
    seen: Vec<LedLane>,
    /// When a leader was last seen to change, or a broker to be away.
    unsettled_at: Option<Instant>,
}

impl LaneLeaders {
    /// `steps` are those that have durable consumers in every lane. Nothing was seen yet.
    pub const fn new(connection: Connection, routes: Routes, steps: Vec<Step>) -> Self {
        Self { connection, routes, steps, seen: Vec::new(), unsettled_at: None }
    }

    /// Looks who leads what, and makes the next move: none at the first look, and none for a while after
    /// an election or while a broker is away.
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
        if is_first || !(is_settled || are_all_on_one(&led)) {
            return Ok(None);
        }
        let Some(next) = next_move(&led) else { return Ok(None) };
        self.make(&next).await?;
        // What follows from this move is not taken for an election.
        self.seen = self.look().await?;
        Ok(Some(next))
    }

    async fn look(&self) -> Result<Vec<LedLane>, InspectError> {
        let lanes = lanes(&self.connection).await?;
        try_join_all(lanes.into_iter().map(|lane| self.look_at(lane))).await
    }

    async fn look_at(&self, lane: Lane) -> Result<LedLane, InspectError> {
        let error = |err| inspect_error(lane.stream(), err);
        let info = find_stream(&self.connection, lane.stream()).await.map_err(error)?;
        let (leader, followers) = self.group(info.and_then(|info| info.cluster));
        let durables = self.steps.iter().filter_map(|step| step.events().in_lane(lane));
        let durables = durables.map(|durable| async move {
            let found = find_durable(&self.connection, &durable).await;
            let info = found.map_err(|err| inspect_error(&durable.to_string(), err))?;
            Ok(info.map(|info| {
                let (leader, followers) = self.group(info.cluster);
                LedDurable { durable, leader, followers }
            }))
        });
        let durables = try_join_all(durables).await?.into_iter().flatten().collect();
        Ok(LedLane { lane, leader, followers, durables })
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

    async fn make(&self, next: &LeaderMove) -> Result<(), BrokerApiError> {
        let body = json!({"placement": {"preferred": next.to}});
        if next.durables.is_empty() {
            let request = format!("STREAM.LEADER.STEPDOWN.{}", next.lane);
            broker_api(&self.connection, &request, &body).await?;
        }
        for Durable { stream, name, .. } in &next.durables {
            let request = format!("CONSUMER.LEADER.STEPDOWN.{stream}.{name}");
            broker_api(&self.connection, &request, &body).await?;
        }
        Ok(())
    }
}

/// Whether one broker leads all lanes: no lane is left if it dies, so that one is moved at once.
fn are_all_on_one(lanes: &[LedLane]) -> bool {
    lanes.len() > 1 && lanes.iter().all(|lane| lane.leader == lanes[0].leader)
}

/// The leaders could not be seen or moved. The next look tries again.
#[derive(Debug, thiserror::Error)]
pub enum LeadersError {
    /// The brokers do not reply.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// A move was refused.
    #[error("a leader was not moved")]
    Refused(#[from] BrokerApiError),
}
