//! Copies: the same event may be stored several times, in messages of their own, and each step finds the
//! row that it wrote for the first one. Without this rule every copy would be answered, and each answer be
//! a copy for the next step.
//!
//! A row names the message that wrote it. That message is acked only once the row's outcome is stored,
//! and is redelivered until then; retries keep its name. So it answers for its copies.

use std::time::{Duration, SystemTime};

use crate::limits::COPY_AGE_MAX;
use crate::step_input::{StepInput, StepOutcome};

/// By which message a row was last written, and how long ago by the time of the database.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Written {
    /// The value of the column `written_by`; `None` in rows of an earlier version.
    pub(crate) by: Option<String>,
    age: Duration,
}

impl Written {
    /// Written just now for `input`.
    pub(crate) fn by(input: &StepInput) -> Self {
        let (kind, origin) = (input.event.body.kind(), &input.history.origin);
        Self { by: Some(format!("{kind} {origin}")), age: Duration::ZERO }
    }

    /// What a row says that was last written at `at` and is read at `now`.
    pub(crate) fn read(by: Option<String>, at: SystemTime, now: SystemTime) -> Self {
        // It may have been written since the statement that read it began.
        Self { by, age: now.duration_since(at).unwrap_or_default() }
    }
}

/// Whether the message that wrote the row answers for `input`, which brings the same event.
pub(crate) fn is_copy(input: &StepInput, row: &Written) -> bool {
    let kind = input.event.body.kind();
    let is_same_kind = |by: &str| by.split_once(' ').is_some_and(|(by, _)| by == kind.as_str());
    let is_other = row.by != Written::by(input).by;
    row.by.as_deref().is_some_and(is_same_kind)
        && is_other
        && row.age < COPY_AGE_MAX
        && !input.history.asks_for_answer()
}

impl StepOutcome {
    /// The outcome that a row records, or none if another message answers for `input`.
    pub(crate) fn unless_copy(self, input: &StepInput, row: Option<&Written>) -> Self {
        match self {
            Self::Completed(_) if row.is_some_and(|row| is_copy(input, row)) => {
                Self::Completed(Vec::new())
            }
            outcome => outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use orders::{CancelledBy, Event, EventBody, OrderId, Timestamp};
    use streams::{Answer, DeliveryHistory, Origin};

    use super::*;

    fn input(body: EventBody, stream: &str, sequence: u64) -> StepInput {
        let at = Timestamp::from_millis(0);
        let origin = Origin { stream: stream.to_owned(), sequence };
        let history = DeliveryHistory::new(origin, at);
        StepInput {
            event: Event { order_id: OrderId::from_bytes([7; 16]), at, body, traceparent: None },
            history,
        }
    }

    fn cancel_requested(stream: &str, sequence: u64) -> StepInput {
        input(EventBody::CancelRequested { by: CancelledBy::Buyer }, stream, sequence)
    }

    #[test]
    fn a_copy_is_the_same_event_from_another_place() {
        let row = Written::by(&cancel_requested("ORDERS", 7));
        assert!(is_copy(&cancel_requested("ORDERS", 8), &row));
        assert!(is_copy(&cancel_requested("OTHER", 7), &row));
        assert!(!is_copy(&cancel_requested("ORDERS", 7), &row));
        let mut retried = cancel_requested("ORDERS", 7);
        retried.history.attempts = 3;
        assert!(!is_copy(&retried, &row));
        let other_event = EventBody::Fulfilled { shipment: "shp_1".to_owned() };
        assert!(!is_copy(&input(other_event, "ORDERS", 8), &row));
    }

    #[test]
    fn a_copy_is_answered_if_that_is_asked_for_and_if_the_row_is_old_or_does_not_say_who_wrote_it()
    {
        let row = Written::by(&cancel_requested("ORDERS", 7));
        let copy = || cancel_requested("ORDERS", 8);
        let (mut asking, mut replayed) = (copy(), copy());
        asking.history.answer = Answer::Always;
        replayed.history.replays = 1;
        assert!(!is_copy(&asking, &row) && !is_copy(&replayed, &row));

        let now = SystemTime::UNIX_EPOCH + COPY_AGE_MAX;
        let at_age = |age: Duration| Written::read(row.by.clone(), now - age, now);
        assert!(is_copy(&copy(), &at_age(COPY_AGE_MAX / 2)));
        assert!(!is_copy(&copy(), &at_age(COPY_AGE_MAX)));
        let later = now + Duration::from_secs(1);
        assert!(is_copy(&copy(), &Written::read(row.by.clone(), later, now)));
        assert!(!is_copy(&copy(), &Written::default()));
    }
}
