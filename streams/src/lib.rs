//! The wire: how orders travel through NATS JetStream. The only crate that names `async-nats`.
//!
//! - [`Step`]: the table of steps, who consumes what, and the names of everything on the wire
//! - [`Connection`], [`ensure_topology`]: the way in, and what must exist at the broker
//! - [`prove`]: whether the brokers keep what a [`Profile`] claims
//! - [`group_commit()`], [`batch`], [`Publisher`]: orders become one message, stored once
//! - [`Puller`], [`Delivery`]: messages become records again, and are settled
//! - [`retry`], [`dead_letter`]: where a record goes that a step could not take
//! - [`Yardstick`]: what the brokers can store and hand on, for benchmarks
//! - [`Replay`]: the stream read from a place on, for those who only look

pub mod batch;
mod capacity;
mod config;
mod connection;
pub mod dead_letter;
mod delivery;
mod group_commit;
mod headers;
mod look;
mod mutant;
pub mod names;
mod outgoing;
mod profile;
mod publisher;
mod pull;
mod question;
mod replay;
mod replies;
pub mod retry;
mod step;
mod sync;
mod topology;
mod yardstick;

pub use capacity::{INTAKE_PERCENT_MAX, Intake, Retention, forget_done, intake};
pub use config::{
    BatchConfig, BrokersConfig, DURATION_MAX, InvalidDuration, broker_ports, duration, nats_url,
};
pub use connection::{ConnectError, Connection, ListenError, Notices};
pub use delivery::{Delivery, Origin, Record, Trail};
pub use group_commit::{GroupLimits, GroupReceiver, GroupSender, NoRoom, group_commit};
pub use look::{
    Lag, LookError, Position, Present, StreamState, batch_sizes, lag, position, present,
    stream_state,
};
pub use mutant::Mutant;
pub use outgoing::Outgoing;
pub use profile::{Profile, UnknownProfile};
pub use publisher::{PublishError, Publisher, Stored};
pub use pull::{PullError, Puller};
pub use question::{AskError, Question, Questions, Service, ServiceError, WorkerState};
pub use replay::{Replay, ReplayError, Replayed, at_sequence};
pub use step::{Pool, Source, Step, UnknownPool, UnknownStep};
pub use sync::{BrokerSync, Syncs, Unproven, prove, prove_at_start, syncs};
pub use topology::{
    Drift, TEST_ACK_WAIT, Topology, TopologyError, ack_wait, ensure_topology, limit_orders,
};
pub use yardstick::{Layout, Yardstick, YardstickError};
