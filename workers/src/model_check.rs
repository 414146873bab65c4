//! A model checker: every state that one order can reach, and two orders with one SKU.
//!
//! The rows, the provider and the messages in flight are a small value. Everything that can happen to
//! it is tried: messages come in any order and repeatedly, a process ends before its ack or between a
//! call and a transaction, the buyer cancels, the reservation expires, an answer of the provider is
//! late, lost or old, and a confirm that was given up has its effect later. The steps are those of the
//! table of stages, and decide by the functions that their SQL uses. A mutant replaces one of these
//! functions, and has to be found.

mod changes;
mod invariants;
pub(crate) mod message;
mod mutants;
mod order;
mod search;
mod steps;
mod world;

use std::time::Instant;

use orders::OnDecline;

use crate::payment::model::{Intent, PaymentBounds};
use message::Message;
use order::{Bounds, Decisions};
use search::{Fault, Searched, search};
use world::World;

/// All answers of the provider to a confirm.
const CARDS: PaymentBounds = PaymentBounds {
    cards: &[
        Intent::Succeeded,
        Intent::Declined,
        Intent::DeclinedForGood,
        Intent::RequiresAction,
        Intent::Processing,
    ],
    on_decline: OnDecline::Cancel,
    has_card: true,
    may_be_late: false,
    runs: 2,
    intents: 1,
};
/// An order that waits for another card after a decline, with the cards that matter for that: with all of
/// them there are five times as many states.
const WAITING: PaymentBounds = PaymentBounds {
    on_decline: OnDecline::NewPaymentMethod,
    cards: &[Intent::Succeeded, Intent::Declined, Intent::DeclinedForGood],
    ..CARDS
};
/// Cards that succeed or are declined.
const PLAIN: PaymentBounds =
    PaymentBounds { cards: &[Intent::Succeeded, Intent::DeclinedForGood], ..CARDS };

/// Confirms that have their effect when payment has given them up, with a card of each kind.
const LATE: PaymentBounds = PaymentBounds {
    cards: &[Intent::Succeeded, Intent::DeclinedForGood, Intent::RequiresAction],
    may_be_late: true,
    ..CARDS
};
/// An order that an earlier version accepted without a card.
const WITHOUT_CARD: PaymentBounds = PaymentBounds { has_card: false, ..PLAIN };

/// Messages are delivered as often as it may be.
const REPEATED: Bounds = Bounds {
    faults: None,
    payment: CARDS,
    copied: &[],
    buyer: &[Message::CancelRequested, Message::NewCard],
    is_unshippable: false,
    is_sold_out: false,
};
/// A message is acked once it is processed, but for one fault.
const ACKED: Bounds = Bounds { faults: Some(1), buyer: &[Message::CancelRequested], ..REPEATED };
/// Every message is acked, and no process ends.
const QUIET: Bounds = Bounds { faults: Some(0), ..ACKED };

#[test]
fn one_order_has_one_end_however_often_its_messages_come() {
    check::<1>("one order, repeated messages", REPEATED);
    let payment = PaymentBounds { intents: 2, ..PLAIN };
    check::<1>("one order, two intents", Bounds { payment, ..REPEATED });
    check::<1>("one order, waiting", Bounds { payment: WAITING, ..REPEATED });
}

#[test]
fn one_order_always_has_a_way_to_its_end() {
    check::<1>("one order, one fault", ACKED);
    let buyer = &[Message::CancelRequested, Message::NewCard];
    check::<1>("one order, another card", Bounds { buyer, ..QUIET });
    check::<1>("one order, waiting", Bounds { buyer, payment: WAITING, ..QUIET });
    let buyer = &[Message::CancelRequested, Message::Webhook];
    check::<1>("one order, a webhook", Bounds { buyer, ..QUIET });
}

#[test]
fn a_late_confirm_charges_no_buyer_twice_and_no_cancelled_order() {
    check::<1>("one order, late confirms", Bounds { payment: LATE, ..REPEATED });
    check::<1>("one order, late confirms, one fault", Bounds { payment: LATE, ..ACKED });
}

#[test]
fn a_late_confirm_with_another_card_charges_no_buyer_twice_and_no_cancelled_order() {
    let payment = PaymentBounds { may_be_late: true, ..WAITING };
    let buyer = &[Message::CancelRequested, Message::NewCard];
    check::<1>("one order, waiting, late confirms", Bounds { payment, buyer, ..QUIET });
}

/// The messages that are stored twice, with their step's row in the middle of an order and at its end.
const COPIED: [&[Message]; 6] = [
    &[Message::Created],
    &[Message::Reserved],
    &[Message::Paid],
    &[Message::CancelRequested],
    &[Message::Withdrawn],
    &[Message::Declined, Message::Refunded],
];

#[test]
fn an_order_whose_messages_are_stored_twice_has_one_end_and_always_a_way_to_it() {
    for copied in COPIED {
        let name = format!("one order, copies of {copied:?}");
        check::<1>(&name, Bounds { copied, payment: PLAIN, ..ACKED });
        check::<1>(&name, Bounds { copied, payment: PLAIN, is_unshippable: true, ..ACKED });
    }
    let (copied, buyer) = (&[Message::NewCard][..], &[Message::CancelRequested, Message::NewCard]);
    let bounds = Bounds { copied, buyer, payment: WAITING, ..QUIET };
    check::<1>("one order, copies of another card", bounds);
    let copied = &[Message::RequiresAction];
    let payment = PaymentBounds { cards: &[Intent::Succeeded, Intent::RequiresAction], ..CARDS };
    check::<1>("one order, copies of a poll", Bounds { payment, copied, ..ACKED });
}

#[test]
fn an_order_that_cannot_be_shipped_or_reserved_is_cancelled_or_rejected() {
    let bounds = Bounds { payment: PLAIN, ..ACKED };
    check::<1>("an unshippable order", Bounds { is_unshippable: true, ..bounds });
    check::<1>("an order without stock", Bounds { is_sold_out: true, ..bounds });
}

#[test]
fn an_order_without_a_card_is_cancelled_or_paid_with_another_one() {
    let waiting = PaymentBounds { on_decline: OnDecline::NewPaymentMethod, ..WITHOUT_CARD };
    for payment in [WITHOUT_CARD, waiting] {
        check::<1>("an order without a card, repeated messages", Bounds { payment, ..REPEATED });
        check::<1>("an order without a card, one fault", Bounds { payment, ..ACKED });
    }
}

#[test]
fn two_orders_share_a_stock_of_one() {
    let payment = PaymentBounds { runs: 1, ..PLAIN };
    check::<2>("two orders, stock for one", Bounds { payment, buyer: &[], ..QUIET });
}

/// Searches all states of `N` orders.
fn check<const N: usize>(name: &str, bounds: Bounds) {
    let started = Instant::now();
    match search(&World::<N>::new(Decisions::of_product(), bounds)) {
        Ok(Searched { states, transitions, ends }) => {
            let took = started.elapsed();
            report(&format!(
                "{name}: {states} states, {transitions} transitions, {ends} ends, {took:.1?}"
            ));
        }
        Err(Fault { invariant, trace }) => {
            panic!("{name}: not true that {invariant}\n{}", trace.join("\n"))
        }
    }
}

#[expect(clippy::print_stdout, reason = "the numbers of states are part of the test's output")]
fn report(text: &str) {
    println!("{text}");
}
