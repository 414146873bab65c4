//! Backpressure: every limit of the edge, with the reason for its value.

use std::time::Duration;

/// Bytes in a request body. A shop's largest baskets have some hundred lines of about 70 bytes; a
/// thousand lines fit.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of request bodies in memory over all shards: 256 of the largest bodies, or a usual one for
/// every connection.
pub(crate) const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Time for a body to arrive: the largest one at 25 KiB/s.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a refused body that are read all the same, so that its client sees the refusal: four of the
/// largest bodies.
pub(crate) const DISCARDED_BYTES_MAX: usize = 1024 * 1024;
/// Time for them: a client that is slower than this loses the connection.
pub(crate) const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes in a request's target and headers: twice the maximum that browsers and proxies send.
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a head that are read at most. A client whose cookies grow exceeds the limit by less than
/// the difference at first, and sees why; beyond, the connection ends with a bare 431.
pub(crate) const HEAD_READ_BYTES_MAX: usize = 40 * 1024;

/// How far the clock of an issuer may be from ours: what synchronized clocks never reach.
pub(crate) const TOKEN_LEEWAY: Duration = Duration::from_secs(30);
/// Keys in an issuer's set: large issuers have some ten.
pub const TOKEN_KEYS_MAX: usize = 64;
/// Bytes of the set: 4 KiB for each, as much as a key with a chain of certificates takes.
pub(crate) const TOKEN_KEYS_BYTES_MAX: usize = TOKEN_KEYS_MAX * 4 * 1024;
/// How long an issuer may take to answer with them, and a request waits for that.
pub(crate) const TOKEN_KEYS_TIMEOUT: Duration = Duration::from_secs(3);
/// How long they are used before they are read again, and a key that is withdrawn is accepted.
pub(crate) const TOKEN_KEYS_REFRESH_INTERVAL: Duration = Duration::from_mins(5);
/// The same for those in a file, which costs nothing.
pub(crate) const TOKEN_KEYS_FILE_INTERVAL: Duration = Duration::from_secs(10);
/// The least time between two readings, however many tokens have unknown keys.
pub(crate) const TOKEN_KEYS_RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// Verified tokens in one generation of a shard, of which there are two, each in some 400 bytes: 13 MiB in all.
pub(crate) const VERIFIED_TOKENS_MAX: usize = 16_384;

/// The largest quota: a request takes ten microseconds of it, which is more than the resolution of Redis' clock.
pub(crate) const QUOTA_MAX: u32 = 100_000;
/// Requests of callers that are counted with one question to Redis: as many as orders in a batch.
pub(crate) const QUOTA_BATCH_MAX: usize = 256;
/// Requests that wait to be counted: sixteen questions.
pub(crate) const QUOTA_WAITING_MAX: usize = 4_096;
/// Redis timeout for each question. Redis replies in a fraction of a millisecond, but a burst keeps a core busy for
/// some milliseconds, and is just what must be counted exactly.
pub(crate) const QUOTA_TIMEOUT: Duration = Duration::from_millis(10);
/// Callers, and addresses, in one generation of a shard, of which there are two, each in some 50 bytes. One that is
/// forgotten has not been seen for as many others, and is full again a second later.
pub(crate) const QUOTA_CALLERS_MAX: usize = 65_536;
/// How often an edge says that it runs, and how long it is counted afterwards: three times as long.
pub(crate) const EDGE_COUNT_INTERVAL: Duration = Duration::from_secs(2);
pub(crate) const EDGE_SEEN_FOR: Duration = Duration::from_secs(6);

/// Characters of a client's request id: a UUID has 36, the ids of balancers somewhat more.
pub(crate) const REQUEST_ID_LENGTH_MAX: usize = 64;
/// Lines in the log of a shard about failed requests: enough of each second to find a cause, and too few to
/// slow down an edge that refuses thousands.
pub(crate) const FAILURES_LOGGED_PER_SECOND: u32 = 10;
/// How long a browser keeps the answer to a preflight: Chromium keeps none for longer.
pub(crate) const PREFLIGHT_SECONDS_MAX: u64 = 7_200;

/// How long a client may keep the documents of the API: an edge of another version has others.
pub(crate) const DOCUMENT_AGE_MAX: &str = "max-age=300";

/// Characters of an unknown parameter's name that a problem repeats.
pub(crate) const PARAMETER_CHARS_MAX: usize = 64;

