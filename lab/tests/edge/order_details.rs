//! Orders that say where they are shipped to, how their buyer is reached, and what their shop keeps with them.

use edge::BODY_BYTES_MAX;
use futures_util::FutureExt;
use futures_util::future::{join, join3};
use orders::{CallerName, OrderId};
use serde_json::{Value, json};
use streams::RequestStream;
use streams::subjects::{CONTENTS_GET, STATUS_GET};

use super::raw_http::ORDER;
use super::test_edge::{fresh_key, order_id, signing_keys};
use crate::test_servers::TestServers;

#[tokio::test]
async fn an_order_with_details_is_stored_under_a_name_that_earlier_workers_do_not_know() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let mut order: Value = serde_json::from_str(ORDER).unwrap();
    order["metadata"] = json!({"gift": "yes"});
    order["contact"] = json!({"phone": "+441132960000"});
    let reply = edge.connect().await.post(&fresh_key(), &order.to_string()).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let events = servers.stored_events_of(order_id(&reply.json())).await;
    let created = &events[0]["event"]["created_v2"]["order"];
    assert_eq!(
        (&created["metadata"], &created["contact"]),
        (&order["metadata"], &order["contact"])
    );
    edge.stop().await;
}

#[tokio::test]
async fn invalid_details_are_refused_with_pointers_and_not_repeated() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut order: Value = serde_json::from_str(ORDER).unwrap();
    order["shipping_address"] =
        json!({"name": "Secret\u{1}", "line1": "Secret\n", "country": "Secret"});
    order["contact"] = json!({"email": "Secret", "phone": "Secret"});
    order["metadata"] = json!({"note": "Secret\u{7}"});
    let reply = edge.connect().await.post(&fresh_key(), &order.to_string()).await;
    reply.assert_problem(422, "not-an-order");
    assert!(!reply.body.contains("Secret"), "{}", reply.body);
    let errors = reply.json()["errors"].clone();
    let pointers: Vec<&str> =
        errors.as_array().unwrap().iter().map(|it| it["pointer"].as_str().unwrap()).collect();
    let expected = [
        "/shipping_address/name",
        "/shipping_address/line1",
        "/shipping_address/country",
        "/contact/email",
        "/contact/phone",
        "/metadata/note",
    ];
    assert_eq!(pointers, expected);
    edge.stop().await;
}

#[tokio::test]
async fn what_an_order_says_is_asked_of_inventory_unless_its_status_is_enough() {
    let servers = TestServers::start_with_streams().await;
    let mut statuses = servers.worker_requests(STATUS_GET).await;
    let mut contents = servers.worker_requests(CONTENTS_GET).await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let path = format!(
        "/v1/orders/{}",
        signing_keys().sign(OrderId::from_bytes([7; 16]), &CallerName::PUBLIC)
    );
    let order = json!({"total": {"amount": 5, "currency": "GBP"}, "metadata": {"gift": "yes"},
        "lines": [{"sku": "A", "quantity": 1, "unit_price": 5}]});

    let whole = async {
        let reply = client.get(&path).await;
        assert_eq!(reply.json()["order"]["total"], 5);
        assert_eq!(reply.json()["order"]["metadata"], json!({"gift": "yes"}));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
    };
    let contents_once = async {
        let request = contents.next().await.unwrap();
        request.reply(json!([order]).to_string().into_bytes()).await;
    };
    join3(whole, contents_once, answer_nothing(&mut statuses)).await;

    let status_alone = format!("{path}?fields=status");
    let status = async {
        let status = client.get(&status_alone).await.json();
        assert_eq!((&status["status"], status.get("order")), (&json!("accepted"), None));
    };
    join(status, answer_nothing(&mut statuses)).await;
    assert!(contents.next().now_or_never().is_none(), "inventory was asked for a status");

    // No worker of inventory has the order to show.
    drop(contents);
    let without = async {
        let reply = client.get(&path).await;
        assert_eq!((reply.status, reply.json().get("order")), (200, None));
    };
    join(without, answer_nothing(&mut statuses)).await;
    client.get(&format!("{path}?fields=lines")).await.assert_problem(400, "invalid-fields");
    edge.stop().await;
}

/// Answers one request for a status: there are no rows.
async fn answer_nothing(statuses: &mut RequestStream) {
    statuses.next().await.unwrap().reply(b"[null]".into()).await;
}

#[tokio::test]
async fn the_largest_order_fits_into_a_body() {
    let edge = TestServers::shared().await.start_edge().await;
    let body = largest_order().to_string();
    assert!(body.len() < BODY_BYTES_MAX, "{} bytes", body.len());
    let reply = edge.connect().await.post(&fresh_key(), &body).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    edge.stop().await;
}

/// Every text of an order as long as it may be, in the characters that need the most bytes.
fn largest_order() -> Value {
    let (text, sku) = ("𝄞".repeat(255), |number: usize| format!("{number:064}"));
    let line = |number| json!({"sku": sku(number), "quantity": 1, "unit_price": 999_999_999});
    let email = format!("{}@{}", "l".repeat(64), "d".repeat(189));
    // 16 KiB: 31 pairs of 160 bytes for the key and 368 for the value, and one of what is left.
    let pairs = (10..41).map(|at| (format!("{}{at}", "𝄞".repeat(38)), json!("𝄞".repeat(93))));
    let adjustment =
        json!({"type": "gift_card", "label": "𝄞".repeat(64), "amount": -1_000_000_000});
    json!({
        "currency": "GBP", "customer_id": text, "reference": text,
        "payment": {"token": "t".repeat(255), "on_decline": "new_payment_method"},
        "lines": (0..1_000).map(line).collect::<Vec<_>>(),
        "shipping_address": {"name": text, "line1": text, "line2": text, "city": text, "state": text,
            "postal_code": text, "country": "GB"},
        "contact": {"email": email, "phone": "+123456789012345"},
        "metadata": pairs.collect::<Value>(),
        "adjustments": vec![adjustment; 100],
    })
}
