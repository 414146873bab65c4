//! The names of consumers that only read. A name is in the request that creates a consumer, so that a role which
//! may read can be kept from changing the consumers of steps.

/// A name that no other consumer has.
pub(crate) fn reader_name() -> String {
    format!("read-{:016x}", rand::random::<u64>())
}
