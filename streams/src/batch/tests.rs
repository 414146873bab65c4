//! The wire format is stable: each kind of event has a golden file. A change that makes one of
//! these tests fail breaks every cluster during an upgrade.

mod earlier;

use std::path::Path;

use async_nats::header::NATS_MESSAGE_ID;
use orders::*;

use super::*;

fn id(byte: u8) -> OrderId {
    OrderId::from_bytes([byte; 16])
}

fn money(amount: i64) -> Money {
    Money { amount, currency: "GBP".parse().unwrap() }
}

fn order(body: &str) -> Created {
    let order = PlaceOrder::parse(body.as_bytes()).unwrap();
    Created { digest: BodyDigest::of(&order), order, caller: None }
}

/// An order as an earlier version stored it: without a payment.
fn smallest() -> Created {
    let body = r#"{"currency":"GBP","lines":[{"sku":"M","quantity":1,"unit_price":5}],
        "payment":{"token":"tok_visa"}}"#;
    let order = PlaceOrder { payment_token: None, ..order(body).order };
    Created { digest: BodyDigest::of(&order), order, caller: None }
}

/// Two bodies of each kind: with every optional field and with none, or with different values.
fn two_bodies(kind: EventKind) -> [EventBody; 2] {
    let whole = r#"{"customer_id":"17850","currency":"GBP","reference":"536365","expected_total":10,
        "lines":[{"sku":"85123A","quantity":1,"unit_price":5},{"sku":"BANK CHARGES","quantity":1,
        "unit_price":5}],"payment":{"token":"tok_visa"}}"#;
    let token = || order(whole).order.payment_token;
    let skus = || vec!["85123A".parse().unwrap(), "BANK CHARGES".parse().unwrap()];
    let by_buyer = CancelReason::Requested { by: CancelledBy::Buyer };
    match kind {
        EventKind::Created => {
            [smallest(), order(whole)].map(|created| EventBody::Created(Box::new(created)))
        }
        EventKind::Reserved => {
            [None, token()].map(|payment_token| reserved(payment_token, OnDecline::Cancel))
        }
        EventKind::Rejected => [
            EventBody::Rejected { reason: Rejection::OutOfStock { skus: skus() } },
            EventBody::Rejected { reason: Rejection::PriceChanged { skus: skus() } },
        ],
        EventKind::Conflicted => [smallest(), order(whole)]
            .map(|Created { digest, .. }| EventBody::Conflicted { digest }),
        EventKind::RequiresAction => [EventBody::RequiresAction, EventBody::RequiresAction],
        EventKind::PaymentSubmitted => {
            [None, token()].map(|payment_token| EventBody::PaymentSubmitted { payment_token })
        }
        EventKind::Paid => ["pi_1", "pi_2"]
            .map(|intent| EventBody::Paid { amount: money(10), payment_intent: intent.to_owned() }),
        EventKind::Declined => ["generic_decline", "insufficient_funds"]
            .map(|code| EventBody::Declined { decline_code: code.to_owned() }),
        EventKind::Fulfilled => ["shp_1", "shp_2"]
            .map(|shipment| EventBody::Fulfilled { shipment: shipment.to_owned() }),
        EventKind::CancelRequested => {
            [CancelledBy::Buyer, CancelledBy::Expiry].map(|by| EventBody::CancelRequested { by })
        }
        EventKind::CancelRefused => [EventBody::CancelRefused, EventBody::CancelRefused],
        EventKind::Withdrawn => [by_buyer, CancelReason::Unshippable { skus: skus() }]
            .map(|reason| EventBody::Withdrawn { reason }),
        EventKind::Refunded => [None, Some(money(10))]
            .map(|amount| EventBody::Refunded { amount, reason: by_buyer.clone() }),
        EventKind::Cancelled => [
            by_buyer,
            CancelReason::PaymentDeclined { decline_code: "insufficient_funds".to_owned() },
        ]
        .map(|reason| EventBody::Cancelled { reason }),
    }
}

/// The bodies of an order that waits for another payment method after a decline.
fn waiting_body(kind: EventKind) -> Option<EventBody> {
    let order = order(
        r#"{"currency":"GBP","lines":[{"sku":"M","quantity":1,"unit_price":5}],
        "payment":{"token":"tok_visa","on_decline":"new_payment_method"}}"#,
    );
    match kind {
        EventKind::Created => Some(EventBody::Created(Box::new(order))),
        EventKind::Reserved => {
            Some(reserved(order.order.payment_token, OnDecline::NewPaymentMethod))
        }
        _ => None,
    }
}

