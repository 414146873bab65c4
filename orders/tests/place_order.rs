//! What a buyer is told about a body that is no order, and what an order keeps of a body.

use orders::{BodyDigest, FieldError, InvalidOrder, PlaceOrder};

const SMALLEST: &str =
    r#"{"currency":"GBP","lines":[{"sku":"85123A","quantity":6,"unit_price":255}]}"#;

fn faults(body: &str) -> Vec<FieldError> {
    match PlaceOrder::parse(body.as_bytes()) {
        Err(InvalidOrder::FieldErrors(faults)) => faults,
        other => panic!("faults expected: {other:?}"),
    }
}

fn pointers(body: &str) -> Vec<String> {
    faults(body).into_iter().map(|fault| fault.pointer).collect()
}

#[test]
fn the_smallest_order_has_a_currency_and_a_line() {
    let order = PlaceOrder::parse(SMALLEST.as_bytes()).unwrap();
    assert_eq!(order.total.amount, 1_530);
    assert_eq!(order.lines[0].sku.as_str(), "85123A");
}

#[test]
fn an_order_with_everything_keeps_everything() {
    let body = r#"{"customer_id":"17850","currency":"GBP","expected_total":300,"reference":"536365",
        "lines":[{"sku":"A","quantity":1,"unit_price":100},{"sku":"A","quantity":2,"unit_price":100}],
        "payment":{"token":"tok_visa"}}"#;
    let order = PlaceOrder::parse(body.as_bytes()).unwrap();
    assert_eq!(order.lines.len(), 2);
    assert_eq!(order.customer_id.as_deref(), Some("17850"));
    assert_eq!(order.reference.as_deref(), Some("536365"));
    assert_eq!(order.payment_token.unwrap().expose(), "tok_visa");
}

#[test]
fn every_fault_is_told_at_once_with_a_pointer_to_it() {
    let body = r#"{"currency":"gbp","customer":"x","reference":"",
        "lines":[{"sku":" A","quantity":-1,"unit_price":0},{"sku":1,"quantity":1.5},"x"],
        "payment":{"token":""},"expected_total":-1}"#;
    let mut pointers = pointers(body);
    pointers.sort();
    assert_eq!(
        pointers,
        [
            "/currency",
            "/customer",
            "/expected_total",
            "/lines/0/quantity",
            "/lines/0/sku",
            "/lines/0/unit_price",
            "/lines/1/quantity",
            "/lines/1/sku",
            "/lines/1/unit_price",
            "/lines/2",
            "/payment/token",
            "/reference",
        ]
    );
}

#[test]
fn a_fault_names_the_value_and_the_remedy() {
    let body = SMALLEST.replace('6', "-6");
    let fault = faults(&body).remove(0);
    assert_eq!(fault.pointer, "/lines/0/quantity");
    assert_eq!(fault.detail, "-6 is no quantity; give a whole number from 1 to 1000000");
}

#[test]
fn a_fault_never_repeats_a_payment_token() {
    let body = SMALLEST.replace("}]}", r#"}],"payment":{"token":"tok secret"}}"#);
    assert!(!format!("{:?}", faults(&body)).contains("secret"));
    let misplaced = SMALLEST.replace("}]}", r#"}],"payment":"tok_secret"}"#);
    assert_eq!(faults(&misplaced)[0].detail, "a text is not an object");
}

#[test]
fn an_endless_name_is_not_repeated() {
    let body =
        SMALLEST.replace("{\"currency\"", &format!("{{\"{}\":1,\"currency\"", "n".repeat(100_000)));
    let fault = faults(&body).remove(0);
    assert_eq!(fault.pointer, "");
    assert!(fault.detail.len() < 200, "{}", fault.detail);
}

#[test]
fn a_member_that_stands_twice_is_a_fault() {
    let body = SMALLEST.replace("{\"currency\"", r#"{"currency":"EUR","currency""#);
    assert_eq!(pointers(&body), ["/currency"]);
}

#[test]
fn a_total_that_overflows_is_a_fault() {
    let line = r#"{"sku":"A","quantity":1000000,"unit_price":999999999999}"#;
    let body = format!(r#"{{"currency":"GBP","lines":[{}]}}"#, vec![line; 1_000].join(","));
    assert_eq!(pointers(&body), ["/lines"]);
}

#[test]
fn too_few_and_too_many_lines_are_faults() {
    let line = r#"{"sku":"A","quantity":1,"unit_price":1}"#;
    for (count, fits) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
        let body = format!(r#"{{"currency":"GBP","lines":[{}]}}"#, vec![line; count].join(","));
        assert_eq!(PlaceOrder::parse(body.as_bytes()).is_ok(), fits, "{count}");
    }
}

#[test]
fn what_is_not_json_is_told_apart_from_what_is_no_order() {
    let deep = "[".repeat(10_000);
    let bodies: [&[u8]; 7] =
        [b"", b"{", b"NaN", b"{\"currency\":\"\xff\"}", b"{} {}", b"[1e999]", deep.as_bytes()];
    for body in bodies {
        let refused = PlaceOrder::parse(body);
        assert!(matches!(refused, Err(InvalidOrder::NotJson(_))), "{body:?}");
    }
    for body in ["null", "[]", "1", "\"x\"", "{}", "{\"lines\":{}}"] {
        assert!(!faults(body).is_empty(), "{body}");
    }
}

#[test]
fn no_more_than_a_hundred_faults_are_listed() {
    let body = format!(r#"{{"currency":"GBP","lines":[{}]}}"#, vec!["0"; 1_000].join(","));
    assert_eq!(faults(&body).len(), 100);
}

#[test]
fn the_digest_tells_orders_apart_and_not_their_spelling() {
    let digest = |body: &str| BodyDigest::of(&PlaceOrder::parse(body.as_bytes()).unwrap());
    let spelt_otherwise = r#" { "lines":[{"unit_price":255,"sku":"85123\u0041","quantity":6}],
        "reference":null,"currency":"GBP"} "#;
    assert_eq!(digest(SMALLEST), digest(spelt_otherwise));
    assert_ne!(digest(SMALLEST), digest(&SMALLEST.replace('6', "7")));
}
