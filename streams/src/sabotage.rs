//! Deliberate defects that a test can switch on, to check that the audit detects them. Compiled
//! into test builds only.

/// A defect that breaks a guarantee of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// A message is acked before it is processed.
    AckBeforeCommit,
    /// Inventory does not check whether it has already decided the order.
    NoLedgerCheck,
    /// An outcome is published with the current time, not the time of its row.
    TimeFromNow,
    /// A message's id is a per-process counter, not a hash of its bytes.
    IdByCounter,
    /// Stock is released before payment has confirmed that no money is held.
    ReleaseUnasked,
}

impl Sabotage {
    /// Whether a test enables it with `MILLRACE_MUTANT=<name>`, such as `AckBeforeCommit`.
    #[cfg(feature = "test-switches")]
    pub fn is_on(self) -> bool {
        std::env::var("MILLRACE_MUTANT").is_ok_and(|name| name == format!("{self:?}"))
    }

    /// Always false: without the feature `test-switches` there is no defect to enable.
    #[cfg(not(feature = "test-switches"))]
    pub const fn is_on(self) -> bool {
        false
    }
}
