//! What a follower knows, whichever of events and look-ups comes first.

use orders::{CancelReason, CancelledBy, EventKind, OrderId, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::follow::FOLLOWED_EVENTS;

fn reached(status: Status) -> Reached {
    Reached { change: change(status), reason: None }
}

fn change(status: Status) -> StatusChange {
    StatusChange { status, at: Timestamp::from_millis(1) }
}

fn view(history: &[Status]) -> OrderView {
    OrderView {
        status: *history.last().unwrap(),
        reason: None,
        history: history.iter().copied().map(change).collect(),
        body_digest: None,
        next_action: None,
    }
}

fn statuses(order: &KnownOrder) -> Vec<Status> {
    let progress = order.progress().expect("the order was looked up");
    progress.history.iter().map(|change| change.status).collect()
}

/// An order whose look-up was answered with this history.
fn known(history: &[Status]) -> KnownOrder {
    let mut order = KnownOrder::default();
    let start = order.begin_lookup();
    order.learn(start, Some(&view(history)));
    order
}

use Status::{Accepted, Cancelled, Fulfilled, Paid, Rejected, Reserved, Withdrawn};

#[test]
fn events_that_follow_each_other_need_no_lookup() {
    let mut order = KnownOrder::default();
    let start = order.begin_lookup();
    assert_eq!(order.learn(start, None), Effect::Advanced);
    for status in [Reserved, Paid, Fulfilled] {
        assert_eq!(order.apply(reached(status)), Effect::Advanced);
        assert_eq!(order.apply(reached(status)), Effect::Nothing, "a copy");
    }
    assert_eq!(statuses(&order), [Reserved, Paid, Fulfilled]);
    assert_eq!(order.apply(reached(Cancelled)), Effect::Nothing, "a final status stays");
}

#[test]
fn what_comes_during_the_first_lookup_is_joined_to_its_answer() {
    let mut order = KnownOrder::default();
    let start = order.begin_lookup();
    assert_eq!(order.apply(reached(Paid)), Effect::Unclear);
    assert_eq!(order.apply(reached(Reserved)), Effect::Unclear);
    assert_eq!(order.progress(), None);
    assert_eq!(order.learn(start, Some(&view(&[Accepted]))), Effect::Advanced);
    assert_eq!(statuses(&order), [Accepted, Reserved, Paid]);
}

#[test]
fn an_event_before_which_another_is_missing_waits_for_a_lookup() {
    let mut order = known(&[Accepted]);
    assert_eq!(order.apply(reached(Paid)), Effect::Unclear);
    assert_eq!(statuses(&order), [Accepted]);
    let start = order.begin_lookup();
    assert_eq!(order.learn(start, Some(&view(&[Accepted, Reserved, Paid]))), Effect::Advanced);
    assert_eq!(statuses(&order), [Accepted, Reserved, Paid]);
    assert_eq!(order.apply(reached(Fulfilled)), Effect::Advanced);
}

#[test]
fn a_lookup_that_began_before_an_event_does_not_show_what_is_missing() {
    let mut order = KnownOrder::default();
    let start = order.begin_lookup();
    order.apply(reached(Paid));
    assert_eq!(order.learn(start, Some(&view(&[Accepted]))), Effect::Unclear);
    assert_eq!(statuses(&order), [Accepted]);
    let start = order.begin_lookup();
    // Not even then: the event counts all the same.
    assert_eq!(order.learn(start, Some(&view(&[Accepted]))), Effect::Advanced);
    assert_eq!(statuses(&order), [Accepted, Paid]);
}

#[test]
fn without_an_answer_the_events_count() {
    let mut order = KnownOrder::default();
    order.apply(reached(Withdrawn));
    assert_eq!(order.learn_nothing(), Effect::Advanced);
    assert_eq!(statuses(&order), [Withdrawn]);
    assert_eq!(KnownOrder::default().learn_nothing(), Effect::Nothing);
}

#[test]
fn an_answer_that_is_older_than_what_is_known_changes_nothing() {
    let mut order = known(&[Accepted, Reserved, Paid]);
    let start = order.begin_lookup();
    assert_eq!(order.learn(start, None), Effect::Nothing);
    assert_eq!(statuses(&order), [Accepted, Reserved, Paid]);
    let mut ended = known(&[Accepted, Rejected]);
    let start = ended.begin_lookup();
    assert_eq!(ended.learn(start, Some(&view(&[Accepted, Reserved, Fulfilled]))), Effect::Nothing);
}

#[test]
fn an_event_says_why() {
    let reason = CancelReason::Requested { by: CancelledBy::Buyer };
    let body = EventBody::Cancelled { reason: reason.clone() };
    let event = |body| Event {
        order_id: OrderId::from_bytes([1; 16]),
        at: Timestamp::from_millis(1),
        body,
        traceparent: None,
    };
    let cancelled = Reached::by(event(body)).unwrap();
    assert_eq!(cancelled.reason, Some(Reason::Cancelled(reason)));
    assert_eq!(Reached::by(event(EventBody::CancelRefused)), None);
    assert_eq!(Reached::by(event(EventBody::RequiresAction)).unwrap().reason, None);
}

/// What comes: an event, or a look-up of an order with this much of its history.
#[derive(Debug, Clone)]
enum Arrival {
    Event(EventKind),
    Answer(usize),
    NoAnswer,
}

fn any_arrival() -> impl Strategy<Value = Arrival> {
    prop_oneof![
        4 => prop::sample::select(FOLLOWED_EVENTS).prop_map(Arrival::Event),
        2 => (1..=4_usize).prop_map(Arrival::Answer),
        1 => Just(Arrival::NoAnswer),
    ]
}

proptest! {
    #[test]
    fn a_status_never_goes_backwards_and_what_waits_is_bounded(
        arrivals in prop::collection::vec(any_arrival(), 0..30),
    ) {
        let mut order = KnownOrder::default();
        let mut last: Option<Status> = None;
        for arrival in arrivals {
            match arrival {
                Arrival::Event(kind) => {
                    order.apply(reached(Accepted.after(kind)));
                }
                Arrival::Answer(length) => {
                    let start = order.begin_lookup();
                    let history = &[Accepted, Reserved, Paid, Fulfilled][..length];
                    prop_assert_ne!(order.learn(start, Some(&view(history))), Effect::Unclear);
                }
                Arrival::NoAnswer => {
                    order.learn_nothing();
                }
            }
            let status = order.status();
            prop_assert!(status >= last);
            prop_assert!(last.is_none_or(|last| !last.is_final() || status == Some(last)));
            prop_assert!(order.early.len() <= FOLLOWED_EVENTS.len());
            if let Some(progress) = order.progress() {
                prop_assert!(progress.history.is_sorted_by(|one, next| one.status < next.status));
            }
            last = status;
        }
    }
}
