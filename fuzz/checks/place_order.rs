//! What holds of every body that a client may send: an order that is taken adds up and travels
//! whole, and a refusal points at what is wrong, briefly, without repeating a secret.

#[path = "seen.rs"]
mod seen;

use orders::{
    BodyDigest, Created, Event, EventBody, FieldError, InvalidOrder, OrderId, PlaceOrder, Timestamp,
};
use seen::Seen;

const LINES_MAX: usize = 1_000;
const QUANTITY_MAX: u32 = 1_000_000;
const AMOUNT_MAX: i64 = 999_999_999_999;
const FIELD_ERRORS_MAX: usize = 100;
/// Forty characters of a value, each escaped, and a sentence around them.
const DETAIL_BYTES_MAX: usize = 1_000;
/// The longest member that is known below the longest path to it, or a name that is not known.
const POINTER_BYTES_MAX: usize = 300;
/// What an event has besides the order: id, time, digest and names.
const EVENT_BYTES: usize = 300;
/// What the provider's tokens begin with. Any other text may stand in a fault by chance.
const TOKEN_START: &str = "tok_";

/// Panics where something does not hold of `body`.
pub(crate) fn check(body: &[u8]) {
    let seen = serde_json::from_slice::<Seen>(body);
    match (PlaceOrder::parse(body), seen) {
        (Ok(order), Ok(_)) => accepted(&order, body.len()),
        (Err(InvalidOrder::FieldErrors(faults)), Ok(seen)) => refused(&faults, &seen, body),
        (Err(InvalidOrder::NotJson(told)), Err(_)) => {
            assert!(told.len() <= DETAIL_BYTES_MAX, "{} bytes: {told}", told.len());
        }
        (parsed, seen) => panic!("{parsed:?} of {seen:?}"),
    }
}

fn accepted(order: &PlaceOrder, body_length: usize) {
    let PlaceOrder { lines, total, .. } = order;
    assert!((1..=LINES_MAX).contains(&lines.len()), "{} lines", lines.len());
    let mut sum = 0_i128;
    for line in lines {
        assert!((1..=QUANTITY_MAX).contains(&line.quantity.get()), "{line:?}");
        assert!((1..=AMOUNT_MAX).contains(&line.unit_price), "{line:?}");
        sum += i128::from(line.quantity.get()) * i128::from(line.unit_price);
    }
    assert!(sum <= i128::from(AMOUNT_MAX), "a total of {sum}");
    assert_eq!(sum, i128::from(total.amount), "the total is not the sum of the lines");

    let (order_id, at) = (OrderId::from_bytes([7; 16]), Timestamp::from_millis(1));
    let (line, digest) = Created::line(order_id, at, order);
    assert_eq!(digest, BodyDigest::of(order));
    assert!(line.len() <= body_length + EVENT_BYTES, "an event much larger than its body");
    assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1), "not one line");
    let body = EventBody::Created(Box::new(Created { digest, order: order.clone() }));
    let event = Event { order_id, at, body };
    assert_eq!(serde_json::from_slice::<Event>(&line).unwrap(), event, "reads differently");
    let mut again = Vec::new();
    event.write_line(&mut again);
    assert_eq!(line, again, "both ways to write the event differ");
}

fn refused(faults: &[FieldError], seen: &Seen, body: &[u8]) {
    assert!((1..=FIELD_ERRORS_MAX).contains(&faults.len()), "{} faults", faults.len());
    let token = seen.at("/payment/token").or_else(|| seen.at("/payment")).and_then(Seen::text);
    let is_once = |text: &&str| count(body, text.as_bytes()) == 1;
    let token = token.filter(|token| token.starts_with(TOKEN_START)).filter(is_once);
    for fault in faults {
        let FieldError { pointer, detail } = fault;
        assert!(pointer.len() <= POINTER_BYTES_MAX, "a pointer of {} bytes", pointer.len());
        assert!(detail.len() <= DETAIL_BYTES_MAX, "a detail of {} bytes", detail.len());
        assert!(!detail.is_empty());
        let is_there = seen.at(pointer).is_some() || belongs(pointer, seen);
        assert!(is_there, "{pointer} points nowhere: {detail}");
        if let Some(token) = token {
            assert!(!detail.contains(token), "a payment token is repeated: {detail}");
        }
    }
}

/// Whether a member belongs there that is missing.
fn belongs(pointer: &str, seen: &Seen) -> bool {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return false };
    let known = match parent {
        "" => ["currency", "lines"].as_slice(),
        "/payment" => &["token"],
        _ => &["sku", "quantity", "unit_price"],
    };
    known.contains(&name) && seen.at(parent).is_some_and(Seen::is_object)
}

fn count(body: &[u8], text: &[u8]) -> usize {
    body.windows(text.len()).filter(|window| *window == text).count()
}
