//! Every limit of messaging, with the reason for its value.

use std::time::Duration;

/// Records in a batch. A broker's cost is per message: beyond this size a larger batch has no
/// measurable gain, and a redelivery repeats more work.
pub const BATCH_RECORDS_MAX: usize = 256;
/// Bytes in a batch: half of the largest message that brokers accept.
pub const BATCH_BYTES_MAX: usize = 512 * 1024;
/// Bytes in a message: `max_payload` in `nats-config/shared.conf`, which is also the default of
/// brokers.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
const _: () =
    assert!(2 * BATCH_BYTES_MAX <= MESSAGE_BYTES_MAX, "a batch must be half of a message at most");

/// Bytes of the answers in a reply of a worker: half of a message, so that what a reply says about
/// the keys that it does not answer fits as well. More than the largest order, and so than the
/// largest status.
pub const REPLY_BYTES_MAX: usize = 512 * 1024;
const _: () = assert!(2 * REPLY_BYTES_MAX <= MESSAGE_BYTES_MAX);

/// Lanes of a cluster: one for each of more brokers than a cluster has. Each costs the brokers one log
/// for itself and one for each durable.
pub const LANES_MAX: usize = 9;
/// Limit for the brokers to list their streams: the same as for a broker to answer at all.
pub(crate) const LANES_TIMEOUT: Duration = Duration::from_secs(2);
/// Streams that a broker lists at once (`JSApiNamesLimit` in nats-server).
pub(crate) const STREAM_NAMES_MAX: usize = 1_024;
/// How often a process that publishes or fetches asks who leads each lane. What it knows is older than
/// that only while nothing happens.
pub(crate) const LANES_REFRESH_INTERVAL: Duration = Duration::from_secs(2);
/// Lanes into which one message is sent before it waits: each is led by another broker of three.
pub(crate) const LANES_PER_MESSAGE_MAX: usize = 3;
/// How long a lane that has failed must have had a leader before messages go there first, at least and at
/// most: longer than an election and what follows from a broker's return.
pub(crate) const LANE_RETURN_AFTER_MIN: Duration = Duration::from_secs(30);
pub(crate) const LANE_RETURN_AFTER_MAX: Duration = Duration::from_mins(1);
/// How long no leader must have changed, and no broker been away, before leaders are moved: an election
/// takes up to 9 s, and a broker that comes back deposes others.
pub(crate) const LANES_SETTLED_AFTER: Duration = Duration::from_secs(15);
/// The time between two moves of leaders: each costs its lane a fraction of a second.
pub(crate) const LANE_MOVE_INTERVAL: Duration = Duration::from_secs(5);
/// How long the brokers have for a move, and how often to look whether it is made. Elections that are asked for take
/// a fraction of a second.
pub(crate) const LANE_MOVE_TIMEOUT: Duration = Duration::from_secs(2);
pub(crate) const LANE_MOVE_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A broker from which the leader has received nothing for this long does not become one: heartbeats come
/// each second.
pub(crate) const LANE_PEER_SILENCE_MAX: Duration = Duration::from_millis(2_500);
/// Messages that may be sent into a second lane because the first is silent, in per cent of all.
pub(crate) const HEDGES_PERCENT_MAX: u64 = 5;
/// The window in which these are counted.
pub(crate) const HEDGES_WINDOW: Duration = Duration::from_secs(10);
/// Such messages in a window that are always allowed: an edge has few messages in flight, each of which
/// holds hundreds of orders.
pub(crate) const HEDGES_FREE: u64 = 8;
/// How often a process says that it puts messages into a lane that is not the first one.
pub(crate) const LANE_NOTICE_INTERVAL: Duration = Duration::from_secs(1);
/// How long after the last notice messages are still expected in a lane.
pub(crate) const LANE_IN_USE_FOR: Duration = Duration::from_secs(20);
/// How often a step looks for messages in a lane that is not in use, on average: such a message was put
/// there by a process that could not say so.
pub(crate) const LANE_LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// Limit for handing an ack to a connection: one whose broker hangs takes no more at some point.
pub(crate) const ACK_SEND_TIMEOUT: Duration = Duration::from_millis(100);
/// How often a fetcher that waits for messages looks which lanes are in use.
pub(crate) const LANES_RECHECK_INTERVAL: Duration = Duration::from_secs(1);
/// Delay before the next pull request after one has failed; it doubles with each failure.
pub(crate) const FETCH_RETRY_DELAY_MIN: Duration = Duration::from_millis(100);
pub(crate) const FETCH_RETRY_DELAY_MAX: Duration = Duration::from_secs(2);
/// How often it is looked whether a broker answers over its connection.
pub(crate) const ROUTE_ECHO_INTERVAL: Duration = Duration::from_millis(250);
/// How long after a lane was closed it is looked whether it is empty: what its broker has received
/// before is stored by then.
pub(crate) const LANE_CLOSE_DELAY: Duration = Duration::from_secs(5);
/// Bytes in a lane: a fifth of a broker's store (`max_file` in `nats-config/shared.conf`), since all
/// orders are in one of three lanes. Beyond it the broker rejects new messages.
pub(crate) const ORDERS_BYTES_MAX: i64 = 4 << 30;
/// Bytes in the stream of dead letters. They are few. If they are many, this limit keeps them from
/// taking the space of orders.
pub(crate) const DEAD_LETTERS_BYTES_MAX: i64 = 256 << 20;
/// From this fill level of the stream of dead letters on, in per cent, `status` and the log warn: a
/// letter for which it has no room is given up.
pub const DEAD_LETTERS_WARNING_PERCENT: u64 = 80;
/// From this fill level on, resolved dead letters are removed: the other half has room for an
/// incident.
pub(crate) const DEAD_LETTERS_KEPT_PERCENT: u64 = 50;
/// Resolved dead letters that are removed at a time: some seconds' work for the brokers.
pub(crate) const DEAD_LETTERS_RELEASED_MAX: usize = 1_000;
const _: () = assert!(DEAD_LETTERS_KEPT_PERCENT < DEAD_LETTERS_WARNING_PERCENT);
/// From this fill level of the stream of orders on, in per cent, new orders are rejected, so that
/// those already in the stream can complete: the later events of an order need about as much space
/// again as its first.
pub const ADMISSION_PERCENT_MAX: u64 = 80;
/// From this fill level on, in per cent, requests about stored orders (cancel requests, payments) are
/// rejected as well: a client that repeats them must not take the space of the outcomes.
pub(crate) const REQUESTS_PERCENT_MAX: u64 = 90;
const _: () = assert!(ADMISSION_PERCENT_MAX < REQUESTS_PERCENT_MAX);
/// From this fill level on, in per cent, processed messages are purged earlier, and without waiting
/// for observers.
pub(crate) const PURGE_PRESSURE_PERCENT: u64 = 60;
const _: () = assert!(
    PURGE_PRESSURE_PERCENT < ADMISSION_PERCENT_MAX,
    "the purge must free space before new orders are rejected"
);
/// How long messages are kept after every step has processed them: events can still be inspected
/// the next morning.
pub(crate) const RETENTION: Duration = Duration::from_hours(24);
/// The same while the stream is filling up. A consumer leader that lags behind the stream may report
/// that it is at the end, but it does not remain leader while it lags this long.
pub(crate) const RETENTION_UNDER_PRESSURE: Duration = Duration::from_mins(10);
const _: () = assert!(
    RETENTION_UNDER_PRESSURE.as_secs() < RETENTION.as_secs(),
    "under pressure messages must be purged earlier"
);

