//! A charge that fails for a while, or is never answered, is retried, and the order is paid once.

use orders::{EventKind, Status};

use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::with_shared_cluster;

#[test]
fn an_order_whose_charge_fails_twice_is_paid_once() {
    assert_paid_once_with("tok_flaky_2");
}

#[test]
fn an_order_whose_capturing_call_is_never_answered_is_paid_once() {
    assert_paid_once_with("tok_hang");
}

fn assert_paid_once_with(token: &str) {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item(token, 9)]).await;
        let id = cluster.place(token, &with_payment_token(basket(&[(token, 1)]), token)).await;
        assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Fulfilled);
        cluster.assert_consistent(&[id]).await;
        let events = cluster.events_of(id).await;
        let paid = events.iter().filter(|kind| **kind == EventKind::Paid).count();
        assert_eq!(paid, 1, "{events:?}");
    });
}
