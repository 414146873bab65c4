//! Failpoints: named places at which a test crashes the process. Compiled into tests only.

use streams::Step;

/// A place in the consumer loop or in a step. Tests select it by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failpoint {
    /// The records are decoded; nothing is processed.
    Fetched,
    /// The provider has created the payment intents; their ids are not committed yet.
    IntentsMade,
    /// The ids of the payment intents are committed; none is confirmed.
    IntentsCommitted,
    /// The provider has confirmed; the result is not committed yet.
    Confirmed,
    /// The provider has cancelled or refunded; the result is not committed yet.
    Undone,
    /// The step's rows are committed; nothing is published.
    Committed,
    /// All outcomes are stored; nothing is acked.
    Published,
    /// The messages are acked.
    Acked,
}

/// Aborts the process here, as a crash would, if a test requests it by
/// `MILLRACE_CRASH_AT=<step>:<failpoint>`, such as `charge:Confirmed`.
#[cfg(feature = "test-switches")]
pub(crate) fn failpoint(step: Step, here: Failpoint) {
    let here = format!("{step}:{here:?}");
    if std::env::var("MILLRACE_CRASH_AT").is_ok_and(|selected| selected == here) {
        tracing::warn!(failpoint = here, "crashing at failpoint");
        std::process::abort();
    }
}

/// Aborts the process here, as a fatal bug would, if a test requests it by
/// `MILLRACE_CRASH_ON=<text>` and the record contains the text.
#[cfg(feature = "test-switches")]
pub(crate) fn crash_on_record(record: &[u8]) {
    let Ok(text) = std::env::var("MILLRACE_CRASH_ON") else { return };
    if String::from_utf8_lossy(record).contains(&text) {
        tracing::warn!(text, "crashing on record");
        std::process::abort();
    }
}

#[cfg(not(feature = "test-switches"))]
pub(crate) fn crash_on_record(_: &[u8]) {}

#[cfg(not(feature = "test-switches"))]
pub(crate) fn failpoint(_: Step, _: Failpoint) {}