/// How long a look at the stream of orders shows that what has gone since was removed by hand: far
/// longer than the time between two looks.
pub(crate) const STREAM_MEMORY_MAX: Duration = Duration::from_mins(1);

/// An unacked message is redelivered after this. Work in progress extends it with progress acks, so
/// it only bounds how long the messages of a killed worker wait. Code asks `ack_wait`, which a test
/// may shorten.
pub const ACK_WAIT: Duration = Duration::from_secs(10);
/// Unacked messages per durable, over the whole pool: enough for sixty workers that each process
/// three batches of the smallest messages.
pub(crate) const ACK_PENDING_MAX: i64 = 12_000;
const _: () = assert!(
    60 * 3 * FETCH_MESSAGES_MAX as i64 <= ACK_PENDING_MAX,
    "sixty workers must be able to fetch at the same time"
);
/// The broker remembers message ids for this long; a publisher repeats a message for seconds only.
pub const DUPLICATE_WINDOW: Duration = Duration::from_mins(2);
/// Attempts to create each stream and durable, each with [`API_TIMEOUT`]: enough for brokers that
/// have just started and elect a leader.
pub(crate) const TOPOLOGY_ATTEMPTS_MAX: u32 = 6;
/// Delay between two attempts: a broker that is not yet connected to the others fails immediately.
pub(crate) const TOPOLOGY_RETRY_DELAY: Duration = Duration::from_secs(1);
/// When `nats server check stream` reports a follower: silent for longer than two elections take, and further behind
/// than one that is in step ever is under load. Each stream carries them in its metadata.
pub(crate) const PEER_SEEN_CRITICAL: Duration = Duration::from_secs(10);
pub(crate) const PEER_LAG_CRITICAL: u64 = 1_000;

