//! How many lanes a cluster has: each lane's stream says it, so that a lane that is lost is missed.

use std::collections::BTreeMap;

use async_nats::jetstream::stream::{Config, Info};
use futures_util::future::join_all;

use super::labels::LANES_KEY;
use super::{REMOVED_KEY, Topology};
use crate::inspect::find_stream;
use crate::inspect_error::{InspectError, inspect_error};
use crate::lanes::lanes;
use crate::limits::LANES_MAX;
use crate::{Connection, Lane};

/// The lanes of a cluster, and those that it should have.
pub(super) struct ClusterLanes {
    /// How many it should have.
    pub(super) count: usize,
    /// Those that there are.
    pub(super) present: Vec<Lane>,
    /// What the brokers say of them.
    pub(super) infos: BTreeMap<Lane, Info>,
}

impl ClusterLanes {
    /// Reads which lanes there are. A cluster without any gets those of `topology`.
    pub(super) async fn read(
        connection: &Connection,
        topology: &Topology,
    ) -> Result<Self, InspectError> {
        let (lanes, unread) = Self::read_what_replies(connection, topology).await?;
        unread.into_iter().next().map_or(Ok(lanes), Err)
    }

    /// The same, although the leader of a lane may not reply.
    pub(super) async fn read_what_replies(
        connection: &Connection,
        topology: &Topology,
    ) -> Result<(Self, Vec<InspectError>), InspectError> {
        let present = lanes(connection).await?;
        let infos = present.iter().map(|lane| find_stream(connection, lane.stream()));
        let (mut found, mut unread) = (BTreeMap::new(), Vec::new());
        for (lane, info) in present.iter().zip(join_all(infos).await) {
            match info {
                Ok(info) => found.extend(info.map(|info| (*lane, info))),
                Err(err) => unread.push(inspect_error(lane.stream(), err)),
            }
        }
        let counts = found.values().filter_map(|info| lane_count(&info.config));
        let count = counts.max().unwrap_or(topology.lanes);
        Ok((Self { count, present, infos: found }, unread))
    }

    /// The lanes that there are, and whose leader does not reply.
    pub(super) fn unread(&self) -> impl Iterator<Item = Lane> {
        self.present.iter().copied().filter(|lane| !self.infos.contains_key(lane))
    }

    /// The lanes that take messages.
    pub(super) fn wanted(&self) -> impl Iterator<Item = Lane> + use<> {
        Lane::numbered(self.count)
    }

    /// The lanes that have messages or take them.
    pub(super) fn all(&self) -> Vec<Lane> {
        let mut all: Vec<Lane> = self.wanted().chain(self.present.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether the cluster has orders of a version without lanes, and never had lanes: no stream says how
    /// many there are.
    pub(super) fn is_upgrade(&self) -> bool {
        let has_count = |info: &Info| lane_count(&info.config).is_some();
        self.present.iter().all(|lane| lane.is_legacy())
            && self.infos.values().any(|info| !has_count(info))
    }

    /// Whether there is no lane at all.
    pub(super) fn are_lost(&self) -> bool {
        self.present.is_empty()
    }

    /// Whether a lane that should be there is gone.
    pub(super) fn is_missing(&self, lane: Lane) -> bool {
        !self.present.contains(&lane)
    }

    /// The same lanes, of which `count` should be there.
    pub(super) fn with_count(&self, count: usize) -> Self {
        Self { count, present: self.present.clone(), infos: BTreeMap::new() }
    }

    /// Whether it takes messages.
    pub(super) fn is_wanted(&self, lane: Lane) -> bool {
        self.wanted().any(|wanted| wanted == lane)
    }
}

/// How many lanes the cluster has, as the stream of a lane says; `None` in a version without lanes.
pub(super) fn lane_count(config: &Config) -> Option<usize> {
    let count: usize = config.metadata.get(LANES_KEY)?.parse().ok()?;
    (1..=LANES_MAX).contains(&count).then_some(count)
}

/// Whether the stream of a lane takes messages.
pub(crate) fn is_open(lane: Lane, info: &Info) -> bool {
    info.config.subjects == [lane.open_subjects()]
}

/// Whether a lane was removed, with the events that it held.
pub(crate) fn is_one_removed(config: &Config) -> bool {
    config.metadata.contains_key(REMOVED_KEY)
}