/// The body of an order with details, which a version before them must not read.
fn detailed_body(kind: EventKind) -> Option<EventBody> {
    let order = order(
        r#"{"currency":"GBP","lines":[{"sku":"M","quantity":1,"unit_price":5}],
        "payment":{"token":"tok_visa"},"metadata":{"gift":"yes","box":"2"},
        "shipping_address":{"name":"Ann Lee","line1":"1 High St","line2":"Flat 2","city":"Leeds",
            "state":"West Yorkshire","postal_code":"LS1 1AA","country":"GB"},
        "contact":{"email":"ann@example.com","phone":"+441132960000"}}"#,
    );
    (kind == EventKind::Created).then(|| EventBody::Created(Box::new(order)))
}

/// The bodies of an order that costs nothing, which a version before it must not read either.
fn free_body(kind: EventKind) -> Option<EventBody> {
    let order = order(
        r#"{"currency":"GBP","lines":[{"sku":"M","quantity":1,"unit_price":5}],
        "adjustments":[{"type":"shipping","label":"Post","amount":3},
            {"type":"gift_card","label":"Card 1","amount":-8}]}"#,
    );
    match kind {
        EventKind::Created => Some(EventBody::Created(Box::new(order))),
        EventKind::Reserved => {
            let (payment_token, on_decline) = (None, OnDecline::Cancel);
            Some(EventBody::Reserved { amount: order.order.total, payment_token, on_decline })
        }
        _ => None,
    }
}

/// The body of an order of an authenticated caller, which a version before them must not read.
fn body_of_caller(kind: EventKind) -> Option<EventBody> {
    let caller = SigningKeys::new("secret", []).caller_hash(&"ann".parse().unwrap());
    let created = Created { caller, ..smallest() };
    (kind == EventKind::Created).then(|| EventBody::Created(Box::new(created)))
}

fn reserved(payment_token: Option<PaymentToken>, on_decline: OnDecline) -> EventBody {
    EventBody::Reserved { amount: money(10), payment_token, on_decline }
}

fn events(kind: EventKind) -> Vec<Event> {
    let at = Timestamp::from_millis(1_795_151_246_000);
    let bodies = two_bodies(kind)
        .into_iter()
        .chain(waiting_body(kind))
        .chain(detailed_body(kind))
        .chain(free_body(kind))
        .chain(body_of_caller(kind));
    (1..)
        .zip(bodies)
        .map(|(number, body)| Event { order_id: id(number), at, body, traceparent: None })
        .collect()
}

#[test]
fn every_kind_of_event_serialises_to_its_golden_file_and_parses_back() {
    for &kind in EventKind::ALL {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/batch/golden/{kind}.ndjson"));
        let messages = messages(&events(kind), RECORDS_MAX);
        let golden = std::fs::read(&file).unwrap();
        let written = String::from_utf8_lossy(&messages[0].payload);
        assert_eq!(written, String::from_utf8_lossy(&golden), "{kind}");
        let read: Vec<Event> = lines(&Bytes::from(golden))
            .map(|line| serde_json::from_slice(&line).unwrap())
            .collect();
        assert_eq!(read, events(kind));
    }
}

#[test]
fn the_headers_of_a_batch_give_its_content_type_schema_and_record_count() {
    let message = &messages(&events(EventKind::Paid), RECORDS_MAX)[0];
    let header = |name| message.headers.get(name).unwrap().as_str();
    assert!(matches!(message.destination, Destination::Lanes(EventKind::Paid)));
    assert_eq!(header("Content-Type"), "application/x-ndjson");
    assert_eq!(header("Millrace-Records"), "2");
    assert_eq!(header("Millrace-Schema"), "1");
}

#[test]
fn the_same_events_have_the_same_id_and_a_different_grouping_has_a_different_id() {
    let events = events(EventKind::Paid);
    let ids = |events: &[Event], records_max| -> Vec<String> {
        let messages = messages(events, records_max);
        let id =
            |message: &OutboundMessage| message.headers.get(NATS_MESSAGE_ID).unwrap().to_string();
        messages.iter().map(id).collect()
    };
    assert_eq!(ids(&events, 2), ids(&events, 2));
    let (together, apart) = (ids(&events, 2), ids(&events, 1));
    assert_eq!((together.len(), apart.len()), (1, 2));
    assert!(!apart.contains(&together[0]));
}

#[test]
fn no_batch_exceeds_its_limits_and_no_record_is_lost() {
    let many: Vec<Event> = (0..1_000u32)
        .map(|number| Event {
            order_id: id((number % 251) as u8),
            at: Timestamp::from_millis(number.into()),
            body: EventBody::Fulfilled { shipment: "s".repeat(2_000) },
            traceparent: None,
        })
        .collect();
    let messages = messages(&many, RECORDS_MAX);
    let mut read = Vec::new();
    for message in &messages {
        let records: Vec<Bytes> = lines(&message.payload).collect();
        assert!(records.len() <= RECORDS_MAX && message.payload.len() <= BYTES_MAX);
        read.extend(records.iter().map(|line| serde_json::from_slice::<Event>(line).unwrap()));
    }
    assert_eq!(read, many);
}
