//! Properties of order parsing for arbitrary bodies: an accepted order is consistent and
//! round-trips, and field errors are short, point at what is wrong and do not contain a secret.

#[path = "json_value.rs"]
mod json_value;

use json_value::JsonValue;
use orders::{
    BodyDigest, BorrowedOrder, Created, Event, EventBody, FieldError, InvalidOrder, OrderId,
    PlaceOrder, Timestamp,
};

const LINES_MAX: usize = 1_000;
const ADJUSTMENTS_MAX: usize = 100;
const QUANTITY_MAX: u32 = 1_000_000;
const AMOUNT_MAX: i64 = 999_999_999_999;
const FIELD_ERRORS_MAX: usize = 100;
/// Forty characters of a value, each escaped, within a sentence.
const DETAIL_BYTES_MAX: usize = 1_000;
/// The longest known member on the longest path, or an unknown member name.
const POINTER_BYTES_MAX: usize = 300;
/// The bytes of an event besides the order: id, time, digest and member names.
const EVENT_BYTES: usize = 300;
/// The prefix of the provider's tokens. Any other string may be part of an error by chance.
const TOKEN_PREFIX: &str = "tok_";

/// Panics if a property does not hold for `body`.
pub(crate) fn check(body: &[u8]) {
    let json = serde_json::from_slice::<JsonValue>(body);
    match (PlaceOrder::parse_borrowed(body), json) {
        (Ok(order), Ok(_)) => check_order(order, body.len()),
        (Err(InvalidOrder::FieldErrors(errors)), Ok(json)) => check_errors(&errors, &json, body),
        (Err(InvalidOrder::NotJson(detail)), Err(_)) => {
            assert!(detail.len() <= DETAIL_BYTES_MAX, "{} bytes: {detail}", detail.len());
        }
        (parsed, json) => panic!("{parsed:?} of {json:?}"),
    }
}

fn check_order(order: BorrowedOrder<'_>, body_length: usize) {
    let PlaceOrder { lines, adjustments, total, .. } = &order;
    assert!((1..=LINES_MAX).contains(&lines.len()), "{} lines", lines.len());
    let mut sum = 0_i128;
    for line in lines {
        assert!((1..=QUANTITY_MAX).contains(&line.quantity.get()), "{line:?}");
        assert!((0..=AMOUNT_MAX).contains(&line.unit_price), "{line:?}");
        sum += i128::from(line.quantity.get()) * i128::from(line.unit_price);
    }
    assert!(adjustments.len() <= ADJUSTMENTS_MAX, "{} adjustments", adjustments.len());
    sum += adjustments.iter().map(|adjustment| i128::from(adjustment.amount)).sum::<i128>();
    assert!((0..=i128::from(AMOUNT_MAX)).contains(&sum), "a total of {sum}");
    assert_eq!(sum, i128::from(total.amount), "the total is not the sum of lines and adjustments");
    assert!(sum == 0 || order.payment_token.is_some(), "an order without a payment");

    let order_id = OrderId::from_bytes([7; 16]);
    let at = Timestamp::from_millis(1);
    let (line, digest) = Created::line(order_id, at, &order, None);
    let order = order.into_owned();
    assert_eq!(digest, BodyDigest::of(&order));
    assert!(line.len() <= body_length + EVENT_BYTES, "an event much larger than its body");
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1), "not one line");
    let body = EventBody::Created(Box::new(Created { digest, order, caller: None }));
    let event = Event { order_id, at, body, traceparent: None };
    assert_eq!(
        serde_json::from_slice::<Event>(&line).unwrap(),
        event,
        "parses to a different event"
    );
    let mut written = Vec::new();
    event.write_line(&mut written);
    assert_eq!(line, written, "Created::line and Event::write_line differ");
}

fn check_errors(errors: &[FieldError], json: &JsonValue, body: &[u8]) {
    assert!((1..=FIELD_ERRORS_MAX).contains(&errors.len()), "{} errors", errors.len());
    let token = json.at("/payment/token").or_else(|| json.at("/payment"));
    let token = token.and_then(JsonValue::string);
    let is_once = |text: &&str| count(body, text.as_bytes()) == 1;
    let token = token.filter(|token| token.starts_with(TOKEN_PREFIX)).filter(is_once);
    for error in errors {
        let FieldError { pointer, detail } = error;
        assert!(pointer.len() <= POINTER_BYTES_MAX, "a pointer of {} bytes", pointer.len());
        assert!(detail.len() <= DETAIL_BYTES_MAX, "a detail of {} bytes", detail.len());
        assert!(!detail.is_empty());
        let resolves = json.at(pointer).is_some() || is_missing_member(pointer, json);
        assert!(resolves, "{pointer} points nowhere: {detail}");
        if let Some(token) = token {
            assert!(!detail.contains(token), "a payment token is repeated: {detail}");
        }
    }
}

/// Whether `pointer` names a required member that its object lacks.
fn is_missing_member(pointer: &str, json: &JsonValue) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let required = match parent {
        "" => ["currency", "lines", "payment"].as_slice(),
        "/payment" => &["token"],
        parent if parent.starts_with("/adjustments/") => &["type", "label", "amount"],
        "/shipping_address" => &["name", "line1", "country"],
        _ => &["sku", "quantity", "unit_price"],
    };
    required.contains(&name) && json.at(parent).is_some_and(JsonValue::is_object)
}

fn count(body: &[u8], text: &[u8]) -> usize {
    body.windows(text.len()).filter(|window| *window == text).count()
}
