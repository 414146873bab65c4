//! Faults of the product that a test can switch on, to see that the audit finds them. Compiled into
//! tests only.

/// A way in which the product breaks its promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// A message is acked before anything is done about it.
    AckBeforeCommit,
    /// Inventory does not look whether it has decided before.
    NoLedgerCheck,
    /// An outcome is told with the time of its telling, not of its row.
    TimeFromNow,
    /// A message's id is its number in its process, not a hash of its bytes.
    IdByCounter,
    /// Stock is released without payment having said that no money is held.
    ReleaseUnasked,
}

impl Sabotage {
    /// Whether a test asks for it by `MILLRACE_MUTANT=<name>`, such as `AckBeforeCommit`.
    #[cfg(feature = "test-switches")]
    pub fn is_on(self) -> bool {
        std::env::var("MILLRACE_MUTANT").is_ok_and(|wanted| wanted == format!("{self:?}"))
    }

    /// Never: the program has no mutants.
    #[cfg(not(feature = "test-switches"))]
    pub const fn is_on(self) -> bool {
        false
    }
}
