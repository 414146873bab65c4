//! What an order says besides what is ordered: it is kept with the order's row, once and in one place, and an order
//! without it is as it always was.

use orders::{EventKind, OrderId, Status};
use serde_json::{Value, json};

use super::fixtures::{PRICE, basket, item};
use super::test_cluster::{TestCluster, wait_until, with_shared_cluster};

/// A basket with everything that an order may say about its buyer and its shop.
fn detailed_basket(sku: &str) -> Value {
    let mut body = basket(&[(sku, 2)]);
    body["reference"] = json!("R-1");
    body["shipping_address"] = json!({"name": "Ann Lee", "line1": "1 High St", "line2": "Flat 2",
        "city": "Leeds", "state": "West Yorkshire", "postal_code": "LS1 1AA", "country": "GB"});
    body["contact"] = json!({"email": "ann@example.com", "phone": "+441132960000"});
    body["metadata"] = json!({"gift": "yes", "box": "2"});
    body
}

#[test]
fn what_an_order_says_is_kept_in_one_row_beside_its_reservation() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("DETAILS", 10)]).await;
        let body = detailed_basket("DETAILS");
        let detailed = cluster.post(0, "details", &body).await.order_id();
        let plain = cluster.place("no-details", &basket(&[("DETAILS", 1)])).await;
        let mut elsewhere = body.clone();
        elsewhere["shipping_address"]["line2"] = json!("Flat 3");
        for view in cluster.wait_until_final(&[detailed, plain]).await {
            assert_eq!(view.status, Status::Fulfilled);
        }
        assert_eq!(cluster.contents(plain).await, None);

        // The same order with another address is another order.
        cluster.post(1, "details", &elsewhere).await;
        cluster.wait_for_event(detailed, EventKind::Conflicted).await;
        let row = cluster.contents(detailed).await.unwrap();
        for member in ["shipping_address", "contact", "metadata"] {
            assert_eq!(row[member], body[member]);
        }
        cluster.assert_consistent(&[detailed, plain]).await;
    });
}

#[test]
fn an_order_is_shown_as_it_was_placed_without_its_payment() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("READ-BACK", 10)]).await;
        let body = detailed_basket("READ-BACK");
        let placed = cluster.post(0, "shown", &body).await;
        cluster.wait_until_final(&[placed.order_id()]).await;
        let url = format!("{}/v1/orders/{}", cluster.edge_urls()[1], placed.signed_id());
        wait_until("the order is shown", async || {
            let shown = cluster.http.get(&url).await.body["order"].take();
            let mut expected = body.clone();
            expected["total"] = json!(2 * PRICE);
            expected["exponent"] = json!(2);
            expected.as_object_mut().unwrap().remove("payment");
            assert!(shown.is_null() || shown == expected, "{shown}");
            !shown.is_null()
        })
        .await;
        let status = cluster.http.get(&format!("{url}?fields=status")).await.body;
        assert_eq!((&status["status"], status.get("order")), (&json!("fulfilled"), None));
    });
}

#[test]
fn an_order_that_is_rejected_keeps_what_it_says() {
    with_shared_cluster(async |cluster| {
        let id = cluster.place("rejected-details", &detailed_basket("NO-SUCH")).await;
        assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Rejected);
        let row = cluster.contents(id).await.unwrap();
        assert_eq!(row["contact"]["email"], "ann@example.com");
    });
}

impl TestCluster {
    /// The order's row of contents, if it has one.
    async fn contents(&self, id: OrderId) -> Option<Value> {
        let connection = self.sources.database.connection().await.unwrap();
        let select = format!(
            "SELECT row_to_json(contents)::text FROM inventory.order_contents AS contents
             WHERE order_id = '{id}'"
        );
        let row = connection.query_opt(&select, &[]).await.unwrap();
        row.map(|row| serde_json::from_str(row.get(0)).unwrap())
    }
}
