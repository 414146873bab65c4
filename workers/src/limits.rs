//! Every limit of the workers, with the reason for its value.

use std::time::Duration;

/// Approximate number of records in one set. At 500 orders per transaction PostgreSQL is near its
/// best throughput, and a set takes a fraction of `ack_wait`.
pub const SET_RECORDS: usize = 512;
/// After a set with fewer records than this, in fewer messages than [`SMALL_SET_MESSAGES`], the
/// loop lingers so that the next set grows: a set costs brokers and database nearly the same
/// whatever its size. If many messages are pending, however small, waiting for more gains nothing.
pub(crate) const SMALL_SET_RECORDS: usize = 128;
pub(crate) const SMALL_SET_MESSAGES: usize = 24;
/// Minimum time from the start of a small set to the next fetch. An order that reaches an idle step
/// does not wait; at a steady light load it waits for half of this, on average, at each of the
/// three steps.
pub(crate) const LINGER: Duration = Duration::from_millis(40);
/// From this delivery on, the records of a message are processed individually: the first two
/// deliveries may have crashed the worker together with other records.
pub(crate) const ISOLATE_FROM_DELIVERY: u64 = 3;
/// How often a worker may crash while it processes nothing but one record. A single crash may be
/// chance, such as a machine that is switched off.
pub(crate) const CRASHES_BEFORE_DEAD_LETTER: i32 = 3;
/// Limit for clearing the marks of isolated records while the worker shuts down.
pub(crate) const CLEAR_MARKS_TIMEOUT: Duration = Duration::from_secs(2);
/// Progress acks within each `ack_wait`, so that one of them may be late.
pub(crate) const PROGRESS_ACKS: u32 = 3;
/// After a set that took longer than `ack_wait` divided by this, messages still in flight are
/// returned: they would soon be redelivered to another worker.
pub(crate) const LEFTOVER_STALE_DIVISOR: u32 = 3;

/// Back-off between two probes of an unavailable dependency: short for a hiccup, and long enough
/// for an outage.
pub(crate) const BACKOFF_MIN: Duration = Duration::from_millis(100);
pub(crate) const BACKOFF_MAX: Duration = Duration::from_secs(2);
/// How long a set is held while a dependency is unavailable. Then it is returned for other workers,
/// which may still reach the dependency.
pub(crate) const HOLD_WHILE_DOWN_MAX: Duration = Duration::from_mins(1);
/// How long the broker may take to store outcomes. Then the step is repeated, which finds the rows
/// and publishes the same outcomes, or the messages are returned.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the broker may take to store a retry or a dead letter. Then its message is returned alone,
/// and the loop goes on: several times what a broker that has a leader takes, and less than an election,
/// during which one failing record would stop the orders of its whole step.
pub(crate) const FAILURE_PUBLISH_TIMEOUT: Duration = Duration::from_secs(3);
/// After how long a message is redelivered whose retry or dead letter was not stored: about as long as an
/// election takes.
pub(crate) const NAK_DELAY: Duration = Duration::from_secs(5);

/// From this delivery on a dead letter that is refused is given up: after five minutes, in which a full
/// stream may get room.
pub(crate) const GIVE_UP_FROM_DELIVERY: u64 = 60;

/// How long after a row was written another copy of the message that wrote it gets no outcome of its own.
/// Copies come within seconds: a publisher stores a message twice if an ack is late, and a client repeats
/// its request. What comes later is answered: it is asked for because an outcome is missing, as after the
/// loss of a stream.
pub(crate) const COPY_AGE_MAX: Duration = Duration::from_mins(5);

/// How long a worker that is shutting down continues with its messages. A set takes much less,
/// unless a dependency hangs. Messages that are not processed by then are returned.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(12);
/// The maximum duration of a worker's shutdown. It drains, and naks what it could not process, for
/// which 8 s are enough: 4 s until a late broker has sent the requested messages, 2 s to clear the
/// in-progress marks in the database, and 2 s until everything is flushed.
pub const SHUTDOWN_MAX: Duration = DRAIN_TIMEOUT.saturating_add(Duration::from_secs(8));