/// Open connections over all shards; an idle one takes some 20 KiB. More wait to be accepted.
pub const CONNECTIONS_MAX: usize = 10_240;
/// Requests in flight on one HTTP/2 connection: as many as a batch holds.
pub(crate) const STREAMS_MAX: u32 = 256;
/// Flow-control window of an HTTP/2 connection, and of each of its streams: the least that the
/// protocol allows for a connection. What is in it is not counted with the bodies yet.
pub(crate) const WINDOW_BYTES: u32 = 64 * 1024 - 1;
/// Bytes that all clients together can make the process buffer before a request's body is counted.
const UNCOUNTED_BYTES_MAX: usize = 700 * 1024 * 1024;
const _: () = assert!(
    CONNECTIONS_MAX * (WINDOW_BYTES as usize) <= UNCOUNTED_BYTES_MAX
        && CONNECTIONS_MAX * HEAD_READ_BYTES_MAX <= UNCOUNTED_BYTES_MAX,
    "a connection has either a head of HTTP/1.1 or a window of HTTP/2"
);
/// Time for the handshake of a connection with TLS, from when it is accepted: three round trips of the slowest network,
/// and the turns of as many others as may wait.
pub(crate) const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Handshakes at once, over all shards: half of the connections, so that what waits for silent clients leaves the
/// other half to those that are served. More wait to be accepted.
pub(crate) const TLS_HANDSHAKES_MAX: usize = CONNECTIONS_MAX / 2;
/// Signatures of handshakes that a shard makes before everything else has its turn: each takes up to a millisecond, and
/// orders wait that long.
pub(crate) const TLS_SIGNATURES_PER_TURN: usize = 4;
/// What TLS adds to the buffers of a connection: a record that is incomplete, and what one has held.
const TLS_READ_BYTES: usize = 2 * 17 * 1024;
/// Bytes of responses that wait encrypted until the client reads: one record.
pub(crate) const TLS_WRITE_BYTES: usize = 16 * 1024;
/// The same bound as above where connections have TLS.
const UNCOUNTED_TLS_BYTES_MAX: usize = 1280 * 1024 * 1024;
const TLS_BYTES: usize = TLS_READ_BYTES + TLS_WRITE_BYTES;
const _: () = assert!(
    CONNECTIONS_MAX * (WINDOW_BYTES as usize + TLS_BYTES) <= UNCOUNTED_TLS_BYTES_MAX
        && CONNECTIONS_MAX * (HEAD_READ_BYTES_MAX + TLS_BYTES) <= UNCOUNTED_TLS_BYTES_MAX
);
/// Bytes in the file of a certificate: a chain of ten is half as large. The file of a key has fewer.
pub(crate) const TLS_FILE_BYTES_MAX: usize = 64 * 1024;
/// How often these files are read: a renewal is in force soon, and two small files cost nothing.
pub(crate) const TLS_FILES_INTERVAL: Duration = Duration::from_secs(5);
/// How long before the end of a certificate the log warns of it, at most: time for what renews it to be repaired.
pub(crate) const TLS_EXPIRY_WARNING_MAX: Duration = Duration::from_hours(14 * 24);
/// How often it warns.
pub(crate) const TLS_EXPIRY_LOG_INTERVAL: Duration = Duration::from_hours(24);

/// A connection that starts no request for this long, up to twice as long, is closed. This limits
/// slow headers as well, since a request starts when its headers are complete.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Pause after a failed accept, for example when no file descriptor is left.
pub(crate) const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Connections that the kernel queues until they are accepted: a burst of reconnecting clients.
pub(crate) const LISTEN_BACKLOG: i32 = 4_096;

/// Orders of one shard that wait for a batch: sixteen full batches, a tenth of a second's work.
pub const ORDERS_WAITING_MAX: usize = 4_096;
/// Of these, orders of batches: half, so that single orders always find room.
pub(crate) const BATCH_ORDERS_WAITING_MAX: usize = ORDERS_WAITING_MAX / 2;
/// Requests with batches on one shard: a few fill every message, and each takes up to 1 MiB.
pub(crate) const BATCH_REQUESTS_MAX: usize = 16;
/// Lines of one batch that wait for their answer: two full messages, so that one fills while the other is
/// stored.
pub(crate) const BATCH_LINES_PENDING_MAX: usize = 2 * streams::batch::RECORDS_MAX;
/// Bytes of such lines; at most one line more.
pub(crate) const BATCH_BYTES_PENDING_MAX: usize = 2 * BODY_BYTES_MAX;
/// Bytes of answers that are sent together: some hundred, as many as one message answers.
pub(crate) const BATCH_CHUNK_BYTES: usize = 32 * 1024;
/// Requests about placed orders, of each kind, that wait for a batch of their shard: sixteen full
/// batches.
pub(crate) const ORDER_REQUESTS_WAITING_MAX: usize = 4_096;
/// Bytes of the record of such a request: a payment token of 255 characters, each escaped, and the
/// rest. A batch of them never exceeds one of orders.
pub(crate) const ORDER_REQUEST_BYTES_MAX: usize = 2 * 1024;
const _: () = assert!(
    streams::batch::RECORDS_MAX * ORDER_REQUEST_BYTES_MAX <= streams::batch::BYTES_MAX,
    "a batch must have room for as many requests as orders"
);
/// Time until a batch counts as not acknowledged: a broker's leader election takes one or two
/// seconds.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(4);
/// Time until the client receives a response that the outcome is unknown.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
const _: () = assert!(
    PUBLISH_TIMEOUT.as_millis() < RESPONSE_TIMEOUT.as_millis(),
    "the ingest task must report a failed batch before its requests time out"
);

