//! Every limit of the product's commands, with the reason for its value.

use std::time::Duration;

use streams::{ACK_WAIT, ADMIN_REPLIES_MAX, ADMIN_REPLY_WITHIN, DUPLICATE_WINDOW};

/// How long to wait for a database that is still starting: a restart replays its log first.
pub(crate) const DATABASE_START_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is probed until then: five connections a second cost nothing.
pub(crate) const DATABASE_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Characters of a password: 190 bits of entropy.
pub(crate) const PASSWORD_CHARS: usize = 32;

/// How long the cluster's own authority is valid: longer than a version of the cluster lives.
pub(crate) const AUTHORITY_VALIDITY: time::Duration = time::Duration::days(3_650);
/// How long the certificate of a server is valid. Each upgrade makes a new one, and one that was copied is not of use
/// for longer.
pub(crate) const CERTIFICATE_VALIDITY: time::Duration = time::Duration::days(365);
/// Since when a new certificate is valid: clocks of machines differ.
pub(crate) const CERTIFICATE_BACKDATING: time::Duration = time::Duration::hours(1);

/// A running edge answers at once, even if it is not ready.
pub(crate) const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// Lines of one request of an import, and their bytes, which one line may exceed: enough that an edge always has
/// some to store, and little to send again.
pub(crate) const IMPORT_PART_LINES: usize = 4_096;
pub(crate) const IMPORT_PART_BYTES: usize = 4 << 20;
/// A longer line is cut: an edge refuses it in any case.
pub(crate) const IMPORT_LINE_BYTES_MAX: usize = 512 * 1024;
/// Bytes of a response to them: an answer with all faults of an order is some kilobytes.
pub(crate) const IMPORT_ANSWER_BYTES_MAX: usize = 64 << 20;
/// How long one request may take: a few hundred orders a second are slow.
pub(crate) const IMPORT_TIMEOUT: Duration = Duration::from_mins(2);
/// The pause before lines are sent again, which doubles up to the longest one. In all attempts together an
/// edge has some minutes to recover.
pub(crate) const IMPORT_PAUSE_MIN: Duration = Duration::from_millis(250);
pub(crate) const IMPORT_PAUSE_MAX: Duration = Duration::from_secs(15);
pub(crate) const IMPORT_ATTEMPTS_MAX: usize = 20;

/// How long the brokers may take to store one message of a command: as long as for a worker's
/// outcomes.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(20);
/// How long `millrace pool` waits until the workers do what it has set: they do within two seconds, and say so within
/// a third of one.
pub(crate) const SETTING_ARRIVAL_TIMEOUT: Duration = Duration::from_secs(4);
/// Limit for the answer how many workers a pool needs: it takes a third of a second.
pub(crate) const LAG_TIMEOUT: Duration = Duration::from_secs(2);
/// The time between two looks of `status --watch`, and how long one may take: brokers that elect leaders reply within
/// some seconds.
pub(crate) const WATCH_INTERVAL: Duration = Duration::from_secs(1);
pub(crate) const WATCH_QUERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Characters of what it says about lost brokers: some lines of a terminal.
pub(crate) const WATCH_ERROR_CHARS_MAX: usize = 300;
/// Dead letters that are resolved per second unless the operator sets another rate: few compared
/// with the orders of a step.
pub(crate) const RESOLVE_RATE_DEFAULT: u32 = 50;
/// The highest rate that can be set: more than one message after the other reaches.
pub(crate) const RESOLVE_RATE_MAX: u32 = 10_000;

/// How long a process waits for another one that resolves letters, and how often it asks whether that has ended.
pub(crate) const RESOLVE_LOCK_WAIT: Duration = Duration::from_secs(3);
pub(crate) const CLUSTER_LOCK_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Limit for PostgreSQL to answer whether a lock is free, or still held.
pub(crate) const CLUSTER_LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// How old the last answer may be that it is held: PostgreSQL may have restarted, and another process taken it.
pub(crate) const CLUSTER_LOCK_INTERVAL: Duration = Duration::from_secs(5);
const _: () = assert!(
    CLUSTER_LOCK_INTERVAL.as_secs() + 2 * PUBLISH_TIMEOUT.as_secs() < DUPLICATE_WINDOW.as_secs(),
    "a letter that two processes replay, of which one has lost its lock, must be one to the broker"
);

/// Orders whose rows are erased in one transaction, and that are read at once: some milliseconds, in which few rows are
/// locked. Less than a page of an audit, since each is read by its key in three tables.
pub(crate) const ERASED_BATCH_ORDERS: usize = 500;
/// Orders that one run erases: more than a person places, and some megabytes. A trading partner is erased in several.
pub(crate) const ERASED_ORDERS_MAX: usize = 100_000;
/// Orders that are listed since they are left: some screens.
pub(crate) const ERASED_LISTED_MAX: usize = 100;
/// How long after its time a message may still be in a lane: lanes are purged about each minute, by processes that may
/// be replaced at the time.
pub(crate) const ERASURE_PURGE_MARGIN: Duration = Duration::from_mins(10);

