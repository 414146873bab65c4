//! The provider's ledger: every intent and every refund, and the rules by which they change.

use std::collections::HashSet;
use std::sync::Arc;

use super::error::ApiError;
use super::fault_config::SimulatedFault;
use super::model::{Intent, IntentSnapshot, IntentState, unix_seconds};
use super::object_ids::ObjectIds;
use super::operation::{NewIntent, Operation};
use super::refunds::Refunds;
use super::response::{List, ResponseBody};
use super::test_cards::{Card, CreateFault, Decline};

/// All intents in order of creation: the number in an id is its index.
pub(super) struct Engine {
    ids: ObjectIds,
    intents: Vec<IntentEntry>,
    pub(super) refunds: Refunds,
    used_tokens: HashSet<String>,
    /// The smallest amount of an intent, in minor units.
    pub(super) amount_min: i64,
}

struct IntentEntry {
    current: IntentSnapshot,
    failures_left: u8,
}

/// The result of an operation.
pub(super) struct Outcome {
    pub(super) body: ResponseBody,
    /// Why the response is never sent, although the operation was executed.
    pub(super) withheld: Option<SimulatedFault>,
}

impl Engine {
    pub(super) fn new(run_id: u32) -> Engine {
        let ids = ObjectIds::new(run_id);
        Engine {
            refunds: Refunds::new(ids.clone()),
            ids,
            intents: Vec::new(),
            used_tokens: HashSet::new(),
            amount_min: 1,
        }
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
        let index = self.ids.index("pi_", id, self.intents.len())?;
        Ok(ResponseBody::Intent(self.intents[index].current.clone()))
    }

    pub(super) fn intents(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<ResponseBody, ApiError> {
        let count = self.intents.len();
        let end = after.map_or(Ok(count), |id| self.ids.index("pi_", id, count))?;
        let start = end.saturating_sub(limit);
        let page = self.intents[start..end].iter().rev();
        let data = page.map(|entry| entry.current.clone()).collect();
        Ok(ResponseBody::Intents(List { object: "list", has_more: start > 0, data }))
    }

    /// The latest intents with this order id in their metadata, newest first.
    pub(super) fn find_intents(&self, order_id: &str, limit: usize) -> ResponseBody {
        let is_wanted =
            |entry: &&IntentEntry| entry.current.intent.order_id.as_deref() == Some(order_id);
        let mut newest = self.intents.iter().rev().filter(is_wanted);
        let data = newest.by_ref().take(limit).map(|entry| entry.current.clone()).collect();
        let has_more = newest.next().is_some();
        ResponseBody::Intents(List { object: "search_result", has_more, data })
    }

    fn create(&mut self, new: NewIntent) -> Result<Outcome, ApiError> {
        if new.amount < self.amount_min {
            return Err(ApiError::parameter("amount", "amount_too_small"));
        }
        if let Some(token) = new.single_use_token
            && !self.used_tokens.insert(token)
        {
            return Err(ApiError::parameter("payment_method", "token_already_used"));
        }
        let intent = Arc::new(Intent {
            id: self.ids.id("pi_", self.intents.len()),
            amount: new.amount,
            currency: new.currency,
            order_id: new.order_id,
            card: new.card,
            created: unix_seconds(),
        });
        let failures_left = if let Card::Flaky(failures) = new.card { failures } else { 0 };
        let current =
            IntentSnapshot { intent: Arc::clone(&intent), state: IntentState::Unconfirmed };
        self.intents.push(IntentEntry { current: current.clone(), failures_left });
        if new.confirm {
            return self.confirm(&intent.id);
        }
        let withheld = match new.fault {
            Some(CreateFault::Failed) => return Err(ApiError::server_error()),
            Some(CreateFault::Lost) => Some(SimulatedFault::Close),
            None => None,
        };
        Ok(Outcome { body: ResponseBody::Intent(current), withheld })
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
        if card == Card::DeclinedWithoutIntent {
            entry.current.state = IntentState::Declined(Decline::Generic);
            return Err(ApiError::declined_without_intent(Decline::Generic));
        }
        entry.current.state = IntentState::Succeeded;
        let body = ResponseBody::Intent(entry.current.clone());
        let withheld = (card == Card::Hang).then_some(SimulatedFault::Hang);
        Ok(Outcome { body, withheld })
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
        let intent = &self.entry(id)?.current;
        if intent.state != IntentState::Succeeded {
            return Err(ApiError::unexpected_state(intent.clone(), "refund"));
        }
        let captured = intent.intent.amount;
        let refundable = captured - self.refunds.total(id);
        if refundable == 0 {
            return Err(ApiError::already_refunded());
        }
        let amount = amount.unwrap_or(refundable);
        if amount > refundable {
            return Err(ApiError::parameter("amount", "amount_too_large"));
        }
        Ok(ResponseBody::Refund(self.refunds.add(id, amount)).into())
    }

    fn entry(&mut self, id: &str) -> Result<&mut IntentEntry, ApiError> {
        let index = self.ids.index("pi_", id, self.intents.len())?;
        Ok(&mut self.intents[index])
    }
}

impl From<ResponseBody> for Outcome {
    fn from(body: ResponseBody) -> Self {
        Outcome { body, withheld: None }
    }
}
