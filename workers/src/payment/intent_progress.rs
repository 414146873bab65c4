//! What the provider says about a payment that waits for its buyer, and the row that follows from it.

use std::time::SystemTime;

use orders::{Event, EventBody, OrderId, PaymentToken, to_hex};
use sha2::{Digest, Sha256};

use super::call_results::CallKind;
use super::cancel_intent::cancel_intent;
use super::decision::{AfterAnswer, after_answer, after_close};
use super::guarded_provider::GuardedProvider;
use super::payment_row::Payment;
use super::provider::{CallError, Confirmation, Provider, Status};
use super::provider_calls::{attempt_prefix, call_past_failures};
use crate::limits::PAYMENT_METHODS_MAX;
use crate::step_input::{StepInput, StepOutcome};

/// Another payment method that a buyer has submitted, and that has not been tried.
pub(super) struct Submission<'a> {
    token: &'a str,
    id: String,
}

impl<'a> Submission<'a> {
    /// The submission that a record brings; `None` if it brings none, or if the row has it already, or
    /// too many.
    pub(super) fn of(input: &'a StepInput, row: &Payment) -> Option<Self> {
        let EventBody::PaymentSubmitted { payment_token: Some(token) } = &input.event.body else {
            return None;
        };
        let submission = Self { token: token.expose(), id: submission_id(&input.event, token) };
        let has_room = row.submissions.len() < PAYMENT_METHODS_MAX;
        (has_room && !row.submissions.contains(&submission.id)).then_some(submission)
    }
}

/// Identifies a submission of an order by its content: several can come in one message.
fn submission_id(event: &Event, token: &PaymentToken) -> String {
    let content = format!("{}-{}", event.at.as_millis(), token.expose());
    to_hex(&Sha256::digest(content.as_bytes())[..8])
}

/// The row after asking for the intent, or after confirming it with the submitted payment method.
/// `None` if the row stays as it is.
pub(super) async fn next_row(
    provider: &GuardedProvider,
    row: &Payment,
    submission: Option<&Submission<'_>>,
    input: &StepInput,
) -> Result<Option<Payment>, StepOutcome> {
    let intent = row.intent.as_deref().unwrap_or_default();
    let ask = async |provider: &Provider| match submission {
        Some(Submission { token, id }) => {
            let prefix = format!("{}-complete-{id}", input.order_id());
            confirm(provider, intent, token, &prefix).await
        }
        None => provider.retrieve(intent).await.map(Confirmation::from),
    };
    let kind = if submission.is_some() { CallKind::Complete } else { CallKind::Retrieve };
    let confirmation = provider.call(kind, input.order_id(), ask).await?;
    let row = row.clone().with(submission);
    match after_answer(row, submission.is_some(), confirmation) {
        AfterAnswer::Write(row) => Ok(Some(row)),
        AfterAnswer::Keep => Ok(None),
        AfterAnswer::Close(row, code) => {
            let prefix = attempt_prefix(input.order_id(), "close", &input.history);
            close(provider, row, code, (input.order_id(), &prefix)).await.map(Some)
        }
    }
}

/// Confirms the intent with another payment method. One that the provider does not take leaves the
/// intent as it is, which may be open or even paid by an earlier call: so the intent decides.
async fn confirm(
    provider: &Provider,
    intent: &str,
    token: &str,
    prefix: &str,
) -> Result<Confirmation, CallError> {
    let call = async |key: &str| provider.confirm_with(intent, token, key).await;
    match call_past_failures(prefix, call).await {
        (_, Err(CallError::Declined(decline))) => {
            let confirmation = Confirmation::from(provider.retrieve(intent).await?);
            Ok(match confirmation {
                Confirmation::Declined(_)
                | Confirmation::Unexpected {
                    status: Status::RequiresPaymentMethod | Status::RequiresConfirmation,
                } => Confirmation::Declined(decline),
                other => other,
            })
        }
        (_, confirmation) => confirmation,
    }
}

/// Cancels the intent of a payment for which no other payment method is accepted.
async fn close(
    provider: &GuardedProvider,
    row: Payment,
    code: String,
    (order, prefix): (OrderId, &str),
) -> Result<Payment, StepOutcome> {
    let intent = row.intent.as_deref().unwrap_or_default();
    let cancel = async |provider: &Provider| cancel_intent(provider, intent, prefix).await;
    let status = provider.call(CallKind::Cancel, order, cancel).await?;
    Ok(after_close(row, code, status))
}

impl Payment {
    /// The row that records `submission`.
    pub(super) fn with(self, submission: Option<&Submission<'_>>) -> Self {
        let Some(submission) = submission else { return self };
        let mut submissions = self.submissions;
        submissions.push(submission.id.clone());
        Self { submissions, ..self }
    }

    /// Whether the reservation has expired.
    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at < now)
    }
}

#[cfg(test)]
mod tests {
    use orders::{SubmitPayment, Timestamp};
    use streams::{DeliveryHistory, Origin};

    use super::super::payment_row::State;
    use super::*;

    fn waiting(submissions: usize) -> Payment {
        Payment { state: State::RequiresAction, ..Payment::with_submissions(submissions) }
    }

    fn submitted(token: &str) -> StepInput {
        let body = format!(r#"{{"token": "{token}"}}"#);
        let SubmitPayment { payment_token } = SubmitPayment::parse(body.as_bytes()).unwrap();
        let at = Timestamp::from_millis(0);
        let origin = Origin { stream: "ORDERS_1".to_owned(), sequence: 1 };
        StepInput {
            event: Event {
                order_id: OrderId::from_bytes([0; 16]),
                at,
                body: EventBody::PaymentSubmitted { payment_token },
                traceparent: None,
            },
            history: DeliveryHistory::new(origin, at),
        }
    }

    #[test]
    fn each_submission_of_a_message_counts_once_and_none_counts_after_too_many() {
        let (first, second) = (submitted("tok_a"), submitted("tok_b"));
        let row = waiting(0);
        let row = row.clone().with(Submission::of(&first, &row).as_ref());
        assert!(Submission::of(&first, &row).is_none());
        let row = row.clone().with(Submission::of(&second, &row).as_ref());
        assert!(Submission::of(&second, &row).is_none());
        assert_eq!(row.submissions.len(), 2);
        assert!(Submission::of(&first, &waiting(PAYMENT_METHODS_MAX)).is_none());
    }
}