/// How long a process tries to connect at its start: long enough for a whole cluster that is
/// starting at the same time.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// Limit for connecting to one broker, after which the next one is tried.
pub(crate) const CONNECT_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
const _: () = assert!(
    3 * CONNECT_ATTEMPT_TIMEOUT.as_secs() < CONNECT_TIMEOUT.as_secs(),
    "each of three brokers must be tried before the start fails"
);
/// Delay between two attempts to connect: short, but without a reconnect storm. It is random
/// between these two, so that processes do not reconnect in lockstep.
pub(crate) const RECONNECT_DELAY_MIN: Duration = Duration::from_millis(100);
pub(crate) const RECONNECT_DELAY_MAX: Duration = Duration::from_millis(500);
/// Time between two pings to the broker. At the third one without a reply the client library
/// connects to another broker.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(5);
/// How often the connection state is polled while disconnected: a fraction of what a reconnect
/// takes.
pub(crate) const CONNECTION_POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Limit for writing everything to the broker's socket, which takes milliseconds. Nothing can be
/// written while disconnected.
pub(crate) const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// Limit for a JetStream API request about streams and consumers.
pub(crate) const API_TIMEOUT: Duration = Duration::from_secs(5);

/// A permission that the broker has not denied again for this long counts as given: far longer than
/// the time between two attempts of anything that is retried.
pub(crate) const DENIAL_OVER_AFTER: Duration = Duration::from_mins(10);
/// Subjects of which it is known that they were denied. Beyond that, a user lacks so many
/// permissions that further ones say nothing new.
pub(crate) const DENIALS_REMEMBERED_MAX: usize = 64;

/// Without an ack for this long, the same bytes are sent again under the same id.
pub(crate) const PUBLISH_RESEND_AFTER: Duration = Duration::from_secs(1);
/// Delay after a transient error that the broker returns immediately, as during a leader election.
pub(crate) const PUBLISH_RETRY_DELAY: Duration = Duration::from_millis(50);
/// If nothing at all comes back over a connection for this long although something is waited for, the
/// message goes to another broker. Far longer than a broker takes, and shorter than a buyer notices.
pub(crate) const ROUTE_SILENCE_MIN: Duration = Duration::from_millis(250);
/// The same where replies have been slow: an overloaded broker must not get each message twice.
pub(crate) const ROUTE_SILENCE_MAX: Duration = Duration::from_secs(1);
/// Silence is long if it is this many times what slow replies take.
pub(crate) const ROUTE_SILENCE_PER_REPLY_TIME: u32 = 3;
/// Without any reply for this long a connection counts as not answered, and an edge without another
/// one as not ready: longer than a stall of a disk.
pub(crate) const ROUTE_UNANSWERED_AFTER: Duration = Duration::from_millis(1_500);
/// How long a connection whose last message was not answered is in doubt while it is not used.
pub(crate) const ROUTE_DOUBTED_FOR: Duration = Duration::from_secs(2);
const _: () = assert!(
    ROUTE_SILENCE_MIN.as_millis() < ROUTE_SILENCE_MAX.as_millis()
        && ROUTE_SILENCE_MAX.as_millis() < ROUTE_UNANSWERED_AFTER.as_millis(),
    "a message must have gone to another broker before an edge counts as not ready"
);
/// How often it is looked whether a message must go to another broker.
pub(crate) const ROUTES_POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Connections over which one message is sent, at most: each to another broker of three.
pub(crate) const ROUTES_PER_MESSAGE_MAX: usize = 3;
/// Messages of each kind of event that wait for those that follow orders, each of 512 KiB at most, and usually of some
/// ten: a tenth of a second's under full load. Beyond, messages are dropped, and what they say is looked up.
pub(crate) const FEED_MESSAGES_MAX: usize = 64;
/// Unread replies kept per request, one for each attempt. Any one of them is sufficient.
pub(crate) const REPLIES_BUFFERED_MAX: usize = 4;
/// Limit for storing a message of the broker baseline: with thousands of messages in flight a
/// broker takes a second or two.
pub(crate) const BASELINE_PUBLISH_TIMEOUT: Duration = Duration::from_secs(10);
const _: () = assert!(
    BASELINE_PUBLISH_TIMEOUT.as_secs() < DUPLICATE_WINDOW.as_secs(),
    "the broker must recognise each repeat of a message"
);

