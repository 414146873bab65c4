//! The provider's ledger: every intent and every refund.

use std::collections::HashSet;
use std::sync::Arc;

use super::error::ApiError;
use super::fault_config::SimulatedFault;
use super::intent_rules::IntentEntry;
use super::model::{Intent, IntentSnapshot, IntentState, PaymentStatus, unix_seconds};
use super::object_ids::ObjectIds;
use super::operation::{NewIntent, Operation};
use super::outcome::Outcome;
use super::refunds::Refunds;
use super::response::{List, ResponseBody};
use super::test_cards::{CreateFault, PaymentMethod};
use super::webhooks::Webhooks;

/// All intents in order of creation: the number in an id is its index.
pub(super) struct Engine {
    ids: ObjectIds,
    intents: Vec<IntentEntry>,
    pub(super) refunds: Refunds,
    used_tokens: HashSet<String>,
    /// The smallest amount of an intent, in minor units.
    pub(super) amount_min: i64,
    /// What becomes of a payment that no card declines. Anything but [`PaymentStatus::Succeeded`] is a
    /// simulated fault.
    payments: PaymentStatus,
    /// Base URL of the simulator.
    site: Arc<str>,
    pub(super) webhooks: Webhooks,
}

impl Engine {
    pub(super) fn new(ids: ObjectIds, site: &str, webhooks: Webhooks) -> Engine {
        Engine {
            refunds: Refunds::new(ids.clone()),
            ids,
            intents: Vec::new(),
            used_tokens: HashSet::new(),
            amount_min: 1,
            payments: PaymentStatus::Succeeded,
            site: site.into(),
            webhooks,
        }
    }

    pub(super) fn execute(&mut self, operation: Operation) -> Outcome {
        let result = match operation {
            Operation::Create(new) => self.create(new),
            Operation::Confirm { intent, payment_method } => self.confirm(&intent, payment_method),
            Operation::Cancel { intent } => self.change(&intent, IntentEntry::cancel),
            Operation::Refund { intent, amount } => self.refund(&intent, amount),
        };
        result.unwrap_or_else(|error| ResponseBody::from(error).into())
    }

    pub(super) fn intent(&self, id: &str) -> Result<IntentSnapshot, ApiError> {
        let index = self.ids.index("pi_", id, self.intents.len())?;
        Ok(self.intents[index].current.clone())
    }

    /// What the buyer decides about a payment that requires it.
    pub(super) fn authenticate(&mut self, id: &str, is_approved: bool) -> Result<(), ApiError> {
        let payments = self.payments;
        self.change(id, |entry| entry.authenticate(is_approved, payments)).map(|_| ())
    }

    /// Sets the status of payments to come, and of those that are being processed.
    pub(super) fn settle_payments(&mut self, status: PaymentStatus) {
        self.payments = status;
        if status == PaymentStatus::Processing {
            return;
        }
        let is_processing =
            |entry: &&mut IntentEntry| entry.current.state == IntentState::Processing;
        for entry in self.intents.iter_mut().filter(is_processing) {
            entry.settle(status);
            self.webhooks.announce(&entry.current);
        }
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
        let card = new.payment_method.as_ref().map(|method| method.card);
        self.use_token(new.payment_method.and_then(|method| method.single_use_token))?;
        let intent = Arc::new(Intent {
            id: self.ids.id("pi_", self.intents.len()),
            amount: new.amount,
            currency: new.currency,
            order_id: new.order_id,
            created: unix_seconds(),
            secret: rand::random(),
            site: Arc::clone(&self.site),
        });
        let id = intent.id.clone();
        let current = IntentSnapshot { intent, card, state: IntentState::Unconfirmed };
        self.intents.push(IntentEntry::new(current.clone()));
        if new.confirm {
            return self.confirm(&id, None);
        }
        let withheld = match new.fault {
            Some(CreateFault::Failed) => return Err(ApiError::server_error()),
            Some(CreateFault::Lost) => Some(SimulatedFault::Close),
            None => None,
        };
        Ok(Outcome { body: ResponseBody::Intent(current), withheld })
    }

    fn confirm(
        &mut self,
        id: &str,
        payment_method: Option<PaymentMethod>,
    ) -> Result<Outcome, ApiError> {
        if let Some(PaymentMethod { card, single_use_token }) = payment_method {
            self.entry(id)?.check_new_card()?;
            self.use_token(single_use_token)?;
            self.entry(id)?.replace_card(card);
        }
        let payments = self.payments;
        self.change(id, |entry| entry.confirm(payments))
    }

    /// Changes an intent, and sends a webhook if its state is another one then.
    fn change(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut IntentEntry) -> Result<Outcome, ApiError>,
    ) -> Result<Outcome, ApiError> {
        let entry = self.entry(id)?;
        let before = entry.current.state;
        let result = change(entry);
        let after = entry.current.clone();
        if after.state != before {
            self.webhooks.announce(&after);
        }
        result
    }

    /// Marks a token as used.
    ///
    /// # Errors
    /// It was used before.
    fn use_token(&mut self, token: Option<String>) -> Result<(), ApiError> {
        if let Some(token) = token
            && !self.used_tokens.insert(token)
        {
            return Err(ApiError::parameter("payment_method", "token_already_used"));
        }
        Ok(())
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
