//! Every limit of the edge, with the reason for its number.

use std::time::Duration;

/// A shop's largest baskets have some hundred lines of about 70 bytes; a thousand lines fit.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bodies in memory at once, over all cores: 256 of the largest, or every connection's usual one.
pub(crate) const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// For a body to arrive: the largest one at 25 KiB/s.
pub(crate) const BODY_PATIENCE: Duration = Duration::from_secs(10);
/// A request's line and headers: twice what browsers and proxies send at most.
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;

/// Over all cores; each weighs some 20 KiB while it says nothing. More wait to be accepted.
pub const CONNECTIONS_MAX: usize = 10_240;
/// Requests that one HTTP/2 connection has in the air: a batch.
pub(crate) const STREAMS_MAX: u32 = 256;
/// Bytes that one HTTP/2 stream sends before it must wait: the protocol's own default.
pub(crate) const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// The same for a whole HTTP/2 connection: four streams that send a large body at once.
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 256 * 1024;
/// A connection that starts no request for this long, up to twice as long, is closed. It bounds
/// slow headers as well, since a request starts when its headers are there.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(15);
/// After a connection could not be accepted, as when no file descriptor is left.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Connections that the kernel holds ready to be accepted: a whole burst of clients that come back.
pub(crate) const BACKLOG: i32 = 4_096;

/// Orders of one core that wait for a batch: sixteen full ones, a tenth of a second's work.
pub const ORDERS_WAITING_MAX: usize = 4_096;
/// Requests to cancel of one core that wait for a batch: sixteen full ones.
pub(crate) const CANCELLATIONS_WAITING_MAX: usize = 4_096;
/// Until a batch counts as not acknowledged: a broker's election takes one or two seconds.
pub(crate) const PUBLISH_PATIENCE: Duration = Duration::from_secs(4);
/// Until a buyer is told that the outcome is unknown.
pub(crate) const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
const _: () = assert!(
    PUBLISH_PATIENCE.as_millis() < ANSWER_PATIENCE.as_millis(),
    "a batch that fails at once must be answered by the intake"
);

/// How often is looked whether the stream is nearly full or inventory far behind: both take longer
/// to come about.
pub(crate) const ADMISSION_LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often brokers are asked how they sync: three small answers, and a broker that comes back
/// takes longer than this to be in step.
pub(crate) const DURABILITY_LOOK_EVERY: Duration = Duration::from_secs(1);

/// What Redis may cost a batch. It answers in a tenth of that, or it has other worries.
pub(crate) const REPEATS_PATIENCE: Duration = Duration::from_millis(2);
/// Nothing is asked of Redis for this long after a failure, so that one that is down costs two
/// milliseconds in a hundred.
pub(crate) const CACHE_PAUSE: Duration = Duration::from_millis(100);
/// So many failures in a row are told: with the pauses between them, it is down for a second.
pub(crate) const CACHE_FAILURES_TOLD: u32 = 10;
/// For what is written to Redis while nobody waits.
pub(crate) const CACHE_WRITE_PATIENCE: Duration = Duration::from_secs(1);
/// How long an id's digest is kept: a client that repeats a day later is answered all the same.
pub(crate) const REPEATS_KEPT: Duration = Duration::from_hours(24);

/// For the database's answer about orders; the buyer is told less without it.
pub(crate) const STATUS_PATIENCE: Duration = Duration::from_secs(1);
/// A charge takes a fraction of this; an order that waits longer for it is shown as delayed.
pub(crate) const PAYMENT_SOON: Duration = Duration::from_secs(2);
/// Questions in one message: as many as orders in one batch.
pub(crate) const QUESTIONS_MAX: usize = 256;
/// Requests that wait for the next question: sixteen messages.
pub(crate) const QUESTIONS_WAITING_MAX: usize = 4_096;

/// SKUs in one request: a page of a catalogue.
pub(crate) const SKUS_MAX: usize = 100;
/// How old the stock that is shown may be: two reloads of a page; the reservation decides anyway.
pub(crate) const STOCK_SHOWN_FOR: Duration = Duration::from_secs(2);
/// For Redis when stock is read; beyond that, asking the database is as fast.
pub(crate) const STOCK_CACHE_PATIENCE: Duration = Duration::from_millis(20);
/// For the database's answer about stock.
pub(crate) const STOCK_PATIENCE: Duration = Duration::from_secs(2);

/// While draining, open connections may send one more request and be told to close, so that none
/// is cut that was on its way.
pub(crate) const DRAIN_LINGER: Duration = Duration::from_millis(500);
/// Until a drain is over, whatever is still open.
pub(crate) const DRAIN_PATIENCE: Duration = Duration::from_secs(16);
const _: () = assert!(
    DRAIN_LINGER.as_millis() + BODY_PATIENCE.as_millis() + ANSWER_PATIENCE.as_millis()
        < DRAIN_PATIENCE.as_millis(),
    "a request that comes last must have its time"
);
/// The longest that an edge takes to end once it is asked to: the drain, and then the batch that is
/// on its way for connections that were cut.
pub const END_MAX: Duration = DRAIN_PATIENCE.saturating_add(PUBLISH_PATIENCE);