/// Bytes that one pull request asks for: nearly four of the largest messages.
pub(crate) const FETCH_BYTES_MAX: usize = 4 * BATCH_BYTES_MAX;
/// Messages of one pull request: the cost of a tiny message is more than that of its records.
pub(crate) const FETCH_MESSAGES_MAX: usize = 64;
/// Expiry of a pull request at the broker. Short, because a worker that shuts down waits for it,
/// and long enough that idle workers cause no load.
pub(crate) const FETCH_EXPIRES: Duration = Duration::from_secs(1);
/// A pull request without any message or status for this long is considered lost. Delays of brokers
/// on a busy machine are mostly shorter, and what arrives later is processed, too.
pub(crate) const FETCH_SILENCE_TIMEOUT: Duration = Duration::from_millis(2_500);
/// How long a worker that stops waits for the messages that it has requested from a slow broker.
pub(crate) const FETCH_DRAIN_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a request that is considered lost is listened to. A broker that hangs for longer is not the
/// leader any more when it goes on: an election takes up to 9 s.
pub(crate) const LATE_REQUESTS_KEPT_FOR: Duration = Duration::from_secs(10);
/// Such requests of one consumer, at most: as many as fit into that time.
pub(crate) const LATE_REQUESTS_MAX: usize =
    (LATE_REQUESTS_KEPT_FOR.as_millis() / FETCH_SILENCE_TIMEOUT.as_millis()) as usize;
const _: () = assert!(
    FETCH_EXPIRES.as_millis() < FETCH_SILENCE_TIMEOUT.as_millis(),
    "a pull request must expire before it is considered lost"
);
const _: () = assert!(
    FETCH_DRAIN_TIMEOUT.as_millis() < ACK_WAIT.as_millis(),
    "a worker that stops must return late messages before they are redelivered"
);
/// How often to check whether the connection was lost, and the pull request with it.
pub(crate) const FETCH_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A record with this many failed attempts becomes a dead letter: with the back-off between them,
/// after a few minutes.
pub(crate) const RETRY_ATTEMPTS_MAX: u32 = 12;
/// A record that this many workers could not process, because their version is older than what they met,
/// becomes a dead letter: with the back-off between them, after about an hour. A release that takes longer to
/// reach every worker is not going well.
pub(crate) const UNSUPPORTED_MAX: u32 = 80;
/// The upper limit of the first delay: a short fault is over by then.
pub(crate) const RETRY_BACKOFF_MIN: Duration = Duration::from_millis(200);
/// The upper limit of every delay, so that a record is processed soon after its cause is gone.
pub(crate) const RETRY_BACKOFF_MAX: Duration = Duration::from_mins(1);
/// The longest delay of a postponed record. Long enough that thousands of records that wait for the
/// same dependency cause no load, short enough to go unnoticed once it has recovered.
pub(crate) const POSTPONE_MAX: Duration = Duration::from_secs(10);

/// Bytes of an error in a dead letter or a scheduled retry. With all its causes an error is one
/// line; anything longer is text from outside.
pub(crate) const ERROR_BYTES_MAX: usize = 4 * 1024;
/// The most bytes of a dead letter: nine tenths of the largest message, the rest is for headers.
pub(crate) const DEAD_LETTER_BYTES_MAX: usize = 900 * 1024;
/// The most bytes of a record in a dead letter: twice the largest order.
pub(crate) const DEAD_LETTER_RECORD_BYTES_MAX: usize = 512 * 1024;
const _: () = assert!(
    DEAD_LETTER_RECORD_BYTES_MAX + ERROR_BYTES_MAX < DEAD_LETTER_BYTES_MAX
        && DEAD_LETTER_BYTES_MAX < MESSAGE_BYTES_MAX,
    "a record without characters to escape must fit unabridged"
);

