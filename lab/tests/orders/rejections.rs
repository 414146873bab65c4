//! What inventory rejects: with the reason, with the SKUs, and without holding anything.

use orders::Status;
use serde_json::{Value, json};

use super::fixtures::{basket, item};
use super::test_cluster::{Shop, in_the_shared_shop};

/// Places an order that must be rejected, and gives the reason that a buyer is shown.
async fn rejected(shop: &Shop, key: &str, body: &Value) -> Value {
    let answer = shop.post(0, key, body).await;
    let views = shop.until_final(&[answer.order_id()]).await;
    assert_eq!(views[0].status, Status::Rejected);
    shop.books_balance(&[answer.order_id()]).await;
    shop.shown(answer.proven_id()).await["reason"].clone()
}

#[test]
fn for_want_of_stock_with_the_skus_that_are_short() {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item("SHORT-A", 9), item("SHORT-B", 1), item("SHORT-C", 0)]).await;
        let body = basket(&[("SHORT-A", 1), ("SHORT-C", 1), ("SHORT-B", 1), ("SHORT-B", 1)]);
        let reason = rejected(shop, "short", &body).await;
        assert_eq!(reason, json!({"code": "out_of_stock", "skus": ["SHORT-B", "SHORT-C"]}));
        assert_eq!((shop.on_hand("SHORT-A").await, shop.on_hand("SHORT-B").await), (9, 1));
    });
}

#[test]
fn for_a_sku_that_the_catalogue_does_not_have() {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item("KNOWN", 9)]).await;
        let body = basket(&[("KNOWN", 1), ("UNHEARD-OF", 1)]);
        let reason = rejected(shop, "unknown", &body).await;
        assert_eq!(reason, json!({"code": "unknown_sku", "skus": ["UNHEARD-OF"]}));
        assert_eq!(shop.on_hand("KNOWN").await, 9);
    });
}

#[test]
fn for_a_price_that_is_not_one_of_the_catalogues() {
    in_the_shared_shop(async |shop| {
        let mut two_prices = item("TWO-PRICES", 9);
        two_prices.other_prices = vec![199];
        shop.sell(&[two_prices]).await;
        let mut body = basket(&[("TWO-PRICES", 1)]);
        body["lines"][0]["unit_price"] = json!(198);
        let reason = rejected(shop, "price", &body).await;
        assert_eq!(reason, json!({"code": "price_changed", "skus": ["TWO-PRICES"]}));

        body["lines"][0]["unit_price"] = json!(199);
        let id = shop.place("other-price", &body).await;
        assert_eq!(shop.until_final(&[id]).await[0].status, Status::Fulfilled);
        assert_eq!(shop.on_hand("TWO-PRICES").await, 8);
    });
}

#[test]
fn for_another_currency_than_the_catalogues() {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item("POUNDS", 9)]).await;
        let mut body = basket(&[("POUNDS", 1)]);
        body["currency"] = json!("EUR");
        let reason = rejected(shop, "currency", &body).await;
        assert_eq!(reason, json!({"code": "currency_mismatch", "skus": ["POUNDS"]}));
        assert_eq!(shop.on_hand("POUNDS").await, 9);
    });
}