/// How far the time in a webhook's signature may be from ours, as in Stripe's libraries.
pub(crate) const WEBHOOK_TOLERANCE: Duration = Duration::from_mins(5);

/// When a client that got a 503 should retry: most causes pass within a second, and the gates check
/// theirs as often.
pub(crate) const RETRY_AFTER_SECONDS: u64 = 1;

/// The default of the age of the oldest order that waits for inventory, beyond which no orders are accepted: longer
/// than a restart of inventory takes, shorter than a buyer waits.
pub const BACKLOG_MAX_AGE: &str = "10m";
/// How often to check whether the stream is nearly full or the backlog too old: both develop more
/// slowly than this.
pub(crate) const ADMISSION_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How often to read the fsync policy of the brokers: it costs three small replies, and a restarted
/// broker takes longer than this to catch up with its peers.
pub(crate) const DURABILITY_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How often to look at the settings of the streams: it costs three small replies, and bounds how
/// long orders are acknowledged after a setting was changed by hand.
pub(crate) const STREAMS_POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Redis timeout for each batch of orders; a healthy Redis replies in a tenth of this.
pub(crate) const IDEMPOTENCY_TIMEOUT: Duration = Duration::from_millis(2);
/// How long Redis is bypassed after a failure, so that one that is down costs two milliseconds in a
/// hundred.
pub(crate) const CACHE_RETRY_DELAY: Duration = Duration::from_millis(100);
/// Consecutive failures before a warning: with the delays between them, Redis is down for a second.
pub(crate) const CACHE_FAILURES_BEFORE_WARNING: u32 = 10;
/// Redis timeout for writes that no request waits for.
pub(crate) const CACHE_WRITE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long an order's digest is cached. A client that repeats a day later is still answered
/// correctly.
pub(crate) const IDEMPOTENCY_TTL: Duration = Duration::from_hours(24);

/// How long a worker may be silent before another one is asked, too. Most answers take a few milliseconds.
pub(crate) const LOOKUP_SILENCE_MAX: Duration = Duration::from_millis(200);
/// Requests for one lookup, at most: workers are asked at random, and if one of four is cut off, one lookup in a
/// thousand comes to no other.
pub(crate) const LOOKUP_REQUESTS_MAX: usize = 5;
/// Timeout of an order status lookup; without an answer the status is unknown.
pub(crate) const STATUS_TIMEOUT: Duration = Duration::from_secs(1);
const _: () = assert!(
    PUBLISH_TIMEOUT.as_millis() + STATUS_TIMEOUT.as_millis() <= RESPONSE_TIMEOUT.as_millis(),
    "an order under a used key must have time to be stored and then to be looked up"
);
/// An order that is reserved for longer than this is shown as delayed; a charge takes a fraction of
/// this.
pub(crate) const PAYMENT_DELAYED_AFTER: Duration = Duration::from_secs(2);
/// Listings that one edge asks for at once: each takes some milliseconds of a worker of inventory, which answers
/// one after the other within the timeout.
pub(crate) const LISTINGS_MAX: usize = 32;
/// Orders in a page, at most and unless the client sets another number: some screens, and one.
pub(crate) const LISTED_MAX: u8 = 100;
pub(crate) const LISTED_DEFAULT: u8 = 20;
/// Keys in one lookup message: as many as orders in a batch.
pub(crate) const LOOKUP_BATCH_MAX: usize = 256;
/// Requests that wait for the next lookup message: sixteen messages.
pub(crate) const LOOKUPS_WAITING_MAX: usize = 4_096;

