//! Orders that inventory rejects: with the reason and the SKUs, and without reserving anything.

use orders::Status;
use serde_json::{Value, json};

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, with_shared_cluster};

/// Places an order that must be rejected, and returns the reason in its status.
async fn rejection_reason(cluster: &TestCluster, key: &str, body: &Value) -> Value {
    let placed = cluster.post(0, key, body).await;
    let views = cluster.wait_until_final(&[placed.order_id()]).await;
    assert_eq!(views[0].status, Status::Rejected);
    cluster.assert_consistent(&[placed.order_id()]).await;
    cluster.current_status(placed.signed_id()).await["reason"].clone()
}

#[test]
fn an_order_for_more_than_the_stock_is_rejected_with_the_skus_that_are_short() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("SHORT-A", 9), item("SHORT-B", 1), item("SHORT-C", 0)]).await;
        let body = basket(&[("SHORT-A", 1), ("SHORT-C", 1), ("SHORT-B", 1), ("SHORT-B", 1)]);
        let reason = rejection_reason(cluster, "short", &body).await;
        assert_eq!(reason, json!({"code": "out_of_stock", "skus": ["SHORT-B", "SHORT-C"]}));
        assert_eq!((cluster.on_hand("SHORT-A").await, cluster.on_hand("SHORT-B").await), (9, 1));
    });
}

#[test]
fn an_order_for_an_unknown_sku_is_rejected() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("KNOWN", 9)]).await;
        let body = basket(&[("KNOWN", 1), ("UNKNOWN", 1)]);
        let reason = rejection_reason(cluster, "unknown", &body).await;
        assert_eq!(reason, json!({"code": "unknown_sku", "skus": ["UNKNOWN"]}));
        assert_eq!(cluster.on_hand("KNOWN").await, 9);
    });
}

#[test]
fn an_order_at_a_price_that_is_not_in_the_catalogue_is_rejected() {
    with_shared_cluster(async |cluster| {
        let mut two_prices = item("TWO-PRICES", 9);
        two_prices.other_prices = vec![199];
        cluster.load_catalog(&[two_prices]).await;
        let mut body = basket(&[("TWO-PRICES", 1)]);
        body["lines"][0]["unit_price"] = json!(198);
        let reason = rejection_reason(cluster, "price", &body).await;
        assert_eq!(reason, json!({"code": "price_changed", "skus": ["TWO-PRICES"]}));

        body["lines"][0]["unit_price"] = json!(199);
        let id = cluster.place("other-price", &body).await;
        assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Fulfilled);
        assert_eq!(cluster.on_hand("TWO-PRICES").await, 8);
    });
}

#[test]
fn an_order_in_another_currency_than_the_catalogues_is_rejected() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("POUNDS", 9)]).await;
        let mut body = basket(&[("POUNDS", 1)]);
        body["currency"] = json!("EUR");
        let reason = rejection_reason(cluster, "currency", &body).await;
        assert_eq!(reason, json!({"code": "currency_mismatch", "skus": ["POUNDS"]}));
        assert_eq!(cluster.on_hand("POUNDS").await, 9);
    });
}
