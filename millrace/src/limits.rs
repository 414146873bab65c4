//! Every limit of the product's commands, with the reason for its value.

use std::time::Duration;

/// How long to wait for a database that is still starting.
pub(crate) const DATABASE_START_TIMEOUT: Duration = Duration::from_secs(30);
/// How often it is probed until then.
pub(crate) const DATABASE_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// A running edge answers at once, even if it is not ready.
pub(crate) const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the brokers may take to store one message.
pub(crate) const PUBLISH_TIMEOUT: Duration = Duration::from_secs(20);

/// A message of a killed worker is redelivered after 30 s, possibly in several steps in sequence.
pub(crate) const CATCH_UP_TIMEOUT: Duration = Duration::from_mins(5);
/// How often the consumers are looked at until then.
pub(crate) const QUIESCENCE_POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Orders read from the database in one query.
pub(crate) const ORDERS_PAGE_SIZE: i64 = 10_000;
/// Page size for the provider's lists: the payment simulator returns more at once than Stripe.
pub(crate) const PROVIDER_PAGE_SIZE: u16 = 10_000;
/// Timeout for such a page: an audit can wait longer than a checkout.
pub(crate) const PROVIDER_PAGE_TIMEOUT: Duration = Duration::from_secs(30);
/// Problems and dead letters that the report lists; the count of problems has no limit.
pub(crate) const PROBLEMS_LISTED_MAX: usize = 100;
/// Discrepancies of one pool that the audit lists; one is enough to fail.
pub(crate) const DISCREPANCIES_LISTED_MAX: i64 = 100;
