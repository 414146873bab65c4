//! The provider's ledger: every intent and every refund, and the rules by which they change.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::error::ApiError;
use super::model::{Intent, IntentSnapshot, IntentState, Refund};
use super::operation::{NewIntent, Operation};
use super::response::{List, ResponseBody};
use super::test_cards::Card;

/// All intents and refunds in order of creation: the number in an id is its index.
pub(super) struct Engine {
    /// Distinguishes the ids of this run from those of another run.
    run_id: String,
    intents: Vec<IntentEntry>,
    refunds: Vec<Refund>,
}

struct IntentEntry {
    current: IntentSnapshot,
    /// Total of its refunds, in minor units.
    refunded: i64,
    failures_left: u8,
}

/// The result of an operation.
pub(super) struct Outcome {
    pub(super) body: ResponseBody,
    /// Whether the response is never sent, although the operation was executed.
    pub(super) hangs: bool,
}

impl Engine {
    pub(super) fn new(run_id: u32) -> Engine {
        Engine { run_id: format!("{run_id:08x}"), intents: Vec::new(), refunds: Vec::new() }
    }

    pub(super) fn execute(&mut self, operation: Operation) -> Outcome {
        let result = match operation {
            Operation::Create(new) => self.create(new),
            Operation::Confirm { intent } => self.confirm(&intent),
            Operation::Cancel { intent } => self.cancel(&intent),
            Operation::Refund { intent, amount } => self.refund(&intent, amount),
        };
        result.unwrap_or_else(|error| ResponseBody::from(error).into())
    }

    pub(super) fn intent(&self, id: &str) -> Result<ResponseBody, ApiError> {
        let index = self.index("pi_", id, self.intents.len())?;
        Ok(ResponseBody::Intent(self.intents[index].current.clone()))
    }

    pub(super) fn intents(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ResponseBody, ApiError> {
        let count = self.intents.len();
        let end = after.map_or(Ok(count), |id| self.index("pi_", id, count))?;
        let start = end.saturating_sub(limit);
        let page = self.intents[start..end].iter().rev();
        let data = page.map(|entry| entry.current.clone()).collect();
        Ok(ResponseBody::Intents(List { object: "list", has_more: start > 0, data }))
    }

    pub(super) fn refunds(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ResponseBody, ApiError> {
        let count = self.refunds.len();
        let end = after.map_or(Ok(count), |id| self.index("re_", id, count))?;
        let start = end.saturating_sub(limit);
        let data = self.refunds[start..end].iter().rev().cloned().collect();
        Ok(ResponseBody::Refunds(List { object: "list", has_more: start > 0, data }))
    }

    fn create(&mut self, new: NewIntent) -> Result<Outcome, ApiError> {
        let intent = Arc::new(Intent {
            id: format!("pi_{}{:012x}", self.run_id, self.intents.len()),
            amount: new.amount,
            currency: new.currency,
            order_id: new.order_id,
            card: new.card,
            created: unix_seconds(),
        });
        let failures_left = if let Card::Flaky(failures) = new.card { failures } else { 0 };
        let current =
            IntentSnapshot { intent: Arc::clone(&intent), state: IntentState::Unconfirmed };
        self.intents.push(IntentEntry { current: current.clone(), refunded: 0, failures_left });
        if new.confirm {
            self.confirm(&intent.id)
        } else {
            Ok(ResponseBody::Intent(current).into())
        }
    }

    fn confirm(&mut self, id: &str) -> Result<Outcome, ApiError> {
        let entry = self.entry(id)?;
        if entry.current.state != IntentState::Unconfirmed {
            return Err(ApiError::unexpected_state(entry.current.clone(), "confirm"));
        }
        if entry.failures_left > 0 {
            entry.failures_left -= 1;
            return Err(ApiError::server_error());
        }
        let card = entry.current.intent.card;
        if let Card::Declined(decline) = card {
            entry.current.state = IntentState::Declined(decline);
            return Err(ApiError::declined(entry.current.clone(), decline));
        }
        entry.current.state = IntentState::Succeeded;
        let body = ResponseBody::Intent(entry.current.clone());
        Ok(Outcome { body, hangs: card == Card::Hang })
    }

    fn cancel(&mut self, id: &str) -> Result<Outcome, ApiError> {
        let entry = self.entry(id)?;
        if matches!(entry.current.state, IntentState::Succeeded | IntentState::Canceled) {
            return Err(ApiError::unexpected_state(entry.current.clone(), "cancel"));
        }
        entry.current.state = IntentState::Canceled;
        Ok(ResponseBody::Intent(entry.current.clone()).into())
    }

    fn refund(&mut self, id: &str, amount: Option<i64>) -> Result<Outcome, ApiError> {
        let refund_id = format!("re_{}{:012x}", self.run_id, self.refunds.len());
        let entry = self.entry(id)?;
        if entry.current.state != IntentState::Succeeded {
            return Err(ApiError::unexpected_state(entry.current.clone(), "refund"));
        }
        let refundable = entry.current.intent.amount - entry.refunded;
        if refundable == 0 {
            return Err(ApiError::already_refunded());
        }
        let amount = amount.unwrap_or(refundable);
        if amount > refundable {
            return Err(ApiError::parameter("amount", "amount_too_large"));
        }
        entry.refunded += amount;
        let refund = Refund {
            id: refund_id,
            object: "refund",
            amount,
            created: unix_seconds(),
            payment_intent: id.to_owned(),
            status: "succeeded",
        };
        self.refunds.push(refund.clone());
        Ok(ResponseBody::Refund(refund).into())
    }

    fn entry(&mut self, id: &str) -> Result<&mut IntentEntry, ApiError> {
        let index = self.index("pi_", id, self.intents.len())?;
        Ok(&mut self.intents[index])
    }

    /// The index in an id of this run, if it is below `count`.
    fn index(&self, prefix: &str, id: &str, count: usize) -> Result<usize, ApiError> {
        id.strip_prefix(prefix)
            .and_then(|id| id.strip_prefix(&self.run_id))
            .filter(|digits| digits.len() == 12)
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .filter(|&index| index < count)
            .ok_or_else(|| ApiError::no_such_object(id))
    }
}

impl From<ResponseBody> for Outcome {
    fn from(body: ResponseBody) -> Self {
        Outcome { body, hangs: false }
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
