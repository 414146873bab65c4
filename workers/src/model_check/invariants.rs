//! What has to be true in every state.

use std::sync::LazyLock;

use orders::Status;

use super::message::{Message, Messages};
use super::order::Order;
use crate::fulfilment::model::ShipmentRow;
use crate::inventory::model::ReservationRow;
use crate::payment::model::{Payments, Table};

/// What has to be true of an order and its payments.
type Invariant = (&'static str, fn(&Order, &Payments) -> bool);

pub(super) const ONE_FINAL: &str = "an order has at most one final status";
pub(super) const SHIPPED_OR_RELEASED: &str = "no order is shipped whose stock is released";
pub(super) const CHARGED_OR_CANCELLED: &str = "no money is held for a cancelled order";
pub(super) const CHARGED_ONCE: &str = "no buyer is charged twice";
pub(super) const SHIPPED_IS_PAID: &str = "every shipped order is paid";
pub(super) const CANCELLED_HOLDS_NO_STOCK: &str = "no stock is reserved for a cancelled order";
pub(super) const STOCK_BALANCES: &str = "on hand and reserved are what was loaded";
pub(super) const ROWS_ARE_PUBLISHED: &str =
    "what a row records is published, or a message is in flight that publishes it";
pub(super) const MONEY_IS_RECORDED: &str = "the row says what money is held, once all is done";

const INVARIANTS: [Invariant; 8] = [
    (ONE_FINAL, |order, _| finals(order) <= 1),
    (SHIPPED_OR_RELEASED, |order, _| !(is_shipped(order) && is_released(order))),
    (CHARGED_OR_CANCELLED, |order, payments| !(is_cancelled(order) && payments.holds_money())),
    (CHARGED_ONCE, |_, payments| payments.charges() <= 1),
    (SHIPPED_IS_PAID, |order, payments| !is_shipped(order) || payments.holds_money()),
    (CANCELLED_HOLDS_NO_STOCK, |order, _| {
        !(order.published.contains(Message::Cancelled) && is_reserved(order))
    }),
    (ROWS_ARE_PUBLISHED, |order, payments| {
        let of_payment = payments.recorded_outcome();
        let outcomes = [reserved_outcome(order), shipment_outcome(order), of_payment];
        let is_published = |(outcome, causes): (Message, &[Message])| {
            let is_in_flight =
                |cause: &Message| order.in_flight.contains(*cause) || order.copies.contains(*cause);
            order.published.contains(outcome) || causes.iter().any(is_in_flight)
        };
        outcomes.into_iter().flatten().all(is_published)
    }),
    (MONEY_IS_RECORDED, |order, payments| {
        let is_delivered = order.in_flight.is_empty() && order.copies.is_empty();
        let is_done = is_delivered && payments.runs() == 0;
        !is_done || payments.is_recorded()
    }),
];

/// The first invariant that is broken, of all or of `only` one.
pub(super) fn broken(
    orders: &[Order],
    payments: &Table,
    on_hand: i8,
    loaded: i8,
    only: Option<&'static str>,
) -> Option<&'static str> {
    let is_checked = |name: &str| only.is_none_or(|only| only == name);
    let of_order = |order: &Order| {
        let payments = payments.get(order.payments);
        INVARIANTS.iter().find(|(name, holds)| is_checked(name) && !holds(order, payments))
    };
    if let Some((name, _)) = orders.iter().find_map(of_order) {
        return Some(name);
    }
    let reserved = orders.iter().filter(|order| is_reserved(order)).count() as i8;
    let balances = on_hand >= 0 && on_hand + reserved == loaded;
    (is_checked(STOCK_BALANCES) && !balances).then_some(STOCK_BALANCES)
}

/// How many final statuses the published events lead to.
pub(super) fn finals(order: &Order) -> usize {
    order.published.iter().filter(|message| FINALS.contains(*message)).count()
}

/// The messages after which a status is final.
static FINALS: LazyLock<Messages> = LazyLock::new(|| {
    let kind = |message: Message| message.input().event.body.kind();
    let is_final = |message: &Message| Status::Accepted.after(kind(*message)).is_final();
    Message::ALL.into_iter().filter(is_final).collect()
});

/// What the row of the reservation records, and the messages whose step publishes it.
fn reserved_outcome(order: &Order) -> Option<(Message, &'static [Message])> {
    Some(match order.reservation? {
        ReservationRow::Reserved => (Message::Reserved, &[Message::Created]),
        ReservationRow::Rejected => (Message::Rejected, &[Message::Created]),
        ReservationRow::Released | ReservationRow::Voided => {
            (Message::Cancelled, &[Message::Declined, Message::Refunded])
        }
    })
}

/// The same for the row of the shipment.
fn shipment_outcome(order: &Order) -> Option<(Message, &'static [Message])> {
    Some(match order.shipment? {
        ShipmentRow::Shipped => (Message::Fulfilled, &[Message::Paid]),
        ShipmentRow::Withdrawn => (Message::Withdrawn, &[Message::CancelRequested]),
        ShipmentRow::Unshippable => (Message::Withdrawn, &[Message::Paid]),
    })
}

fn is_shipped(order: &Order) -> bool {
    order.shipment == Some(ShipmentRow::Shipped) || order.published.contains(Message::Fulfilled)
}

fn is_reserved(order: &Order) -> bool {
    order.reservation == Some(ReservationRow::Reserved)
}

fn is_released(order: &Order) -> bool {
    matches!(order.reservation, Some(ReservationRow::Released | ReservationRow::Voided))
}

/// Whether the order has ended without a sale.
fn is_cancelled(order: &Order) -> bool {
    is_released(order)
        || order.published.contains(Message::Cancelled)
        || order.published.contains(Message::Rejected)
}