/// Requests that follow an order at a time, over all shards: half of the connections, so that others find room. Each
/// takes some 2 KiB besides its connection.
pub(crate) const FOLLOWERS_MAX: usize = 5_000;
const _: () = assert!(2 * FOLLOWERS_MAX <= CONNECTIONS_MAX);
/// The longest that a response waits for a change: balancers cut requests after half a minute or more.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(25);
/// How long a request waits until the broker knows that an order is followed, which takes a millisecond. What is
/// published before is looked up.
pub(crate) const FOLLOW_START_TIMEOUT: Duration = Duration::from_secs(1);
/// How long events still come after the last follower has left: longer than one takes to come again.
pub(crate) const FEED_LINGER: Duration = Duration::from_secs(10);
/// How often it is looked which followed orders are to be looked up.
pub(crate) const RECHECK_TICK: Duration = Duration::from_millis(500);
/// How long after a look-up an order is looked up again because an event may have been lost without a sign. Only what
/// waits for a buyer is followed for this long: 5,000 followers cost 83 look-ups a second, in two messages.
pub(crate) const RECHECK_INTERVAL_MIN: Duration = Duration::from_secs(45);
pub(crate) const RECHECK_INTERVAL_MAX: Duration = Duration::from_secs(75);
/// The time over which look-ups are spread after the broker was lost or messages were dropped.
pub(crate) const GAP_RECHECK_SPREAD: Duration = Duration::from_secs(3);
/// The time over which look-ups are repeated that no worker has answered.
pub(crate) const RECHECK_RETRY_AFTER: Duration = Duration::from_secs(10);
/// Time between two comments in a stream of events: proxies end connections that are silent for half a minute.
pub(crate) const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);
/// How long a stream of events lasts at most. Then its client connects again, to the edge that a balancer chooses.
pub(crate) const EVENT_STREAM_MAX: Duration = Duration::from_mins(10);
/// How long a token in the query of a stream is accepted: as long as a stream lasts, so that a browser whose edge stops
/// connects again by itself.
pub(crate) const EVENTS_TOKEN_LIFETIME: Duration = Duration::from_mins(10);
/// When a client whose stream of events has ended connects again.
pub(crate) const EVENT_RETRY_MILLIS: u32 = 2_000;

/// SKUs in one stock request: a page of a catalogue.
pub(crate) const SKUS_MAX: usize = 100;
/// Maximum age of the stock that is shown: two reloads of a page. The reservation decides in any
/// case.
const STOCK_AGE_MAX: Duration = Duration::from_secs(2);
/// How long Redis keeps stock, from before the database is asked.
pub(crate) const STOCK_CACHE_TTL: Duration = Duration::from_millis(1_750);
/// How long an edge shares a lookup, from before Redis is asked: a hot SKU costs Redis four reads a second.
pub(crate) const STOCK_RECENT_TTL: Duration = Duration::from_millis(250);
const _: () = assert!(
    STOCK_CACHE_TTL.as_millis() + STOCK_RECENT_TTL.as_millis() <= STOCK_AGE_MAX.as_millis(),
    "what Redis has kept to the end may be shared for as long again as a lookup is"
);
/// SKUs whose lookups are shared: a catalogue's popular part, in some 8 MiB.
pub(crate) const RECENT_LOOKUPS_MAX: usize = 16_384;
/// Lookups of one SKU that wait for Redis, for another edge or for a worker, each: pages of 100 SKUs for 160 clients
/// at once.
pub(crate) const STOCK_LOOKUPS_WAITING_MAX: usize = 16_384;
/// Redis timeout of a stock lookup; beyond this, asking the database is as fast.
pub(crate) const STOCK_CACHE_TIMEOUT: Duration = Duration::from_millis(20);
/// How long one edge leaves the lookup of a SKU to another. Then that one is dead, or its workers are silent.
pub(crate) const STOCK_CLAIM_TIME: Duration = Duration::from_millis(300);
/// Time between two looks at what another edge looks up: the database takes a few milliseconds.
pub(crate) const STOCK_CLAIM_POLL: Duration = Duration::from_millis(5);
/// Timeout of a stock lookup in the database.
pub(crate) const STOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// While draining, open connections may send one more request, whose response asks to close, so
/// that no request that was being sent is cut.
pub(crate) const DRAIN_LINGER: Duration = Duration::from_millis(500);
/// The same for a handshake that is under way: a connection that completes it still has the time above for a request.
pub(crate) const DRAIN_HANDSHAKE_LINGER: Duration = Duration::from_millis(450);
/// The longest time for which an edge that is asked to end still accepts requests: more than a balancer
/// takes to see that it is not ready.
pub(crate) const DRAIN_DELAY_MAX: Duration = Duration::from_mins(1);
/// Time until a drain ends, even if connections are still open.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_secs(16);
const _: () = assert!(
    DRAIN_HANDSHAKE_LINGER.as_millis()
        + DRAIN_LINGER.as_millis()
        + BODY_TIMEOUT.as_millis()
        + RESPONSE_TIMEOUT.as_millis()
        < DRAIN_TIMEOUT.as_millis(),
    "the last request of a drain must have time to complete"
);
/// Maximum duration of a shutdown without a drain delay: the drain, and then the batch in flight of
/// connections that were cut.
pub const SHUTDOWN_MAX: Duration = DRAIN_TIMEOUT.saturating_add(PUBLISH_TIMEOUT);