/// Maximum number of ids or SKUs in one request; a larger request is rejected.
pub(crate) const QUERY_KEYS_MAX: usize = 256;
/// Bytes of the answer about one SKU: its 64 characters, each escaped, three numbers and the keys.
pub(crate) const STOCK_ANSWER_BYTES_MAX: usize = 512;
const _: () = assert!(
    QUERY_KEYS_MAX * STOCK_ANSWER_BYTES_MAX <= streams::REPLY_BYTES_MAX,
    "a reply must have room for all answers about stock"
);
/// How long a start waits for another process that migrates the database: longer than a migration, which adds
/// tables and columns, and indexes, for which all rows are read.
pub(crate) const MIGRATION_LOCK_TIMEOUT: Duration = Duration::from_mins(10);
/// Rows that are read for one page of a listing of which only some are shown, such as those with a status: for each
/// that is asked for, so that most pages are full, and
pub(crate) const LISTING_ROWS_PER_ORDER: i64 = 5;
/// at least: some milliseconds.
pub(crate) const LISTING_ROWS_MIN: i64 = 100;
/// Bytes of an order in a listing: its id, time, status and total, and a reference whose characters take four bytes or
/// an escape.
pub(crate) const LISTED_ORDER_BYTES_MAX: usize = 256 + 4 * orders::limits::TEXT_LENGTH_MAX;
const _: () = assert!(
    u8::MAX as usize * LISTED_ORDER_BYTES_MAX <= streams::REPLY_BYTES_MAX,
    "a reply must have room for a page"
);
/// Limit for PostgreSQL to read a page, which it finds by an index: before the time for all of an answer is over, which
/// would say that the database is away.
pub(crate) const LISTING_STATEMENT_TIMEOUT: Duration = Duration::from_millis(700);
const _: () = assert!(LISTING_STATEMENT_TIMEOUT.as_millis() < QUERY_TIMEOUT.as_millis());
/// How often a worker that cannot query the database looks whether it can again.
pub(crate) const PROBE_INTERVAL: Duration = Duration::from_millis(500);
/// The requester waits no longer than this, and other requests are queued.
pub(crate) const QUERY_TIMEOUT: Duration = Duration::from_secs(1);

/// One connection for each of a pool's consumer loops, two for requests, one for the background tasks
/// and one that holds the lock of the worker that moves leaders. A worker never needs more, and
/// PostgreSQL commits fastest with few connections.
pub(crate) const CONNECTIONS_MAX: usize = 10;
/// Limit for obtaining a connection; after it the database counts as down.
pub(crate) const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection whose peer has vanished is closed after this; the kernel's default is a quarter of
/// an hour.
pub(crate) const TCP_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit for a whole transaction, whose few statements each have their own limit.
pub(crate) const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(30);
/// Attempts of a transaction that conflicts with another one.
pub(crate) const TRANSACTION_ATTEMPTS_MAX: u32 = 5;