/// How long an audit waits for the consumers. A message of a killed worker is redelivered after
/// [`ACK_WAIT`], possibly in several steps in sequence.
pub(crate) const CATCH_UP_TIMEOUT: Duration = Duration::from_mins(5);
const _: () = assert!(
    5 * ACK_WAIT.as_secs() < CATCH_UP_TIMEOUT.as_secs(),
    "an order that is refunded passes five steps, in each of which a worker may be killed"
);
/// How often the progress of the consumers is read until then: ten small requests a second for each
/// step cost nothing.
pub(crate) const QUIESCENCE_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Orders read from the database in one query: few queries, and some megabytes in memory.
pub(crate) const ORDERS_PAGE_SIZE: i64 = 10_000;
/// Page size for the provider's lists: the payment simulator returns more at once than Stripe.
pub(crate) const PROVIDER_PAGE_SIZE: u16 = 10_000;
/// Timeout for such a page: an audit can wait longer than a checkout.
pub(crate) const PROVIDER_PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long before its event a row may be committed: two attempts at publishing the event, and as much for clocks
/// that differ. Orders whose rows changed that long before a backup count as changed since.
pub(crate) const ROW_BEFORE_EVENT_MAX: Duration = Duration::from_mins(1);
/// Problems and dead letters that the report lists; the count of problems has no limit.
pub(crate) const PROBLEMS_LISTED_MAX: usize = 100;
/// Discrepancies of one pool that are read: as many as the report lists. One is enough to fail.
pub(crate) const DISCREPANCIES_LISTED_MAX: i64 = PROBLEMS_LISTED_MAX as i64;

/// Bytes of a request to `millrace admin`: the numbers of all letters that one resolves, many times.
pub(crate) const ADMIN_REQUEST_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a reply, less than the largest message.
pub(crate) const ADMIN_REPLY_BYTES_MAX: usize = 1_000_000;
/// Characters of who asks and why: some lines.
pub(crate) const ADMIN_TEXT_CHARS_MAX: usize = 500;
/// Characters of a value that an error quotes: enough to recognize it.
pub(crate) const ADMIN_FAULT_CHARS_MAX: usize = 80;
/// Characters of a refused request that are recorded.
pub(crate) const ADMIN_REFUSED_CHARS_MAX: usize = 1_000;
/// How long a record of a repair may take: a leader stores one in milliseconds. Longer than an election, and shorter
/// than an operator waits.
pub(crate) const ADMIN_RECORD_TIMEOUT: Duration = Duration::from_secs(10);
/// Letters in one list, and unless the operator sets another number: those of a screen.
pub(crate) const LETTERS_LISTED_MAX: u64 = 100;
pub(crate) const LETTERS_LISTED_DEFAULT: u64 = 20;
/// Bytes of a list: half of a message, and more than one letter.
pub(crate) const ADMIN_LISTED_BYTES_MAX: usize = 512 * 1024;
/// How long reading all dead letters may take: 256 MiB at most.
pub(crate) const LETTERS_READ_TIMEOUT: Duration = Duration::from_mins(1);
/// Letters that one request resolves: a second's work, so that an operator sees how it goes before the next ones.
pub(crate) const LETTERS_RESOLVED_MAX: usize = 200;
/// Letters a second that a request may set. The lowest rate resolves all of one request within the time below.
pub(crate) const ADMIN_RESOLVE_RATE_MIN: u64 = 5;
pub(crate) const ADMIN_RESOLVE_RATE_MAX: u64 = 1_000;
/// How long one request resolves letters. Those that it has not reached are named in the reply.
pub(crate) const RESOLVE_TIMEOUT: Duration = Duration::from_mins(1);
const _: () = assert!(
    LETTERS_RESOLVED_MAX as u64 <= ADMIN_RESOLVE_RATE_MIN * RESOLVE_TIMEOUT.as_secs(),
    "the lowest rate reaches all letters of a request"
);
/// Seconds that lanes and dead letters are read for one order: unless the operator sets more, less than the nats CLI
/// waits for a reply. At most some gigabytes.
pub(crate) const ORDER_SECONDS_DEFAULT: u64 = 2;
pub(crate) const ORDER_SECONDS_MAX: u64 = 60;
/// Limit for the rows of one order, which the database finds by its key.
pub(crate) const ORDER_ROWS_TIMEOUT: Duration = Duration::from_secs(2);
/// How long before its row, and after it, the event of a row is looked for first. It is published as soon as the row is
/// committed; clocks differ by less.
pub(crate) const ORDER_EVENT_BEFORE_ROW: Duration = Duration::from_secs(5);
pub(crate) const ORDER_EVENT_AFTER_ROW: Duration = Duration::from_secs(15);
/// Events, and dead letters, of one order that are shown: many times what an order has.
pub(crate) const ORDER_EVENTS_MAX: usize = 200;
/// By how much the clock of an edge may be ahead of the brokers': nothing of an order was stored earlier.
pub(crate) const ORDER_CLOCK_MARGIN: Duration = Duration::from_mins(10);
/// How long an audit may take for which an operator waits: it reads all that there is.
pub(crate) const ADMIN_AUDIT_TIMEOUT: Duration = Duration::from_mins(15);
/// How often it says what it does: less than a person waits before a program seems to hang.
pub(crate) const ADMIN_AUDIT_WORD_INTERVAL: Duration = Duration::from_secs(3);
const _: () = assert!(
    ADMIN_AUDIT_TIMEOUT.as_secs() < ADMIN_REPLY_WITHIN.as_secs()
        && ADMIN_AUDIT_TIMEOUT.as_secs() / ADMIN_AUDIT_WORD_INTERVAL.as_secs()
            + 2 * (PROBLEMS_LISTED_MAX as u64)
            < ADMIN_REPLIES_MAX as u64,
    "the brokers must permit all replies of an audit"
);
/// Requests on one subject that wait for the one that is answered: those of some operators. Further ones are refused.
pub(crate) const ADMIN_WAITING_MAX: usize = 8;
/// How long one waits at most. Who asked has given up by then, and nothing is done for which no client waits.
pub(crate) const ADMIN_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long `millrace admin` continues when it is asked to end: it stops between two letters.
pub(crate) const ADMIN_DRAIN_TIMEOUT: Duration = Duration::from_secs(12);
