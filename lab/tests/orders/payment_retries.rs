//! A charge that fails for a while, or is never answered: tried again later, paid once.

use orders::{EventKind, Status};

use super::fixtures::{basket, item, paid_with};
use super::test_cluster::in_the_shared_shop;

#[test]
fn an_order_is_paid_once_after_its_charge_has_failed_twice() {
    is_paid_once_with("tok_flaky_2");
}

#[test]
fn an_order_is_paid_once_though_the_call_that_captured_was_never_answered() {
    is_paid_once_with("tok_hang");
}

fn is_paid_once_with(token: &str) {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item(token, 9)]).await;
        let id = shop.place(token, &paid_with(basket(&[(token, 1)]), token)).await;
        assert_eq!(shop.until_final(&[id]).await[0].status, Status::Fulfilled);
        shop.books_balance(&[id]).await;
        let told = shop.told(id).await;
        assert_eq!(told.iter().filter(|kind| **kind == EventKind::Paid).count(), 1, "{told:?}");
    });
}
