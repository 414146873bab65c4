//! Inventory in the model checker: its row in a form that is small to store, and one function for each
//! step, which does what the step's transaction does. The stage's own functions decide.

use std::time::SystemTime;

use orders::{CancelReason, CancelledBy, Created, EventBody, PlaceOrder, Rejection};

use super::decision::{self, Decision};
use super::locked_stock::LockedStock;
use super::release;
use crate::model_check::message::Message;

/// The row of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ReservationRow {
    Reserved,
    Rejected,
    Released,
    Voided,
}

/// The functions that decide. A mutant replaces one.
#[derive(Clone, Copy)]
pub(crate) struct Decisions {
    pub(super) reserve: fn(Option<&Decision>, &PlaceOrder, &mut LockedStock) -> Option<Decision>,
    pub(super) reserve_outcome: fn(&Decision, &Created) -> EventBody,
    pub(super) release: fn(Option<&Decision>, &CancelReason, SystemTime) -> Option<Decision>,
    pub(super) release_outcome: fn(&Decision) -> Option<EventBody>,
}

/// Those of the product.
pub(crate) const DECISIONS: Decisions = Decisions {
    reserve: decision::reserve,
    reserve_outcome: decision::reserve_outcome,
    release: decision::release,
    release_outcome: decision::release_outcome,
};

/// The mutant whose `reserve` overwrites a tombstone.
pub(crate) const RESERVE_IGNORES_TOMBSTONE: Decisions = Decisions {
    reserve: |row, order, stock| {
        let row = row.filter(|row| !matches!(row, Decision::Voided(_)));
        decision::reserve(row, order, stock)
    },
    ..DECISIONS
};

/// The mutant whose `release` returns the stock of a released order once more.
pub(crate) const RELEASE_REPEATS: Decisions = Decisions {
    release: |row, reason, at| {
        let was_released = matches!(row, Some(Decision::Released(..)));
        decision::release(if was_released { Some(&Decision::Reserved) } else { row }, reason, at)
    },
    ..DECISIONS
};

impl Decisions {
    /// Reserves one piece for an order. Returns what it publishes.
    pub(crate) fn reserve(&self, row: &mut Option<ReservationRow>, on_hand: &mut i8) -> Message {
        let input = Message::Created.input();
        let EventBody::Created(created) = &input.event.body else { unreachable!() };
        let line = &created.order.lines[0];
        let mut stock =
            LockedStock::of_one_sku(&line.sku, created.order.total, i64::from(*on_hand));
        let stored = row.map(ReservationRow::decision);
        let new = (self.reserve)(stored.as_ref(), &created.order, &mut stock);
        *on_hand -= stock.reserved().1.iter().sum::<i64>() as i8;
        let decision = new.or(stored).expect("the order is decided");
        *row = Some(ReservationRow::of(&decision));
        Message::of(&(self.reserve_outcome)(&decision, created))
    }

    /// Releases an order because of `message`. Returns what it publishes.
    pub(crate) fn release(
        &self,
        message: Message,
        row: &mut Option<ReservationRow>,
        on_hand: &mut i8,
    ) -> Option<Message> {
        let reason = release::reason(&message.input().event.body)?;
        let stored = row.map(ReservationRow::decision);
        let new = (self.release)(stored.as_ref(), &reason, SystemTime::UNIX_EPOCH);
        if matches!(new, Some(Decision::Released(..))) {
            *on_hand += 1;
        }
        let decision = new.or(stored)?;
        *row = Some(ReservationRow::of(&decision));
        (self.release_outcome)(&decision).as_ref().map(Message::of)
    }
}

impl ReservationRow {
    fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Reserved => Self::Reserved,
            Decision::Rejected(_) => Self::Rejected,
            Decision::Released(..) => Self::Released,
            Decision::Voided(_) => Self::Voided,
        }
    }

    fn decision(self) -> Decision {
        let reason = CancelReason::Requested { by: CancelledBy::Buyer };
        match self {
            Self::Reserved => Decision::Reserved,
            Self::Rejected => Decision::Rejected(Rejection::OutOfStock { skus: Vec::new() }),
            Self::Released => Decision::Released(reason, SystemTime::UNIX_EPOCH),
            Self::Voided => Decision::Voided(reason),
        }
    }
}
