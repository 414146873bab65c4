//! When streams are created and corrected.

/// What happens to a stream that is missing, and to a size limit that is lower than ours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// The cluster holds no orders yet: streams are created.
    New,
    /// A role starts. The cluster holds orders: a stream that is missing was lost.
    Resumed,
    /// The same, and the cluster is running: a size limit that was set by hand stays, and a durable
    /// that is missing was deleted.
    Running,
}
