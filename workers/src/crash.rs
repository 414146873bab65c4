//! Named stops at which a test lets the process die. Compiled into tests only.

use streams::Step;

/// A place in the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Records are decoded, nothing is done.
    Fetched,
    /// The provider has made the payment intents, their ids are not yet committed.
    IntentsMade,
    /// The ids of the payment intents are committed, nothing is confirmed.
    IntentsCommitted,
    /// The provider has confirmed, the result is not yet committed.
    Confirmed,
    /// The provider has cancelled or refunded, the result is not yet committed.
    Undone,
    /// The step's rows are committed, nothing is published.
    Committed,
    /// All outcomes are stored, nothing is acked.
    Published,
    /// The messages are acked.
    Acked,
}

/// Ends the process here, as a crash would, where a test asks for it by
/// `MILLRACE_CRASH_AT=<step>:<stop>`, such as `charge:Confirmed`.
#[cfg(feature = "test-switches")]
pub(crate) fn stop_at(step: Step, here: Stop) {
    let here = format!("{step}:{here:?}");
    if std::env::var("MILLRACE_CRASH_AT").is_ok_and(|wanted| wanted == here) {
        tracing::warn!(here, "crashing as the test asks");
        std::process::abort();
    }
}

/// Ends the process here, as a fatal fault in the code would, where a test asks for it by
/// `MILLRACE_CRASH_ON=<text>` and the record holds the text.
#[cfg(feature = "test-switches")]
pub(crate) fn die_of(record: &[u8]) {
    let Ok(text) = std::env::var("MILLRACE_CRASH_ON") else { return };
    if String::from_utf8_lossy(record).contains(&text) {
        tracing::warn!(text, "crashing as the test asks");
        std::process::abort();
    }
}

#[cfg(not(feature = "test-switches"))]
pub(crate) fn die_of(_: &[u8]) {}

#[cfg(not(feature = "test-switches"))]
pub(crate) fn stop_at(_: Step, _: Stop) {}
