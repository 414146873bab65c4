//! Every limit of messaging, with the reason for its value.

use std::time::Duration;

/// The most records in a batch. A broker's cost is per message: beyond this size a larger batch has
/// no measurable gain, and a redelivery repeats more work.
pub const BATCH_RECORDS_MAX: usize = 256;
/// The most bytes in a batch: half of the largest message that brokers accept by default (1 MiB).
pub const BATCH_BYTES_MAX: usize = 512 * 1024;

/// Limit for the first connection: long enough for a whole cluster that is starting at the same time.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest delay between two attempts to connect: short, but without a reconnect storm. The
/// delay is random, so that processes do not reconnect in lockstep.
pub(crate) const RECONNECT_DELAY_MAX: Duration = Duration::from_millis(500);
/// How often the connection state is polled while disconnected.
pub(crate) const CONNECTION_POLL_INTERVAL: Duration = Duration::from_millis(50);
/// How long a process that ends waits until everything is sent.
pub(crate) const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// Timeout of a JetStream API request about streams and consumers.
pub(crate) const API_TIMEOUT: Duration = Duration::from_secs(5);
/// Unread replies kept per request, one for each attempt. Any one of them is sufficient.
pub(crate) const REPLIES_BUFFERED_MAX: usize = 4;

/// Without an ack for this long, the same bytes are sent again under the same id.
pub(crate) const PUBLISH_RESEND_AFTER: Duration = Duration::from_secs(1);
/// Delay after a transient error that the broker returns immediately, as during a leader election.
pub(crate) const PUBLISH_RETRY_DELAY: Duration = Duration::from_millis(50);

/// The most bytes that one pull request asks for: nearly four of the largest messages.
pub(crate) const FETCH_BYTES_MAX: usize = 4 * BATCH_BYTES_MAX;
/// The most messages of one request: the cost of a tiny message is more than that of its records.
pub(crate) const FETCH_MESSAGES_MAX: usize = 64;
/// Expiry of one request at the broker. Short, because a worker that shuts down waits for it, and
/// long enough that idle workers cause no load.
pub(crate) const FETCH_EXPIRES: Duration = Duration::from_secs(1);
/// A request without any message or status for this long is considered lost. Delays of brokers on a
/// busy machine are shorter.
pub(crate) const FETCH_SILENCE_TIMEOUT: Duration = Duration::from_secs(4);
/// How often to check whether the connection was lost, and the request with it.
pub(crate) const FETCH_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A record with this many failed attempts becomes a dead letter: with the back-off between them,
/// after a few minutes.
pub(crate) const RETRY_ATTEMPTS_MAX: u32 = 12;
/// A record older than this becomes a dead letter.
pub(crate) const RETRY_DEADLINE: Duration = Duration::from_hours(24);
/// The upper limit of the first delay before a retry: most failures are over by then.
pub(crate) const RETRY_BACKOFF_MIN: Duration = Duration::from_millis(200);
/// The upper limit of every delay before a retry: with it, twelve attempts take some minutes.
pub(crate) const RETRY_BACKOFF_MAX: Duration = Duration::from_mins(1);
/// The longest delay of a postponed record. Long enough that thousands of records that wait for the
/// same dependency cause no load, short enough to go unnoticed once it has recovered.
pub(crate) const POSTPONE_MAX: Duration = Duration::from_secs(10);
/// The most bytes of an error. With all its causes an error is one line; anything longer is text
/// from outside.
pub(crate) const ERROR_BYTES_MAX: usize = 4 * 1024;
/// The most bytes of a dead letter: nine tenths of the largest message, the rest is for headers.
pub(crate) const DEAD_LETTER_BYTES_MAX: usize = 900 * 1024;
/// The most bytes of a record in a dead letter: twice the largest order.
pub(crate) const DEAD_LETTER_RECORD_BYTES_MAX: usize = 512 * 1024;
const _: () = assert!(
    DEAD_LETTER_RECORD_BYTES_MAX + ERROR_BYTES_MAX < DEAD_LETTER_BYTES_MAX,
    "a record without characters to escape must fit unabridged"
);

/// An unacked message is redelivered after this. Work in progress extends it with progress acks, so
/// it only bounds how long the messages of a killed worker wait.
pub(crate) const ACK_WAIT: Duration = Duration::from_secs(30);
/// The most unacked messages per durable, over the whole pool: enough for sixty workers that each
/// process three batches of the smallest messages.
pub(crate) const ACK_PENDING_MAX: i64 = 12_000;
/// The broker remembers message ids for this long; a publisher repeats a message for seconds only.
pub(crate) const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);
/// Dead letters are few. If they are many, this limit keeps them from taking the space of orders.
pub(crate) const DEAD_LETTERS_BYTES_MAX: i64 = 256 << 20;
/// Attempts for each stream and durable, each with an API timeout of 5 s.
pub(crate) const TOPOLOGY_ATTEMPTS_MAX: u32 = 6;
/// Delay between two attempts: a broker that is not yet connected to the others fails immediately.
pub(crate) const TOPOLOGY_RETRY_DELAY: Duration = Duration::from_secs(1);

/// From this fill level on, in per cent, new orders are rejected, so that those already in the
/// stream can complete: the later events of an order need about as much space again as its first.
pub const ADMISSION_PERCENT_MAX: u64 = 80;
/// From this fill level on, in per cent, processed messages are purged earlier, and without waiting
/// for observers.
pub(crate) const PRESSURE_PERCENT: u64 = 60;
const _: () =
    assert!(PRESSURE_PERCENT < ADMISSION_PERCENT_MAX, "a purge must come before intake stops");

/// How long to wait for the brokers' replies: a healthy broker takes a few milliseconds, and a
/// broker that is down delays the report this long.
pub(crate) const FSYNC_REPLY_TIMEOUT: Duration = Duration::from_secs(1);
/// The same at startup, which may be slow: a broker that is busy at that moment must not be missed.
pub(crate) const FSYNC_REPLY_TIMEOUT_AT_START: Duration = Duration::from_secs(3);
/// How long startup waits for enough brokers: they elect a leader within 9 s, and reply before
/// that.
pub(crate) const FSYNC_START_TIMEOUT: Duration = Duration::from_secs(15);
/// Delay between two attempts, which may fail immediately if a broker is unreachable.
pub(crate) const FSYNC_RETRY_DELAY: Duration = Duration::from_millis(200);
/// A broker is running if the leader has received something from it within this time. Followers
/// answer a heartbeat every second and elect another leader after four (`hbInterval` and
/// `minElectionTimeout` in nats-server's raft.go).
pub(crate) const BROKER_ALIVE_TIMEOUT: Duration = Duration::from_secs(4);

/// The most headers that are read to count the orders of a backlog; beyond that the count is an
/// estimate.
pub(crate) const BACKLOG_HEADERS_MAX: usize = 20_000;
/// The number of messages at the end of the stream from which batch sizes are computed.
pub(crate) const BATCH_SIZE_SAMPLE: u64 = 500;
/// How long to wait for replies of workers.
pub(crate) const PRESENCE_TIMEOUT: Duration = Duration::from_millis(300);
/// The broker deletes the temporary consumer after this much inactivity.
pub(crate) const READER_TTL: Duration = Duration::from_secs(10);
/// With thousands of messages in flight a broker takes a second or two.
pub(crate) const BASELINE_PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);

/// Far above any useful wait, and far below the point where sums of times overflow.
pub const DURATION_MAX: Duration = Duration::from_hours(365 * 24);
