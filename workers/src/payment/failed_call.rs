//! What the result of a call says about the provider, and what a failed call means for its record.
//! These are the rules:
//!
//! | failure | it is a state of | the record is |
//! |---|---|---|
//! | cannot be reached; 401, 403 | the provider, or our access to it | postponed |
//! | 429, or 503 with `Retry-After` | the provider | postponed |
//! | 5xx, or no valid response in time | the provider, unless this order fails alone | postponed |
//! | | the record, if it fails alone | retried |
//! | 409; 429 because an object is locked | one object that another call uses | retried |
//! | 400, 402, 404 about the amount, the currency or the card | the order | declined, or waits for another card (`charge`, `complete`) |
//! | any other refusal | our request, which is faulty | a dead letter |
//!
//! A failure that the provider has only repeated, after too many of a call were stored, counts an attempt: the
//! next one has new keys.
//!
//! An order fails alone if the breaker is closed, the provider answers a question right after the failure, and
//! the latest call of the same kind for another order has not failed.
//!
//! A postponed record counts no attempt, a retried one does. So a record that alone fails ends as a
//! dead letter, and an outage costs no attempts, however many workers meet it, also if the provider still
//! answers other calls.

use std::time::Duration;

use super::provider::CallError;
use crate::step_input::StepOutcome;

/// What a call says about the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It works. A refusal shows that, too.
    Works,
    Fails,
    /// It has repeated the stored response to an earlier call: nothing about now.
    Unknown,
    /// It refuses calls for this time, because there are too many.
    Limits(Option<Duration>),
}

/// What the result of a call says about the provider.
pub(super) const fn health<Output>(result: &Result<Output, CallError>) -> Health {
    match result {
        Ok(_)
        | Err(CallError::Declined(_) | CallError::Refused { .. } | CallError::Busy { .. }) => {
            Health::Works
        }
        Err(CallError::RateLimited { retry_after, .. }) => Health::Limits(*retry_after),
        Err(CallError::Server { is_replayed: true, .. }) => Health::Unknown,
        Err(
            CallError::Unavailable(_)
            | CallError::Denied { .. }
            | CallError::NoResponse(_)
            | CallError::Server { .. },
        ) => Health::Fails,
    }
}

/// The outcome of a step for the record whose call failed, alone or as others do.
pub(super) fn outcome(err: &CallError, fails_alone: bool) -> StepOutcome {
    let error = err.to_string();
    match err {
        CallError::Unavailable(_) | CallError::Denied { .. } | CallError::RateLimited { .. } => {
            StepOutcome::Postpone(error)
        }
        CallError::NoResponse(_) | CallError::Server { .. } if !fails_alone => {
            StepOutcome::Postpone(error)
        }
        CallError::NoResponse(_) | CallError::Server { .. } | CallError::Busy { .. } => {
            StepOutcome::Retry(error)
        }
        CallError::Declined(_) | CallError::Refused { .. } => StepOutcome::reject(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_postponed(err: &CallError, fails_alone: bool) -> bool {
        match outcome(err, fails_alone) {
            StepOutcome::Postpone(_) => true,
            StepOutcome::Retry(_) => false,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_state_of_the_provider_counts_no_attempt() {
        let limited = CallError::RateLimited { status: 429, retry_after: None };
        for fails_alone in [false, true] {
            assert!(is_postponed(&CallError::Denied { status: 401 }, fails_alone));
            assert!(is_postponed(&limited, fails_alone));
        }
    }

    #[test]
    fn a_failure_counts_an_attempt_only_if_it_comes_alone() {
        for failure in [
            CallError::Server { status: 500, is_replayed: false },
            CallError::NoResponse("lost".into()),
        ] {
            assert!(!is_postponed(&failure, true));
            assert!(is_postponed(&failure, false));
        }
        assert!(!is_postponed(&CallError::Busy { status: 409 }, false));
    }
}
