//! The wire: how orders travel through NATS JetStream. The only crate that names `async-nats`.
//!
//! - [`Step`]: the table of steps, who consumes what, and the names of everything on the wire
//! - [`Connection`], [`ensure_topology`]: the way in, and what must exist at the broker
//! - [`verify_durability`]: whether the brokers keep what a [`Profile`] claims
//! - [`group_commit()`], [`batch`], [`Publisher`]: orders become one message, stored once
//! - [`Fetcher`], [`Delivery`]: messages become records again, and are settled
//! - [`retry`], [`dead_letter`]: where a record goes that a step could not take
//! - [`BrokerBaseline`]: what the brokers can store and hand on, for benchmarks
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

pub use capacity::{ADMISSION_PERCENT_MAX, Admission, Retention, intake, purge_processed};
pub use config::{
    BatchConfig, BrokersConfig, DURATION_MAX, InvalidDuration, broker_ports, duration, nats_url,
};
pub use connection::{ConnectError, Connection, ListenError, Notifications};
pub use delivery::{Delivery, DeliveryHistory, Origin, Record};
pub use group_commit::{GroupLimits, GroupReceiver, GroupSender, QueueFull, group_commit};
pub use look::{
    ConsumerProgress, InspectError, Lag, StreamState, WorkerPresence, batch_sizes, lag, position,
    present, stream_state,
};
pub use mutant::Sabotage;
pub use outgoing::OutboundMessage;
pub use profile::{Profile, UnknownProfile};
pub use publisher::{PubAck, PublishError, Publisher};
pub use pull::{FetchError, Fetcher};
pub use question::{Request, RequestError, RequestStream, Service, ServiceError, WorkerState};
pub use replay::{Replay, ReplayError, Replayed, at_sequence};
pub use step::{Pool, Source, Step, UnknownPool, UnknownStep};
pub use sync::{
    DurabilityUnverified, FsyncPolicy, FsyncReport, fsync_report, verify_durability,
    verify_durability_at_start,
};
pub use topology::{
    Drift, TEST_ACK_WAIT, Topology, TopologyError, ack_wait, ensure_topology, set_orders_limit,
};
pub use yardstick::{BrokerBaseline, BrokerBaselineError, Layout};
