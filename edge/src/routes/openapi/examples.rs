//! Examples of bodies. A test parses those of requests.

use serde_json::{Value, json};

pub(super) const ORDER_ID: &str = "8d2f7ab3c1e94f60b5d8e7a1c2f30946a3b1c5d7e9f20814";
pub(super) const EVENTS_TOKEN: &str = "006b0a8c105f1c0de2a7b94836c5d2e1f0a9b8c7d6";
pub(super) const CURSOR: &str = "0000019ac9a7c2800102030405060708090a0b0c0d0e0f10";
const DIGEST: &str = "5f0c1de2a7b94836c5d2e1f0a9b8c7d6";

pub(super) const EVENTS: &str = "retry: 2000\n\nid: accepted\ndata: {\"status\":\"accepted\",\"at\":\
                                  \"2026-11-28T09:00:00.123Z\"}\n\n";

pub(super) fn order() -> Value {
    json!({
        "currency": "GBP",
        "lines": [{"sku": "85123A", "quantity": 6, "unit_price": 255}],
        "adjustments": [{"type": "shipping", "label": "Royal Mail", "amount": 395}],
        "expected_total": 1925,
        "payment": {"token": "tok_visa", "on_decline": "new_payment_method"},
        "customer_id": "17850",
        "reference": "536365",
        "shipping_address": {
            "name": "Ann Example",
            "line1": "1 High Street",
            "city": "Leeds",
            "postal_code": "LS1 4AP",
            "country": "GB",
        },
        "contact": {"email": "ann@example.com", "phone": "+441132960000"},
        "metadata": {"campaign": "winter"},
    })
}

pub(super) fn accepted_order() -> Value {
    json!({
        "order_id": ORDER_ID,
        "status": "accepted",
        "durability": "durable",
        "body_digest": DIGEST,
    })
}

pub(super) fn batch_line() -> Value {
    json!({"idempotency_key": "cart-1", "order": order()})
}

pub(super) fn batch_answers() -> [Value; 2] {
    [
        json!({"line": 1, "status": 202, "order_id": ORDER_ID, "body_digest": DIGEST}),
        json!({
            "line": 2,
            "type": "/problems/not-json",
            "title": "Invalid JSON",
            "status": 400,
            "detail": "expected value at line 1 column 1. Send JSON (RFC 8259) in UTF-8.",
        }),
    ]
}

/// Without null as a member: `RapiDoc` does not show an example that has one.
pub(super) fn order_status() -> Value {
    let mut order = order();
    let members = order.as_object_mut().unwrap();
    members.remove("payment");
    members.remove("expected_total");
    members.insert("exponent".to_owned(), 2.into());
    members.insert("total".to_owned(), 1925.into());
    json!({
        "order_id": ORDER_ID,
        "status": "cancelled",
        "reason": {"code": "payment_declined", "decline_code": "insufficient_funds"},
        "history": [
            {"status": "accepted", "at": "2026-11-28T09:00:00.123Z"},
            {"status": "reserved", "at": "2026-11-28T09:00:00.141Z"},
            {"status": "declined", "at": "2026-11-28T09:00:00.512Z"},
            {"status": "cancelled", "at": "2026-11-28T09:00:00.530Z"},
        ],
        "current": true,
        "body_digest": DIGEST,
        "order": order,
    })
}

pub(super) fn stored_request() -> Value {
    json!({"order_id": ORDER_ID, "status": "reserved"})
}

pub(super) fn events_token() -> Value {
    json!({"token": EVENTS_TOKEN, "expires_at": "2026-11-28T09:10:00Z"})
}

pub(super) fn provider_event() -> Value {
    json!({
        "type": "payment_intent.succeeded",
        "data": {"object": {"metadata": {"order_id": &ORDER_ID[..32]}}},
    })
}

pub(super) fn stock() -> Value {
    json!({"sku": "85123A", "on_hand": 73, "unit_price": 255, "currency": "GBP", "exponent": 2})
}

pub(super) fn stock_list() -> Value {
    json!({"stock": [stock()], "unknown": ["85123Z"]})
}

/// The same.
pub(super) fn order_list() -> Value {
    let order = json!({
        "order_id": ORDER_ID, "status": "fulfilled", "created_at": "2026-11-28T10:00:00.123Z",
        "reference": "536365", "currency": "GBP", "exponent": 2, "total": 1530,
    });
    json!({"orders": [order], "next": CURSOR})
}
