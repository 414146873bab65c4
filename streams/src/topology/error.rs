//! Why the topology is not as it must be.

use thiserror::Error;

use crate::Lane;

/// A stream or a durable consumer is not as it must be, and could not be corrected.
#[derive(Debug, Error)]
pub enum TopologyError {
    /// The broker rejected it, or did not reply.
    #[error("the broker rejected {name}")]
    Rejected {
        /// The stream or the durable consumer.
        name: String,
        /// The broker's answer.
        source: async_nats::Error,
    },
    /// The leader of a lane does not reply, or it has none.
    #[error("{lane} has no leader that replies")]
    Silent {
        /// The lane.
        lane: Lane,
    },
    /// The bucket of settings was deleted while the cluster runs.
    #[error(
        "the stream {name} with the settings of pools is missing: each worker keeps its last setting; a worker \
         that starts creates it empty"
    )]
    NoSettings {
        /// The stream.
        name: String,
    },
    /// A stream that held orders is gone. An empty one in its place would hide that.
    #[error(
        "the stream {name} is missing, and the cluster holds orders: it was lost; find the brokers' \
         stores, or restore a backup (`nats stream restore`); to give up the orders that were in \
         it: `millrace migrate --begin-anew`"
    )]
    Lost {
        /// The stream.
        name: String,
    },
}