/// How old the answer about a backlog may be: to ask more often reads no more of the lanes.
pub(crate) const LAG_AGE_MAX: Duration = Duration::from_secs(1);
/// How often the leaders of the lanes are looked at: if one broker leads all of them, its death would stop
/// intake.
pub(crate) const LEADERS_INTERVAL: Duration = Duration::from_secs(1);
/// How often a worker asks whether no other one moves leaders any more.
pub(crate) const LEADERS_LOCK_INTERVAL: Duration = Duration::from_secs(5);
/// Limit for PostgreSQL to answer whether another worker moves leaders.
pub(crate) const LEADERS_LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a worker compares streams and consumers with what they must be, if nothing fails: what
/// was changed by hand is corrected within this time.
pub(crate) const TOPOLOGY_INTERVAL: Duration = Duration::from_mins(1);
/// Minimum time between two such comparisons if fetches fail, as when a consumer was deleted.
pub(crate) const TOPOLOGY_INTERVAL_MIN: Duration = Duration::from_secs(2);
/// Within which time the workers look after a notice of an edge: longer than a look takes, so that most find it put
/// right.
pub(crate) const TOPOLOGY_NOTICE_SPREAD: Duration = Duration::from_secs(1);
/// The time between two looks because of notices: an edge repeats them while it finds a difference, also one that only
/// a person can put right.
pub(crate) const TOPOLOGY_NOTICE_INTERVAL: Duration = Duration::from_secs(5);
/// Average time between two purges: rare compared with what a stream holds. Jitter spreads the
/// workers' purges over time.
pub(crate) const PURGE_INTERVAL: Duration = Duration::from_mins(1);
/// How often an observing step looks for messages that it missed. They are rare, and the rebuild
/// itself takes longer than this.
pub(crate) const REBUILD_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Orders in one query of a rebuild, which takes some tens of milliseconds.
pub(crate) const REBUILD_PAGE_SIZE: i64 = 10_000;
/// An order may wait for its payment longer than its limit by up to this.
pub(crate) const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// The sweep's cursor passes no reservation that is younger than this: an older one that is not seen
/// yet would be missed. It is longer than a transaction and its commit, which ends with the timeout
/// of its statement.
pub(crate) const SWEEP_SLACK: Duration = Duration::from_mins(1);
const _: () = assert!(
    TRANSACTION_TIMEOUT.as_secs() + 10 < SWEEP_SLACK.as_secs(),
    "a transaction must have ended before the sweep passes its time"
);
/// The default time that a reservation waits for its payment: a buyer who authenticates a card takes minutes.
pub const PAYMENT_TIMEOUT: &str = "15m";
/// Pauses of payment that are looked at for the time that reservations have left: more than persons make within the
/// time of a payment.
pub(crate) const PAUSES_READ_MAX: i64 = 100;
/// How long no worker must have seen a pause of payment for it to be over: each looks every second, and one of them may
/// be cut off from the brokers.
pub(crate) const PAUSE_OVER_AFTER: Duration = Duration::from_secs(5);
/// Reservations in one query of the sweep, which takes some milliseconds.
pub(crate) const SWEEP_PAGE_SIZE: i64 = 1_000;
/// Limit for the broker to store a request of the sweep. After it the next sweep publishes the
/// request again.
pub(crate) const SWEEP_PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of calls to the provider that one set keeps in flight: those of a whole batch, so that a slow
/// provider has them all at once. The worker's limit is for all of its sets.
pub(crate) const CONCURRENT_CALLS_MAX: usize = streams::batch::RECORDS_MAX;
/// Maximum size of a response body of the provider. A page of 10,000 intents is 4 MB.
pub(crate) const PROVIDER_BODY_BYTES_MAX: usize = 16 << 20;
/// Shorter than the idle timeout of servers, so that a connection to the provider is rarely closed
/// while it is used.
pub(crate) const PROVIDER_IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// The default timeout of a call to the provider. A bank may take some seconds to confirm a card.
pub(crate) const PROVIDER_TIMEOUT: &str = "10s";
/// Calls of one worker in flight at its start: within Stripe's rate limit for an account.
pub(crate) const PROVIDER_CALLS_AT_START: usize = 100;
/// The default of the most calls that one worker has in flight, each on a connection of its own: half of the files
/// that a process may commonly open.
pub(crate) const PROVIDER_CALLS_MAX: usize = 500;
/// How long a limit that the provider has refused is not reached again: then it may bear more.
pub(crate) const REFUSED_LIMIT_AGE_MAX: Duration = Duration::from_mins(1);
/// The window in which the fastest call of a kind is looked for: long enough to have one, short enough to follow a
/// provider that gets slower.
pub(crate) const CALL_SPEED_WINDOW: Duration = Duration::from_secs(10);
/// Stripe's maximum page size.
pub(crate) const PROVIDER_PAGE_SIZE: u16 = 100;
/// The longest wait that the provider can ask for with `Retry-After`: a third of the time that a
/// reservation is held by default, so that an error in that header does not cancel every order.
pub(crate) const RETRY_AFTER_MAX: Duration = Duration::from_mins(5);
/// The wait after a 429 without that header, as long as an open breaker waits before it probes.
pub(crate) const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(1);
/// Keys that one call may need: one for each failure that the provider has stored. More than an order meets within the
/// time that a reservation is held, while a breaker opens again and again.
pub(crate) const STORED_KEYS_MAX: usize = 64;
/// The default interval at which the provider is asked about a payment that waits for the buyer:
/// webhooks can be lost, and a buyer hardly notices this delay.
pub(crate) const PAYMENT_POLL_INTERVAL: &str = "30s";
/// The longest interval to which it grows with the time that a buyer or a bank takes: an eighth of the time that a
/// reservation is held.
pub(crate) const PAYMENT_POLL_INTERVAL_MAX: Duration = Duration::from_mins(2);
/// How soon the provider is asked again about a payment that its bank has not decided, or about a refund that
/// is pending.
pub(crate) const BANK_POLL_MIN: Duration = Duration::from_secs(5);
/// The longest interval to which it grows for a refund, which may take days.
pub(crate) const REFUND_POLL_MAX: Duration = Duration::from_hours(1);
/// How soon a submission is looked at again that came together with another one of its order.
pub(crate) const SUBMISSION_DELAY: Duration = Duration::from_secs(1);
/// Payment methods that a buyer may submit after the first one: few, so that stolen cards cannot be
/// tried out with one order.
pub(crate) const PAYMENT_METHODS_MAX: usize = 5;
/// Longer than each of Stripe's codes, which status responses contain.
pub(crate) const DECLINE_CODE_CHARS_MAX: usize = 64;
/// How long the result of a call says how the provider is: about as long as a failed record waits for its next
/// attempts.
pub(crate) const CALL_RESULT_AGE_MAX: Duration = Duration::from_mins(1);
/// After so many failures of one order in a row they do not show any more that the provider fails: as many as a
/// record has attempts.
pub(crate) const CALL_FAILURES_MAX: u32 = 12;
/// A breaker that opens again and again, since its probe succeeds and calls fail, waits twice as long each time, up to
/// this.
pub(crate) const BREAKER_WAIT_MAX: Duration = Duration::from_secs(30);
/// Calls that must succeed before one more may be in flight, after the provider has refused some:
/// few enough to be back at the maximum within a thousand calls.
pub(crate) const CALLS_PER_RAISE: usize = 10;