/// How long to wait for the brokers' reports of their fsync policy: a healthy broker takes a few
/// milliseconds, and a broker that is down delays the report this long.
pub(crate) const FSYNC_REPLY_TIMEOUT: Duration = Duration::from_secs(1);
/// The same at startup, which may be slow: a broker that is busy at that moment must not be missed.
pub(crate) const FSYNC_REPLY_TIMEOUT_AT_START: Duration = Duration::from_secs(3);
/// How long startup waits for enough brokers: they elect a leader within 9 s, and reply before
/// that.
pub(crate) const FSYNC_START_TIMEOUT: Duration = Duration::from_secs(15);
const _: () = assert!(
    3 * FSYNC_REPLY_TIMEOUT_AT_START.as_secs() < FSYNC_START_TIMEOUT.as_secs(),
    "startup must have several attempts"
);
/// Delay between two attempts, which may fail immediately if a broker is unreachable.
pub(crate) const FSYNC_RETRY_DELAY: Duration = Duration::from_millis(200);
/// A broker is running if the leader has received something from it within this time. Followers
/// answer a heartbeat every second and elect another leader after four (`hbInterval` and
/// `minElectionTimeout` in nats-server's raft.go).
pub(crate) const BROKER_ALIVE_TIMEOUT: Duration = Duration::from_secs(4);

/// How long to wait for replies of workers. Their number is unknown, so a status always takes this
/// long; a worker replies in a fraction of it.
pub(crate) const WORKER_PRESENCE_TIMEOUT: Duration = Duration::from_millis(300);
/// Headers that are read to count the orders of a backlog; beyond that the count is an estimate.
pub(crate) const BACKLOG_HEADERS_MAX: usize = 20_000;
/// Headers that are read of each lane for a backlog that is looked at twice a second.
pub(crate) const BACKLOG_SAMPLE: usize = 500;
/// Messages at the end of the stream from which batch sizes are computed: enough for a stable mean
/// of each kind.
pub(crate) const BATCH_SIZE_SAMPLE: u64 = 500;
/// Limit for reading headers. The broker deletes the temporary consumer that reads them after this
/// much inactivity.
pub(crate) const HEADER_READER_TTL: Duration = Duration::from_secs(10);

/// The longest duration that is accepted as a setting: far above any useful wait, and far below the
/// point where sums of times overflow.
pub const DURATION_MAX: Duration = Duration::from_hours(365 * 24);

/// How long the consumer of a reader may send nothing although there is something: many times what a
/// batch of messages takes, and less than a person waits for a command.
pub(crate) const REPLAY_SILENCE_MAX: Duration = Duration::from_secs(3);
/// Consumers that a reader tries for one message: each is on any of three brokers, so that one broken
/// broker ends a reading once in 6,500.
pub(crate) const REPLAY_CONSUMERS_MAX: usize = 8;

