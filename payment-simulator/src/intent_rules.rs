//! How one payment intent changes: what each request may do in which state.

use super::error::ApiError;
use super::fault_config::SimulatedFault;
use super::model::{IntentSnapshot, IntentState, PaymentStatus};
use super::outcome::Outcome;
use super::response::ResponseBody;
use super::test_cards::{Card, Decline};

/// A payment intent and how its card behaves.
pub(super) struct IntentEntry {
    pub(super) current: IntentSnapshot,
    /// How many more confirms fail.
    failures_left: u8,
}

impl IntentEntry {
    pub(super) fn new(current: IntentSnapshot) -> IntentEntry {
        let failures_left = current.card.map_or(0, failures);
        IntentEntry { current, failures_left }
    }

    /// Whether a confirm may bring a new card.
    ///
    /// # Errors
    /// The intent has succeeded, is being processed or is canceled.
    pub(super) fn check_new_card(&self) -> Result<(), ApiError> {
        if self.is_closed() {
            return Err(ApiError::unexpected_state(self.current.clone(), "confirm"));
        }
        Ok(())
    }

    /// The intent as if `card` had not been confirmed yet. A repeat with the same card does not
    /// start its failures anew.
    pub(super) fn replace_card(&mut self, card: Card) {
        if Some(card) != self.current.card {
            self.failures_left = failures(card);
        }
        self.current.card = Some(card);
        self.current.state = IntentState::Unconfirmed;
    }

    pub(super) fn confirm(&mut self, payments: PaymentStatus) -> Result<Outcome, ApiError> {
        match self.current.state {
            IntentState::Unconfirmed => {}
            IntentState::RequiresAction => return Ok(self.current_intent()),
            _ => return Err(ApiError::unexpected_state(self.current.clone(), "confirm")),
        }
        let Some(card) = self.current.card else {
            return Err(ApiError::unexpected_state(self.current.clone(), "confirm"));
        };
        if self.failures_left > 0 {
            self.failures_left -= 1;
            return Err(ApiError::server_error());
        }
        match card {
            Card::Declined(decline) => {
                self.current.state = IntentState::Declined(decline);
                return Err(ApiError::declined(self.current.clone(), decline));
            }
            Card::DeclinedWithoutIntent => {
                self.current.state = IntentState::Declined(Decline::Generic);
                return Err(ApiError::declined_without_intent(Decline::Generic));
            }
            Card::ThreeDSecure => self.current.state = IntentState::RequiresAction,
            Card::Visa | Card::Flaky(_) | Card::Hang => self.settle(payments),
        }
        let withheld = (card == Card::Hang).then_some(SimulatedFault::Hang);
        Ok(Outcome { withheld, ..self.current_intent() })
    }

    /// What the buyer decides about a payment that requires it.
    pub(super) fn authenticate(
        &mut self,
        is_approved: bool,
        payments: PaymentStatus,
    ) -> Result<Outcome, ApiError> {
        if self.current.state != IntentState::RequiresAction {
            return Err(ApiError::unexpected_state(self.current.clone(), "authenticate"));
        }
        if is_approved {
            self.settle(payments);
        } else {
            self.current.state = IntentState::AuthenticationFailed;
        }
        Ok(self.current_intent())
    }

    /// What the bank makes of the payment.
    pub(super) fn settle(&mut self, status: PaymentStatus) {
        self.current.state = match status {
            PaymentStatus::Succeeded => IntentState::Succeeded,
            PaymentStatus::Processing => IntentState::Processing,
            PaymentStatus::Failed => IntentState::Declined(Decline::Generic),
        };
    }

    pub(super) fn cancel(&mut self) -> Result<Outcome, ApiError> {
        if self.is_closed() {
            return Err(ApiError::unexpected_state(self.current.clone(), "cancel"));
        }
        self.current.state = IntentState::Canceled;
        Ok(self.current_intent())
    }

    /// Whether it can be neither confirmed nor cancelled.
    fn is_closed(&self) -> bool {
        matches!(
            self.current.state,
            IntentState::Succeeded | IntentState::Processing | IntentState::Canceled
        )
    }

    /// The intent as it is now.
    fn current_intent(&self) -> Outcome {
        ResponseBody::Intent(self.current.clone()).into()
    }
}

fn failures(card: Card) -> u8 {
    if let Card::Flaky(failures) = card { failures } else { 0 }
}
