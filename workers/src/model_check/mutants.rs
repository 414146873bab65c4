//! Mutants: each has one function replaced, and the search has to find which invariant it breaks.

use super::invariants::{
    CANCELLED_HOLDS_NO_STOCK, CHARGED_OR_CANCELLED, MONEY_IS_RECORDED, ROWS_ARE_PUBLISHED,
    SHIPPED_OR_RELEASED, STOCK_BALANCES,
};
use super::message::Message;
use super::order::{Bounds, Decisions};
use super::search::{ALWAYS_A_WAY, Fault, search};
use super::world::World;
use super::{ACKED, COPIED, PLAIN, QUIET, REPEATED, WAITING, report};
use crate::{fulfilment, inventory, payment};

fn fulfilment_of(fulfilment: fulfilment::model::Decisions) -> Decisions {
    Decisions { fulfilment, ..Decisions::of_product() }
}

fn inventory_of(inventory: inventory::model::Decisions) -> Decisions {
    Decisions { inventory, ..Decisions::of_product() }
}

fn payment_of(payment: payment::model::Decisions) -> Decisions {
    Decisions { payment, ..Decisions::of_product() }
}

/// Searches with a mutant, and expects that it breaks `invariant`.
fn finds(name: &str, decisions: Decisions, bounds: Bounds, invariant: &'static str) {
    match search(&World::<1>::new(decisions, bounds).only(invariant)) {
        Ok(searched) => panic!("{name}: no fault in {searched:?}"),
        Err(fault) => {
            let Fault { invariant: broken, trace } = fault;
            report(&format!("{name}: not true that {broken}\n{}", trace.join("\n")));
            assert_eq!(broken, invariant, "{name}");
        }
    }
}

#[test]
fn a_mutant_that_ships_a_withdrawn_order_is_found() {
    let decisions = fulfilment_of(fulfilment::model::SHIPS_WITHDRAWN);
    finds("ships a withdrawn order", decisions, REPEATED, SHIPPED_OR_RELEASED);
}

#[test]
fn a_mutant_that_does_not_report_an_unshippable_order_is_found() {
    let decisions = fulfilment_of(fulfilment::model::UNSHIPPABLE_IS_NOT_REPORTED);
    let bounds = Bounds { is_unshippable: true, payment: PLAIN, ..ACKED };
    finds("does not report an unshippable order", decisions, bounds, ALWAYS_A_WAY);
}

#[test]
fn a_mutant_that_reserves_over_a_tombstone_is_found() {
    let decisions = inventory_of(inventory::model::RESERVE_IGNORES_TOMBSTONE);
    finds("reserves over a tombstone", decisions, REPEATED, CANCELLED_HOLDS_NO_STOCK);
}

#[test]
fn a_mutant_that_releases_twice_is_found() {
    let decisions = inventory_of(inventory::model::RELEASE_REPEATS);
    finds("releases twice", decisions, REPEATED, STOCK_BALANCES);
}

#[test]
fn a_mutant_that_refunds_without_a_tombstone_is_found() {
    let decisions = payment_of(payment::model::mutants::REFUND_WITHOUT_TOMBSTONE);
    finds("refunds without a tombstone", decisions, REPEATED, CHARGED_OR_CANCELLED);
}

#[test]
fn a_mutant_that_does_not_wait_for_the_refund_is_found() {
    let decisions = payment_of(payment::model::mutants::REFUND_DOES_NOT_WAIT);
    finds("does not wait for the refund", decisions, REPEATED, CHARGED_OR_CANCELLED);
}

#[test]
fn a_mutant_that_takes_a_late_answer_for_a_decline_is_found() {
    let decisions = payment_of(payment::model::mutants::PROCESSING_IS_DECLINED);
    finds("takes a late answer for a decline", decisions, REPEATED, CHARGED_OR_CANCELLED);
}

#[test]
fn a_mutant_that_waits_for_another_card_without_an_intent_is_found() {
    let decisions = payment_of(payment::model::mutants::WAITS_WITHOUT_INTENT);
    let bounds = Bounds { payment: WAITING, ..QUIET };
    finds("waits without an intent", decisions, bounds, ALWAYS_A_WAY);
}

#[test]
fn a_mutant_that_declines_and_leaves_the_intent_open_is_found() {
    let decisions = payment_of(payment::model::mutants::CLOSES_WITHOUT_CANCEL);
    finds("declines and leaves the intent open", decisions, REPEATED, CHARGED_OR_CANCELLED);
}

#[test]
fn a_mutant_whose_refund_leaves_a_paid_row_is_found() {
    let decisions = payment_of(payment::model::mutants::REFUND_LEAVES_PAID);
    finds(
        "its refund leaves a paid row",
        decisions,
        Bounds { payment: PLAIN, ..ACKED },
        ALWAYS_A_WAY,
    );
}

#[test]
fn a_mutant_that_takes_a_redelivery_for_a_copy_is_found() {
    let decisions = Decisions::with_copies(|_, row| row.by.is_some());
    for copied in COPIED {
        let bounds = Bounds { copied, payment: PLAIN, ..ACKED };
        finds("takes a redelivery for a copy", decisions, bounds, ROWS_ARE_PUBLISHED);
    }
}

#[test]
fn a_mutant_whose_copies_take_over_a_row_without_an_answer_is_found() {
    let decisions = Decisions { takes_over: true, ..Decisions::of_product() };
    let bounds = Bounds { copied: &[Message::Created], payment: PLAIN, ..ACKED };
    finds("a copy takes the row over", decisions, bounds, ROWS_ARE_PUBLISHED);
}

#[test]
fn a_mutant_that_decides_twice_is_found() {
    let decisions = payment_of(payment::model::mutants::DECIDES_TWICE);
    finds("decides twice", decisions, ACKED, MONEY_IS_RECORDED);
}
