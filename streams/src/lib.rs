//! Messaging: how orders travel through NATS JetStream. The only crate that names `async-nats`.
//!
//! - [`Pool`], [`Step`]: who consumes which events; [`subjects`]: every subject and
//!   stream
//! - [`Connection`], [`ensure_topology`]: the broker connection, and the streams and consumers that
//!   must exist
//! - [`verify_durability`], [`StreamWatch`]: whether the brokers fsync as a [`Profile`] claims, and
//!   whether the streams keep what was acknowledged
//! - [`group_commit()`], [`batch`], [`Publisher`]: orders are grouped into one message, stored once
//! - [`Fetcher`], [`Delivery`], [`Record`]: messages are fetched, split into records, and acked
//! - [`EventFeed`]: the events of the lanes while they are published, for those that follow orders
//! - [`PoolSetting`], [`IntakeSetting`]: what an operator sets for a pool, and for all edges
//! - [`PoolControl`], [`PullGate`]: what a worker may pull
//! - [`retry`], [`dead_letter`]: where a record goes that a step could not process
//! - [`AdminRecord`]: what `millrace admin` was asked to change, and what came of it
//! - [`BrokerAccess`], [`RoleKey`], [`Permissions`]: by which key the brokers know a process, and what that may do
//! - [`BrokerBaseline`]: the throughput of the brokers alone, for benchmarks
//! - [`Replay`]: reads a stream from a given position, without consuming it
//! - `limits`: every limit, with its reason

mod admin_record;
mod admission;
pub mod batch;
mod broker_access;
mod broker_api;
mod broker_baseline;
mod broker_events;
mod broker_time;
mod ca_file;
mod capacity;
mod config;
mod connection;
pub mod dead_letter;
mod delivery;
mod edge_report;
mod event_feed;
pub mod failpoints;
mod fetcher;
mod fsync;
mod group_commit;
mod inspect;
mod inspect_error;
mod known_lanes;
mod lane;
mod lane_leaders;
mod lane_states;
mod lanes;
mod limits;
mod message_headers;
mod outbound;
mod own_clock;
mod permissions;
mod pool_control;
mod pool_lag;
mod pool_members;
mod presence;
mod profile;
mod publisher;
mod pull_gate;
mod pull_report;
mod purge;
mod reader_name;
mod record;
mod replay;
mod reply_router;
mod requester;
pub mod retry;
mod role_key;
mod routes;
mod rpc;
mod settings;
mod silence;
mod step;
pub mod subjects;
mod topology;
mod work_report;

pub use admin_record::{AdminRecord, AdminStage};
pub use admission::Admission;
pub use broker_access::BrokerAccess;
pub use broker_api::{BrokerApiError, broker_api};
pub use broker_baseline::{BrokerBaseline, BrokerBaselineError, Layout};
pub use ca_file::read_ca_file;
pub use config::{
    BatchConfig, BrokersConfig, InvalidBrokerUrl, InvalidDuration, parse_broker_ports,
    parse_duration, parse_nats_url,
};
pub use connection::{ConnectError, Connection, ListenError, Notifications};
pub use delivery::Delivery;
pub use edge_report::EdgeReport;
pub use event_feed::{EventFeed, Fed, FedEvents};
pub use fetcher::{FetchError, Fetcher, PullFailure};
pub use fsync::{
    DurabilityUnverified, FsyncPolicy, FsyncReport, fsync_report, verify_durability,
    verify_durability_at_start,
};
pub use group_commit::{GroupLimits, GroupReceiver, GroupSender, QueueFull, group_commit};
pub use inspect::{
    ConsumerProgress, Lag, StreamState, batch_sizes, consumer_progress, durables, find_ack_floor,
    find_lane_progress, find_progress, find_stream_state, lag, stream_state,
};
pub use inspect_error::InspectError;
pub use lane::Lane;
pub use lane_leaders::{LaneLeaders, LeaderMove, LeadersError};
pub use lanes::lanes;
pub use limits::{
    ACK_WAIT, ADMIN_REPLIES_MAX, ADMIN_REPLY_WITHIN, ADMISSION_PERCENT_MAX,
    DEAD_LETTERS_WARNING_PERCENT, DUPLICATE_WINDOW, DURATION_MAX, LANES_MAX, REPLY_BYTES_MAX,
};
pub use outbound::OutboundMessage;
pub use own_clock::own_time;
pub use permissions::{Permissions, Replies};
pub use pool_control::PoolControl;
pub use pool_lag::{Counting, PoolBacklog, PoolLag, pool_backlog};
pub use pool_members::follow_first_member;
pub use presence::{WorkerPresence, worker_presence};
pub use profile::{Profile, UnknownProfile};
pub use publisher::{PubAck, PublishError, Publisher};
pub use pull_gate::{PullGate, PullState};
pub use pull_report::{ENDING, INVALID, PullReport};
pub use purge::{MissedMessages, PurgePlan, Retention, plan_purge, purge};
pub use record::{Answer, DeliveryHistory, Origin, Record};
pub use replay::{
    LaneEnds, LanesReplay, Replay, ReplayError, Replayed, first_since, has_processed, lane_ends,
    records_at,
};
pub use requester::{RequestError, Requester};
pub use role_key::{KeyFileError, RoleKey};
pub use routes::{Routes, RoutesWatch};
pub use rpc::{Request, RequestStream, Service, ServiceError, WorkerState, own_host};
pub use settings::{
    Autoscale, IntakeSetting, PoolSetting, ReadSettingError, Setting, SettingError, SettingWatch,
    StoredSetting, WriteSettingError, read_setting, read_settings, setting_in_force, settings_time,
    write_setting,
};
pub use step::{Durable, Pool, Source, Step, StepKind};
pub use topology::{
    AdminRecords, Difference, Ensured, Impact, Inspection, LaneCountError, StreamWatch,
    TEST_ACK_WAIT, Topology, TopologyError, ack_wait, ensure_admin_records, ensure_topology,
    inspect_topology, keep_topology, paused_consumers, resume_topology, set_lane_count,
    set_lane_limit,
};
pub use work_report::WorkReport;
