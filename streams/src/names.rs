//! Every name on the wire, written once.

use orders::{EventKind, OrderId};

use crate::Step;

/// The stream of everything that happens to orders.
pub const ORDERS: &str = "ORDERS";
/// The stream of records that wait for another try.
pub const RETRIES: &str = "RETRIES";
/// The stream of records that no try will help.
pub const DEAD_LETTERS: &str = "DEAD_LETTERS";

/// What the stream [`ORDERS`] holds.
pub const ORDERS_SUBJECTS: &str = "orders.*";
/// What the stream [`RETRIES`] holds: records that wait, and records whose time has come.
pub const RETRIES_SUBJECTS: [&str; 2] = ["schedule.retry.*.*.*", "retry.*"];
/// What the stream [`DEAD_LETTERS`] holds: the letters, and what people decided about them.
pub const DEAD_LETTERS_SUBJECTS: [&str; 2] = ["dead.*", "handled.*"];

/// Asked for the status of orders; any worker answers.
pub const STATUS_GET: &str = "status.get";
/// Asked for stock on hand; inventory workers answer.
pub const STOCK_GET: &str = "stock.get";

/// Told, outside of every stream, each time that the payment provider fails and orders begin to wait.
pub const PAYMENT_DELAYED: &str = "notices.payment_delayed";

/// Asked how it writes to disk; every broker answers, as `nats-config/shared.conf` lets us ask.
pub(crate) const BROKERS_ASKED: &str = "$SYS.REQ.SERVER.PING.JSZ";

/// How many records a message holds.
pub const RECORDS_HEADER: &str = "Millrace-Records";
/// The version of the records' form.
pub const SCHEMA_HEADER: &str = "Millrace-Schema";
/// The version that this program writes and reads.
pub const SCHEMA: &str = "1";
/// One JSON object a line.
pub const NDJSON: &str = "application/x-ndjson";

/// What the brokers' client calls itself in logs.
pub const CLIENT_LOG: &str = "async_nats";

/// Where batches of events of this kind are published.
pub fn event_subject(kind: EventKind) -> String {
    format!("orders.{kind}")
}

/// The kind of the events in a message with this subject.
pub fn event_kind(subject: &str) -> Option<EventKind> {
    subject.strip_prefix("orders.")?.parse().ok()
}

/// Where records come back whose time for another try of `step` has come.
pub fn retry_subject(step: Step) -> String {
    format!("retry.{step}")
}

/// Where one record waits for another try. The broker keeps one schedule for each subject, so a
/// repeat replaces; `record` tells two records of the same order apart.
pub fn schedule_subject(step: Step, order: OrderId, record: &str) -> String {
    format!("schedule.retry.{step}.{order}.{record}")
}

/// Where dead letters of a pool are published.
pub fn dead_subject(step: Step) -> String {
    format!("dead.{}", step.pool())
}

/// Where it is kept what was decided about dead letters of a pool.
pub fn resolution_subject(pool: &str) -> String {
    format!("handled.{pool}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_says_what_its_batch_holds() {
        for kind in EventKind::ALL {
            assert_eq!(event_kind(&event_subject(kind)), Some(kind));
        }
        assert_eq!(event_kind("orders.eaten"), None);
        assert_eq!(event_kind("retry.charge"), None);
    }
}