/// How often a pool is looked at that is to have as many workers as it needs. More are wanted after two looks, and so
/// within two seconds of a sudden backlog.
pub(crate) const SCALE_INTERVAL: Duration = Duration::from_millis(500);
/// The time over which the rate of a pool is measured: many sets, and few looks.
pub(crate) const SCALE_RATE_WINDOW: Duration = Duration::from_secs(5);
/// How long a pool must be calm before it gets fewer workers, and then before it gets fewer again: longer than loads
/// that come and go take to come again.
pub(crate) const SCALE_CALM: Duration = Duration::from_mins(1);
/// How long additional workers work before their effect is judged: its rate is theirs alone by then.
pub(crate) const SCALE_TRIAL: Duration = Duration::from_secs(8);
const _: () = assert!(SCALE_RATE_WINDOW.as_secs() < SCALE_TRIAL.as_secs());
/// How long it may take until they work: longer than a container takes to start.
pub(crate) const SCALE_TRIAL_TIMEOUT: Duration = Duration::from_mins(1);
/// The least part of the growth in workers by which a pool must become faster for them to be of use.
pub(crate) const SCALE_GAIN_MIN: f64 = 0.3;
/// How long a pool gets no more workers than helped, at first, and at most.
pub(crate) const SCALE_HOLD_MIN: Duration = Duration::from_mins(1);
pub(crate) const SCALE_HOLD_MAX: Duration = Duration::from_mins(10);
/// The part of what its workers can do that a pool with fewer of them may be loaded with.
pub(crate) const SCALE_DOWN_LOAD: f64 = 0.8;
/// The weight of a new measurement of what a worker can do.
pub(crate) const SCALE_CAPACITY_WEIGHT: f64 = 0.3;
/// A worker that has not answered for this long does not count any more: it may answer too late once or twice.
pub(crate) const SCALE_WORKER_GONE_AFTER: Duration = Duration::from_millis(1_600);
/// What was seen longer ago says nothing any more: a rate is measured over that time.
pub(crate) const SCALE_MEMORY: Duration = SCALE_RATE_WINDOW;
