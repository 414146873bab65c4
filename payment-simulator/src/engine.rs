//! The provider's books: every intent and every refund, and the rules by which they change.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::answer::{Answer, List, Snapshot};
use super::card::{Card, Decline};
use super::failure::Failure;
use super::operation::{NewIntent, Operation};

/// All intents and refunds, in the order in which they were made: the number in an id is its place.
pub(super) struct Engine {
    /// Tells this run's ids from those of another.
    run: String,
    intents: Vec<Entry>,
    refunds: Vec<Refund>,
}

struct Entry {
    now: Snapshot,
    refunded: i64,
    failures_left: u8,
}

/// What never changes about an intent.
#[derive(Debug)]
pub(super) struct Intent {
    pub(super) id: String,
    /// In minor units of the currency.
    pub(super) amount: i64,
    pub(super) currency: String,
    pub(super) order_id: Option<String>,
    pub(super) card: Card,
    /// Seconds since 1970.
    pub(super) created: u64,
}

/// What does change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Unconfirmed,
    Declined(Decline),
    Succeeded,
    Canceled,
}

/// Money given back.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Refund {
    id: String,
    object: &'static str,
    amount: i64,
    created: u64,
    payment_intent: String,
    status: &'static str,
}

/// What an operation leads to.
pub(super) struct Outcome {
    pub(super) answer: Answer,
    /// The caller never hears of it.
    pub(super) silent: bool,
}

impl Engine {
    pub(super) fn new(run: u32) -> Engine {
        Engine { run: format!("{run:08x}"), intents: Vec::new(), refunds: Vec::new() }
    }

    pub(super) fn execute(&mut self, operation: Operation) -> Outcome {
        let result = match operation {
            Operation::Create(new) => self.create(new),
            Operation::Confirm { intent } => self.confirm(&intent),
            Operation::Cancel { intent } => self.cancel(&intent),
            Operation::Refund { intent, amount } => self.refund(&intent, amount),
        };
        result.unwrap_or_else(|failure| Answer::from(failure).into())
    }

    pub(super) fn intent(&self, id: &str) -> Result<Answer, Failure> {
        let place = self.place("pi_", id, self.intents.len())?;
        Ok(Answer::Intent(self.intents[place].now.clone()))
    }

    pub(super) fn intents(&self, after: Option<&str>, limit: usize) -> Result<Answer, Failure> {
        let count = self.intents.len();
        let end = after.map_or(Ok(count), |id| self.place("pi_", id, count))?;
        let start = end.saturating_sub(limit);
        let data = self.intents[start..end].iter().rev().map(|entry| entry.now.clone()).collect();
        Ok(Answer::Intents(List { object: "list", has_more: start > 0, data }))
    }

    pub(super) fn refunds(&self, after: Option<&str>, limit: usize) -> Result<Answer, Failure> {
        let count = self.refunds.len();
        let end = after.map_or(Ok(count), |id| self.place("re_", id, count))?;
        let start = end.saturating_sub(limit);
        let data = self.refunds[start..end].iter().rev().cloned().collect();
        Ok(Answer::Refunds(List { object: "list", has_more: start > 0, data }))
    }

    fn create(&mut self, new: NewIntent) -> Result<Outcome, Failure> {
        let intent = Arc::new(Intent {
            id: format!("pi_{}{:012x}", self.run, self.intents.len()),
            amount: new.amount,
            currency: new.currency,
            order_id: new.order_id,
            card: new.card,
            created: seconds_since_1970(),
        });
        let failures_left = if let Card::Flaky(failures) = new.card { failures } else { 0 };
        let now = Snapshot { intent: Arc::clone(&intent), state: State::Unconfirmed };
        self.intents.push(Entry { now: now.clone(), refunded: 0, failures_left });
        if new.confirm { self.confirm(&intent.id) } else { Ok(Answer::Intent(now).into()) }
    }

    fn confirm(&mut self, id: &str) -> Result<Outcome, Failure> {
        let entry = self.entry(id)?;
        if entry.now.state != State::Unconfirmed {
            return Err(Failure::unexpected_state(entry.now.clone(), "confirm"));
        }
        if entry.failures_left > 0 {
            entry.failures_left -= 1;
            return Err(Failure::server_error());
        }
        let card = entry.now.intent.card;
        if let Card::Declined(decline) = card {
            entry.now.state = State::Declined(decline);
            return Err(Failure::declined(entry.now.clone(), decline));
        }
        entry.now.state = State::Succeeded;
        Ok(Outcome { answer: Answer::Intent(entry.now.clone()), silent: card == Card::Hang })
    }

    fn cancel(&mut self, id: &str) -> Result<Outcome, Failure> {
        let entry = self.entry(id)?;
        if matches!(entry.now.state, State::Succeeded | State::Canceled) {
            return Err(Failure::unexpected_state(entry.now.clone(), "cancel"));
        }
        entry.now.state = State::Canceled;
        Ok(Answer::Intent(entry.now.clone()).into())
    }

    fn refund(&mut self, id: &str, amount: Option<i64>) -> Result<Outcome, Failure> {
        let refund_id = format!("re_{}{:012x}", self.run, self.refunds.len());
        let entry = self.entry(id)?;
        if entry.now.state != State::Succeeded {
            return Err(Failure::unexpected_state(entry.now.clone(), "refund"));
        }
        let left = entry.now.intent.amount - entry.refunded;
        if left == 0 {
            return Err(Failure::already_refunded());
        }
        let amount = amount.unwrap_or(left);
        if amount > left {
            return Err(Failure::parameter("amount", "amount_too_large"));
        }
        entry.refunded += amount;
        let refund = Refund {
            id: refund_id,
            object: "refund",
            amount,
            created: seconds_since_1970(),
            payment_intent: id.to_owned(),
            status: "succeeded",
        };
        self.refunds.push(refund.clone());
        Ok(Answer::Refund(refund).into())
    }

    fn entry(&mut self, id: &str) -> Result<&mut Entry, Failure> {
        let place = self.place("pi_", id, self.intents.len())?;
        Ok(&mut self.intents[place])
    }

    /// The place below `count` that an id of this run names.
    fn place(&self, prefix: &str, id: &str, count: usize) -> Result<usize, Failure> {
        id.strip_prefix(prefix)
            .and_then(|id| id.strip_prefix(&self.run))
            .filter(|digits| digits.len() == 12)
            .and_then(|digits| usize::from_str_radix(digits, 16).ok())
            .filter(|&place| place < count)
            .ok_or_else(|| Failure::no_such_object(id))
    }
}

impl State {
    pub(super) fn status(self) -> &'static str {
        match self {
            State::Unconfirmed => "requires_confirmation",
            State::Declined(_) => "requires_payment_method",
            State::Succeeded => "succeeded",
            State::Canceled => "canceled",
        }
    }
}

impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Outcome { answer, silent: false }
    }
}

fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
