//! The streams gate: refuses orders while the streams would not keep them. A setting may be changed and
//! a stream deleted by hand at any time. A lane that would not keep them is left out; orders are refused
//! once no lane is left.
//!
//! An edge corrects nothing, and creates no stream: it does not know whether the database holds
//! orders. Workers do both, at once if an edge says that something differs. A stream that was created
//! again or emptied under a running edge keeps it closed until it is restarted, since only a person can
//! say what was lost.

use bytes::Bytes;
use streams::{Connection, Difference, Profile, Routes, StreamWatch, Topology, subjects};
use tokio::time::sleep;

use super::closure::Closure;
use crate::limits::STREAMS_POLL_INTERVAL;

const KEPT: &str = "the streams keep what they store";
const NO_REPLY: &str = "the brokers have not described the streams yet";

/// The last known state of the streams. Cheap to clone.
#[derive(Clone)]
pub(super) struct StreamsGate(pub(super) Closure);

impl StreamsGate {
    /// A gate after a first look, so that no order is refused because of a start.
    pub(super) async fn open(broker: &Connection, lanes: &Routes, profile: Profile) -> Self {
        let closure = Closure::default();
        lanes.refresh_lanes().await;
        let first = StreamWatch::new(Topology::new(profile)).look(broker).await;
        let reason = match first {
            Ok(differences) => reason(&lanes.close_unproven_lanes(differences)),
            Err(_) => Some(NO_REPLY.to_owned()),
        };
        closure.update(reason, KEPT);
        Self(closure)
    }

    /// Polls the brokers. While they do not reply, the last result holds: they acknowledge nothing
    /// then.
    pub(super) async fn watch(&self, broker: &Connection, lanes: &Routes, profile: Profile) {
        let mut watch = StreamWatch::new(Topology::new(profile));
        loop {
            match watch.look(broker).await {
                Ok(differences) => {
                    if differences.iter().any(|difference| difference.remedy().is_none()) {
                        broker.notify(subjects::STREAMS_DIFFER, Bytes::new()).await;
                    }
                    let closing = lanes.close_unproven_lanes(differences);
                    self.0.update(reason(&closing), KEPT);
                }
                Err(err) => tracing::debug!(%err, "stream check failed, keeping last result"),
            }
            sleep(STREAMS_POLL_INTERVAL).await;
        }
    }
}

fn reason(differences: &[Difference]) -> Option<String> {
    let reasons: Vec<_> = differences.iter().map(ToString::to_string).collect();
    (!reasons.is_empty()).then(|| reasons.join("\n"))
}
