//! What an edge allocates for an order: room for its lines, and room for its event.

use allocation_counter::measure;
use orders::{Created, OrderId, PlaceOrder, SigningKeys, Timestamp, TraceParent};

const THREE_LINES: &str = r#"{"customer_id":"17850","reference":"536365","expected_total":5764,"currency":"GBP",
    "payment":{"token":"tok_visa","on_decline":"new_payment_method"},
    "lines":[{"sku":"85123A","quantity":6,"unit_price":255},{"sku":"71053","quantity":6,"unit_price":339},
             {"sku":"84406B","quantity":8,"unit_price":275}]}"#;

/// Every text and number as long as it may be.
fn longest() -> String {
    let (text, sku) = ("x".repeat(255), "S".repeat(64));
    format!(
        r#"{{"customer_id":"{text}","reference":"{text}","currency":"GBP",
            "payment":{{"token":"{text}","on_decline":"new_payment_method"}},
            "lines":[{{"sku":"{sku}","quantity":1,"unit_price":899999999999}}]}}"#
    )
}

/// The same with every text about a person, and as much metadata as fits.
fn longest_with_details() -> String {
    let (text, email) = ("x".repeat(255), format!("{}@{}", "l".repeat(64), "d".repeat(189)));
    let (key, value, label) = ("k".repeat(38), "v".repeat(280), "l".repeat(64));
    let adjustment = format!(r#"{{"type":"shipping","label":"{label}","amount":1000000000}}"#);
    let adjustments = vec![adjustment; 100].join(",");
    let pairs =
        (10..60).map(|at| format!(r#""{key}{at}":"{value}""#)).collect::<Vec<_>>().join(",");
    let details = format!(
        r#"{{"shipping_address":{{"name":"{text}","line1":"{text}","line2":"{text}","city":"{text}",
            "state":"{text}","postal_code":"{text}","country":"GB"}},
        "contact":{{"email":"{email}","phone":"+123456789012345"}},"metadata":{{{pairs}}},
        "adjustments":[{adjustments}],"#
    );
    longest().replacen('{', &details, 1)
}

#[test]
fn an_order_of_three_lines_is_read_with_one_allocation() {
    let read = measure(|| drop(PlaceOrder::parse_borrowed(THREE_LINES.as_bytes()).unwrap()));
    assert_eq!(read.count_total, 1);
}

#[test]
fn the_event_of_an_order_is_written_with_one_allocation() {
    let (order_id, at) = (OrderId::from_bytes([7; 16]), Timestamp::from_millis(i64::MIN));
    let trace: TraceParent =
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    let caller = SigningKeys::new("secret", []).caller_hash(&"ann".parse().unwrap());
    for body in [THREE_LINES, &longest(), &longest_with_details()] {
        let order = PlaceOrder::parse_borrowed(body.as_bytes()).unwrap();
        let written = measure(|| {
            let (mut line, _) = Created::line(order_id, at, &order, caller);
            trace.add_to_line(&mut line);
        });
        assert_eq!(written.count_total, 1, "{body}");
    }
}
