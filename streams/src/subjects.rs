//! Every stream, subject and header name, defined once. Those of lanes are in `lane`, the subjects of a
//! step in `step`.

use orders::EventKind;

/// The stream of scheduled retries.
pub const RETRIES: &str = "RETRIES";
/// The stream of records that no retry can process.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";

/// The subjects of the stream [`RETRIES`]: scheduled records, and records that are due.
pub const RETRIES_SUBJECTS: [&str; 2] = ["schedule.retry.*.*.*", "retry.*"];
/// The stream of what `millrace admin` was asked to change, and what came of it.
pub const ADMIN: &str = "ADMIN";
/// The subjects of the stream [`ADMIN`]: one for each kind of change.
pub(crate) const ADMIN_SUBJECTS: [&str; 1] = ["admin.*"];
/// The subjects of the stream [`DEAD_LETTERS`]: the dead letters, and their resolutions.
pub const DEAD_LETTERS_SUBJECTS: [&str; 2] = ["dead.*", "handled.*"];

/// The bucket with the settings of pools, a key for each, as `nats kv` names it.
pub const POOLS_BUCKET: &str = "POOLS";
/// The stream of that bucket.
pub const POOLS_STREAM: &str = "KV_POOLS";
/// The subjects of that stream.
pub(crate) const POOLS_SUBJECTS: [&str; 1] = ["$KV.POOLS.>"];
/// The bucket with the settings of the edges, as `nats kv` names it.
pub const EDGES_BUCKET: &str = "EDGES";
/// The stream of that bucket.
pub const EDGES_STREAM: &str = "KV_EDGES";
/// The subjects of that stream.
pub(crate) const EDGES_SUBJECTS: [&str; 1] = ["$KV.EDGES.>"];
/// The key in that bucket for the intake of orders at all edges.
pub const INTAKE_KEY: &str = "intake";
/// Header of a value in a bucket: `DEL` or `PURGE` if the key was deleted.
pub(crate) const KV_OPERATION: &str = "KV-Operation";

/// Request subject for the status of orders; any worker replies.
pub const STATUS_GET: &str = "status.get";
/// Request subject for what orders say; inventory workers reply.
pub const CONTENTS_GET: &str = "contents.get";
/// Request subject for a page of the orders of a caller; inventory workers reply.
pub const LISTING_GET: &str = "listing.get";
/// Request subject for stock on hand; inventory workers reply.
pub const STOCK_GET: &str = "stock.get";

/// Request subject for the state of edges; each replies.
pub const EDGE_STATE: &str = "edge.state";
/// Requests to `millrace admin` that only read.
pub const ADMIN_DEAD_LIST: &str = "millrace.admin.dead.list";
/// See [`ADMIN_DEAD_LIST`].
pub const ADMIN_DEAD_SHOW: &str = "millrace.admin.dead.show";
/// See [`ADMIN_DEAD_LIST`].
pub const ADMIN_ORDER: &str = "millrace.admin.order";
/// The request that has it audit the cluster.
pub const ADMIN_AUDIT: &str = "millrace.admin.audit";
/// Requests to it that change something.
pub const ADMIN_DEAD_REPLAY: &str = "millrace.admin.dead.replay";
/// See [`ADMIN_DEAD_REPLAY`].
pub const ADMIN_DEAD_DISCARD: &str = "millrace.admin.dead.discard";
/// See [`ADMIN_DEAD_REPLAY`].
pub const ADMIN_CANCEL: &str = "millrace.admin.cancel";

/// What a viewer may ask of it.
pub(crate) const ADMIN_VIEWS: [&str; 3] = [ADMIN_DEAD_LIST, ADMIN_DEAD_SHOW, ADMIN_ORDER];
/// All that it answers.
pub(crate) const ADMIN_REQUESTS: [&str; 7] = [
    ADMIN_DEAD_LIST,
    ADMIN_DEAD_SHOW,
    ADMIN_ORDER,
    ADMIN_AUDIT,
    ADMIN_DEAD_REPLAY,
    ADMIN_DEAD_DISCARD,
    ADMIN_CANCEL,
];

/// Core NATS subject, outside every stream: published, with the number of the lane, while orders go into
/// a lane that is not the first one.
pub(crate) const LANE_USED: &str = "lanes.used";
/// Core NATS subject, outside every stream: published each time the payment provider fails and
/// orders begin to wait.
pub const PAYMENT_DELAYED: &str = "notices.payment_delayed";
/// Core NATS subject, outside every stream: published by an edge while a stream is not as it must be, so that a
/// worker puts it right at once.
pub const STREAMS_DIFFER: &str = "notices.streams_differ";

/// Request subject for each broker's JetStream settings, its fsync policy among them; every broker
/// replies. `nats-config/shared.conf` permits the request.
pub(crate) const SERVER_PING_JSZ: &str = "$SYS.REQ.SERVER.PING.JSZ";

/// Header: the number of records in the message.
pub const RECORDS_HEADER: &str = "Millrace-Records";
/// Header: the schema version of the records.
pub const SCHEMA_HEADER: &str = "Millrace-Schema";
/// Header: whether a step answers the message although it has answered another one of the order.
pub const ANSWER_HEADER: &str = "Millrace-Answer";
/// The value of [`ANSWER_HEADER`] that asks for an answer in any case.
pub const ANSWER_ALWAYS: &str = "always";
/// The schema version that this program writes and reads.
pub const SCHEMA: &str = "1";
/// Content type: one JSON object per line.
pub const NDJSON: &str = "application/x-ndjson";

/// The log target of the NATS client library.
pub const CLIENT_LOG: &str = "async_nats";

/// The kind of the events in a message with this subject; `None` if it is not the subject of a
/// [`Lane`](crate::Lane).
pub fn event_kind(subject: &str) -> Option<EventKind> {
    let subject = subject.strip_prefix("orders.")?;
    let (_, kind) = subject.split_once('.').unwrap_or(("", subject));
    kind.parse().ok()
}

/// The subjects of events of this kind, in all lanes.
pub(crate) fn fed_subject(kind: EventKind) -> String {
    format!("orders.*.{kind}")
}

/// How the subjects begin on which clients get replies.
pub(crate) const INBOX: &str = "_INBOX";

/// The first token of the subjects on which the role of this name gets replies.
pub fn inbox_prefix(role: &str) -> String {
    format!("{INBOX}_{role}")
}

/// Request subject for the backlog of a pool.
pub fn lag_subject(pool: &str) -> String {
    format!("pool.{pool}.lag")
}

/// The stream of a bucket.
pub(crate) fn bucket_stream(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// The subject of a key in its bucket.
pub(crate) fn setting_subject(bucket: &str, key: &str) -> String {
    format!("$KV.{bucket}.{key}")
}

/// The subject for records of one kind of change in the stream [`ADMIN`].
pub(crate) fn admin_subject(action: &str) -> String {
    format!("admin.{action}")
}

/// The subject for resolutions of a pool's dead letters.
pub fn resolution_subject(pool: &str) -> String {
    format!("handled.{pool}")
}

/// Whether a message with this subject is a resolution.
pub(crate) fn is_resolution(subject: &str) -> bool {
    subject.starts_with("handled.")
}

#[cfg(test)]
mod documented;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_subjects_are_of_no_event() {
        for other in ["orders.eaten", "orders.1.eaten", "orders.1", "retry.charge", "orders"] {
            assert_eq!(event_kind(other), None, "{other}");
        }
    }
}