/// Settings of one key that its bucket remembers: those of a shift, with who changed what and why.
pub(crate) const SETTING_HISTORY: i64 = 20;
/// Bytes of a setting: several times one with a long reason.
pub(crate) const SETTING_BYTES_MAX: i32 = 4 * 1024;
/// Bytes of a whole bucket: several times the settings of a dozen pools that it remembers.
pub(crate) const SETTINGS_BYTES_MAX: i64 = 1 << 20;
const _: () = assert!(12 * SETTING_HISTORY * (SETTING_BYTES_MAX as i64) <= SETTINGS_BYTES_MAX);
/// Characters of a reason or a name in a setting: some lines.
pub(crate) const SETTING_TEXT_CHARS_MAX: usize = 500;
/// Characters of a value that an error quotes: enough to recognize it.
pub(crate) const SETTING_FAULT_CHARS_MAX: usize = 80;
/// Workers of a pool that a setting may allow: more than run, so that a mistyped number is noticed.
pub(crate) const POOL_WORKERS_MAX: u32 = 1_000;
/// Orders a second that a setting may allow: more than any pool processes.
pub(crate) const POOL_RATE_MAX: u32 = 1_000_000;
/// Seconds that an order may be allowed to wait before more workers are wanted: who waits for an hour needs none.
pub(crate) const SCALE_TARGET_SECONDS_MAX: u32 = 3_600;
/// Records of a set that a setting may allow: as many as there are without one.
pub(crate) const POOL_BATCH_MAX: u32 = 512;
/// Seconds for which the oldest order may be set to wait while new ones are accepted: no buyer waits for a day.
pub(crate) const BACKLOG_SECONDS_MAX: u32 = 24 * 60 * 60;
/// How often a process reads its setting. A read costs one broker some ten microseconds, and no disk.
pub(crate) const SETTING_READ_INTERVAL_MIN: Duration = Duration::from_millis(500);
pub(crate) const SETTING_READ_INTERVAL_MAX: Duration = Duration::from_millis(750);
/// Without a reply for this long a setting is asked for again, of any broker: one of three may hang.
pub(crate) const SETTING_RESEND_AFTER: Duration = Duration::from_millis(100);
const _: () = assert!(
    SETTING_READ_INTERVAL_MAX.as_millis()
        + 2 * SETTING_RESEND_AFTER.as_millis()
        + FETCH_EXPIRES.as_millis()
        < 2_000,
    "what an operator sets must be in force within two seconds, for pull requests that are open as well"
);
/// Limit for a read of a setting: then the next one begins, over another connection if this one is silent.
pub(crate) const SETTING_READ_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a worker that starts pulls nothing because the setting of its pool cannot be read: to work during a
/// pause is the worse fault. Then it works as without a setting.
pub(crate) const SETTING_START_TIMEOUT: Duration = Duration::from_secs(10);
/// How often in a row a key must not be found to be gone: a broker that has just come back may not have it yet.
pub(crate) const SETTING_MISSES_MAX: u32 = 3;
/// How often in a row an older setting must be read, from all brokers in turn, for the later one to be gone: the bucket
/// was restored from a backup. A broker that has just come back is behind for less time than that takes.
pub(crate) const SETTING_OLDER_MAX: u32 = 30;
/// How old the time of a broker may be by which the end of a pause is decided. In between the time goes on by a
/// clock that cannot be set.
pub(crate) const BROKER_CLOCK_AGE_MAX: Duration = Duration::from_secs(2);
/// How often a worker asks which others there are, while the setting of its pool depends on it.
pub(crate) const MEMBERS_PING_INTERVAL: Duration = Duration::from_secs(1);
/// How long the others have to answer for the first time: a busy process takes some ten milliseconds.
pub(crate) const MEMBERS_SETTLE: Duration = Duration::from_millis(300);
/// A worker that has not answered for this long, while this one has, is gone: it may miss a question or two.
pub(crate) const MEMBER_GONE_AFTER: Duration = Duration::from_millis(3_500);
/// How long a worker that gets no answer any more, not even its own, counts with those that it knew.
pub(crate) const MEMBERS_SILENT_MAX: Duration = Duration::from_secs(30);
/// How long a worker that gets no answer, not even its own, pulls nothing. Then it takes itself for the only one.
pub(crate) const MEMBERS_START_TIMEOUT: Duration = Duration::from_secs(3);
/// How often it is decided again whether a worker may pull: the end of a pause, and who is there, change without
/// a setting.
pub(crate) const PULL_DECISION_INTERVAL: Duration = Duration::from_millis(250);
/// The orders that an idle worker may pull at once under a rate: those of this time.
pub(crate) const RATE_BURST: Duration = Duration::from_secs(1);

/// How long records of repairs are kept: the last year, and a month more.
pub(crate) const ADMIN_RECORDS_AGE_MAX: Duration = Duration::from_hours(400 * 24);
/// Bytes of them: some hundred thousand. When they are full, nothing is repaired until there is room: an older record
/// that gave way to a newer one could be removed by asking often.
pub(crate) const ADMIN_RECORDS_BYTES_MAX: i64 = 256 << 20;
/// Bytes of one record: the numbers of all letters of a request, each with an error.
pub(crate) const ADMIN_RECORD_BYTES_MAX: i32 = 256 * 1024;
/// How long a process may take to reply to a request. Edges wait for seconds only.
pub(crate) const REPLY_WITHIN: Duration = Duration::from_mins(1);
/// The same for `millrace admin`: an audit waits for all consumers first.
pub const ADMIN_REPLY_WITHIN: Duration = Duration::from_mins(20);
/// Messages in which it may reply to one request: an audit reports every few seconds.
pub const ADMIN_REPLIES_MAX: u32 = 1_000;
