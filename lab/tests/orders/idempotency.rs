//! The same key: one order, whatever is repeated, wherever, and however often at once.

use futures_util::future::join_all;
use hyper::StatusCode;
use orders::Status;

use super::fixtures::{basket, item};
use super::test_cluster::{in_the_shared_shop, until};

const TIMES: usize = 100;

#[test]
fn a_hundred_times_at_once_over_two_edges_is_one_reservation_one_charge_and_one_shipment() {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item("ONE-KEY", 1_000)]).await;
        let body = basket(&[("ONE-KEY", 3)]);
        let posts = (0..TIMES).map(|number| shop.post(number % 2, "one-key", &body));
        let answers = join_all(posts).await;
        let id = answers[0].order_id();
        assert!(answers.iter().all(|answer| answer.order_id() == id));

        assert_eq!(shop.until_final(&[id]).await[0].status, Status::Fulfilled);
        assert_eq!(shop.on_hand("ONE-KEY").await, 997);
        shop.books_balance(&[id]).await;
    });
}

#[test]
fn another_body_under_the_same_key_is_refused() {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item("OTHER-BODY", 10)]).await;
        let (first, other) = (basket(&[("OTHER-BODY", 1)]), basket(&[("OTHER-BODY", 2)]));
        let id = shop.post(0, "other-body", &first).await.order_id();
        // Redis is asked with little patience, so on a busy machine it may hear and tell late.
        until("the first order is known", async || {
            shop.post(0, "other-body", &first).await.replayed
        })
        .await;
        for edge in [0, 1] {
            until("the other order is refused", async || {
                let answer = shop.post(edge, "other-body", &other).await;
                answer.body["type"] == "/problems/idempotency-key-reused"
                    && answer.status == StatusCode::UNPROCESSABLE_ENTITY
            })
            .await;
        }
        shop.books_balance(&[id]).await;
        assert_eq!(shop.on_hand("OTHER-BODY").await, 9);
    });
}
