//! Every limit of the simulator, with the reason for its value.

use std::time::Duration;

/// Open connections: far more than all payment workers of one machine have, far below the limit on
/// open files. More wait to be accepted.
pub(crate) const CONNECTIONS_MAX: usize = 4096;
/// Delay after a failed accept: if file descriptors have run out, some must be closed first.
pub(crate) const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);
/// Time for requests in flight at a shutdown: enough for every request that gets a response at all;
/// hanging requests are cut off.
pub(crate) const DRAIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Bytes in a request body: ten times what any request to this API needs.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024;
/// Bytes in an idempotency key: Stripe's limit, which it counts in characters.
pub(crate) const KEY_BYTES_MAX: usize = 255;
/// Idempotency keys that are kept, some 200 MB. Stripe expires a key after a day; here the oldest
/// one makes room. An expired key does no harm to a caller who confirms and refunds by an intent's
/// id.
pub(crate) const KEYS_MAX: usize = 1 << 20;
/// Bytes in a metadata value: Stripe's limit, which it counts in characters.
pub(crate) const METADATA_BYTES_MAX: usize = 500;
/// The largest amount, in minor units. Stripe accepts eight digits for most currencies and twelve
/// for some; here every currency has twelve.
pub(crate) const AMOUNT_MAX: i64 = 999_999_999_999;

/// Events that wait to be sent to the receiver of webhooks, a megabyte: more than one second of a
/// benchmark's payments has. If it is full, events are dropped.
pub(crate) const WEBHOOKS_QUEUED_MAX: usize = 1024;
/// Webhooks that are sent at the same time: enough that a receiver that takes 10 ms for each keeps
/// up with a thousand payments per second.
pub(crate) const WEBHOOKS_PARALLEL: usize = 16;
/// How often a webhook is sent at most. Stripe goes on for days; an event that is lost here shows
/// in seconds whether its receiver can do without.
pub(crate) const WEBHOOK_TRIES: u32 = 4;
/// Delay before the second try of a webhook; each further delay is longer by the factor. All
/// tries together take more than two seconds: a receiver can be restarted in that time.
pub(crate) const WEBHOOK_RETRY_DELAY: Duration = Duration::from_millis(100);
pub(crate) const WEBHOOK_RETRY_FACTOR: u32 = 4;
/// Time for the response to a webhook: a receiver stores the event and responds.
pub(crate) const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// Entries in one page of a list if the request sets no `limit`: as with Stripe.
pub(crate) const PAGE_ENTRIES_DEFAULT: usize = 10;
/// Entries in one page of a list, at most. Stripe has 100; an audit reads every intent, in few
/// requests.
pub(crate) const PAGE_ENTRIES_MAX: usize = 10_000;

/// Latency of the simulator and duration of an outage: with a longer one a test would look stuck.
pub(crate) const DELAY_MAX: Duration = Duration::from_mins(10);
/// The default delay of a late confirm: longer than a caller waits, which is ten seconds for Millrace.
pub(crate) const LATE_DEFAULT: Duration = Duration::from_secs(15);
/// How often a late confirm looks whether it is due: its delay can be changed while it waits.
pub(crate) const LATE_POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Failures of a flaky card before it succeeds: its token has two digits.
pub(crate) const FLAKY_FAILURES_MAX: u8 = 99;
