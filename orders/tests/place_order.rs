//! The field errors of an invalid body, and the content of a valid one.

use orders::{BodyDigest, FieldError, InvalidOrder, OnDecline, PlaceOrder};

const SMALLEST: &str = r#"{"currency":"GBP","payment":{"token":"tok_visa"},"lines":[{"sku":"85123A","quantity":6,"unit_price":255}]}"#;

fn field_errors(body: &str) -> Vec<FieldError> {
    match PlaceOrder::parse(body.as_bytes()) {
        Err(InvalidOrder::FieldErrors(errors)) => errors,
        other => panic!("expected field errors: {other:?}"),
    }
}

fn with_lines(lines: &str) -> String {
    format!(r#"{{"currency":"GBP","payment":{{"token":"tok_visa"}},"lines":[{lines}]}}"#)
}

fn pointers(body: &str) -> Vec<String> {
    field_errors(body).into_iter().map(|error| error.pointer).collect()
}

#[test]
fn an_order_needs_only_a_currency_a_payment_and_one_line() {
    let order = PlaceOrder::parse(SMALLEST.as_bytes()).unwrap();
    assert_eq!(order.total.amount, 1_530);
    assert_eq!(order.lines[0].sku.as_str(), "85123A");
}

#[test]
fn every_optional_member_of_an_order_is_kept() {
    let body = r#"{"customer_id":"17850","currency":"GBP","expected_total":300,"reference":"536365",
        "lines":[{"sku":"A","quantity":1,"unit_price":100},{"sku":"A","quantity":2,"unit_price":100}],
        "payment":{"token":"tok_visa","on_decline":"new_payment_method"}}"#;
    let order = PlaceOrder::parse(body.as_bytes()).unwrap();
    assert_eq!(order.lines.len(), 2);
    assert_eq!(order.customer_id.as_deref(), Some("17850"));
    assert_eq!(order.reference.as_deref(), Some("536365"));
    assert_eq!(order.payment_token.unwrap().expose(), "tok_visa");
    assert_eq!(order.on_decline, OnDecline::NewPaymentMethod);
}

#[test]
fn all_field_errors_are_reported_at_once_each_with_a_json_pointer() {
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
fn field_errors_follow_the_sequence_of_an_orders_members_and_quote_what_they_refuse() {
    let body = r#"{"lines":[{"sku":" A","unit_price":1e3,"quantity":-1,"colour":"red","sku":"B"},[7]],
        "payment":{"token":"tok 1","a/b~":null},"reference":"\u0000","expected_total":null,
        "currency":"gbp","expected_total":7,"customer_id":{"id":1}}"#;
    let errors = field_errors(body);
    let errors: Vec<_> =
        errors.iter().map(|it| (it.pointer.as_str(), it.detail.as_str())).collect();
    let sku = "a SKU must have 1 to 64 printable ASCII characters, without a space at either end";
    let expected = [
        ("/expected_total", "duplicate member"),
        ("/customer_id", "an object is not a string"),
        (
            "/currency",
            "a currency must be three capital letters as in ISO 4217, such as GBP, got \"gbp\"",
        ),
        ("/lines/0/colour", "unknown member; known: sku, quantity, unit_price"),
        ("/lines/0/sku", "duplicate member"),
        ("/lines/0/sku", &format!("{sku}, got \" A\"")),
        ("/lines/0/quantity", "quantity must be an integer from 1 to 1,000,000, got -1"),
        (
            "/lines/0/unit_price",
            "amount must be an integer from 1 to 999999999999 minor units, got 1000.0",
        ),
        ("/lines/1", "an array is not an object"),
        ("/payment/a~1b~0", "unknown member; known: token, on_decline"),
        ("/payment/token", "must be a string of 1 to 255 visible ASCII characters"),
        ("/reference", "must be 1 to 255 characters without control characters, got \"\\0\""),
    ];
    assert_eq!(errors, expected);
}

#[test]
fn an_order_without_a_payment_is_a_field_error_at_the_payment() {
    let payment = r#""payment":{"token":"tok_visa"},"#;
    for without in ["", r#""payment":null,"#] {
        let error = field_errors(&SMALLEST.replace(payment, without)).remove(0);
        assert_eq!(error.pointer, "/payment");
        assert!(error.detail.starts_with("missing; "), "{}", error.detail);
    }
    assert_eq!(pointers(&SMALLEST.replace(r#""token":"tok_visa""#, "")), ["/payment/token"]);
}

#[test]
fn a_currency_that_nobody_pays_in_is_a_field_error() {
    let error = field_errors(&SMALLEST.replace("GBP", "XXX")).remove(0);
    assert_eq!(error.pointer, "/currency");
    assert_eq!(error.detail, "\"XXX\" is not the code of a currency in use (ISO 4217)");
}

#[test]
fn a_field_error_names_the_invalid_value_and_the_expected_one() {
    let body = SMALLEST.replace('6', "-6");
    let error = field_errors(&body).remove(0);
    assert_eq!(error.pointer, "/lines/0/quantity");
    assert_eq!(error.detail, "quantity must be an integer from 1 to 1,000,000, got -6");
}

#[test]
fn a_field_error_never_contains_the_payment_token() {
    let body = SMALLEST.replace("tok_visa", "tok secret");
    assert!(!format!("{:?}", field_errors(&body)).contains("secret"));
    let misplaced = SMALLEST.replace(r#"{"token":"tok_visa"}"#, r#""tok_secret""#);
    assert_eq!(field_errors(&misplaced)[0].detail, "a string is not an object");
}

#[test]
fn what_happens_after_a_decline_is_one_of_two_values() {
    for invalid in [r#""retry""#, "1", r#""Cancel""#, "{}", r#""tok_secret""#] {
        let error = field_errors(&with_on_decline(invalid)).remove(0);
        assert_eq!(error.pointer, "/payment/on_decline", "{invalid}");
        assert_eq!(error.detail, "must be cancel or new_payment_method");
    }
    let body = SMALLEST.replace(r#""token":"tok_visa""#, r#""on_decline":"retry""#);
    assert_eq!(pointers(&body), ["/payment/token", "/payment/on_decline"]);
}

#[test]
fn an_order_that_does_not_wait_after_a_decline_is_the_same_whether_it_says_so_or_not() {
    let parse = |body: &str| PlaceOrder::parse(body.as_bytes()).unwrap();
    let silent = parse(SMALLEST);
    assert!(!serde_json::to_string(&silent).unwrap().contains("on_decline"));
    for cancel in [r#""cancel""#, "null"] {
        let order = parse(&with_on_decline(cancel));
        assert_eq!(order.on_decline, OnDecline::Cancel);
        assert_eq!(BodyDigest::of(&order), BodyDigest::of(&silent));
    }
    let waits = parse(&with_on_decline(r#""new_payment_method""#));
    assert_ne!(BodyDigest::of(&waits), BodyDigest::of(&silent));
}

fn with_on_decline(value: &str) -> String {
    SMALLEST.replace(r#""tok_visa"}"#, &format!(r#""tok_visa","on_decline":{value}}}"#))
}

#[test]
fn a_very_long_member_name_is_shortened_in_its_field_error() {
    let body =
        SMALLEST.replace("{\"currency\"", &format!("{{\"{}\":1,\"currency\"", "n".repeat(100_000)));
    let error = field_errors(&body).remove(0);
    assert_eq!(error.pointer, "");
    assert!(error.detail.len() < 200, "{}", error.detail);
}

#[test]
fn a_duplicate_member_is_a_field_error() {
    let body = SMALLEST.replace("{\"currency\"", r#"{"currency":"EUR","currency""#);
    assert_eq!(pointers(&body), ["/currency"]);
}

#[test]
fn a_total_that_overflows_is_a_field_error() {
    let line = r#"{"sku":"A","quantity":1000000,"unit_price":999999999999}"#;
    let body = with_lines(&vec![line; 1_000].join(","));
    assert_eq!(pointers(&body), ["/lines"]);
}

#[test]
fn an_order_has_from_1_to_1000_lines() {
    let line = r#"{"sku":"A","quantity":1,"unit_price":1}"#;
    for (count, fits) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
        let body = with_lines(&vec![line; count].join(","));
        assert_eq!(PlaceOrder::parse(body.as_bytes()).is_ok(), fits, "{count}");
    }
}

#[test]
fn a_body_that_is_not_json_is_distinguished_from_one_that_is_not_an_order() {
    let deep = "[".repeat(10_000);
    let bodies: [&[u8]; 7] =
        [b"", b"{", b"NaN", b"{\"currency\":\"\xff\"}", b"{} {}", b"[1e999]", deep.as_bytes()];
    for body in bodies {
        let parsed = PlaceOrder::parse(body);
        assert!(matches!(parsed, Err(InvalidOrder::NotJson(_))), "{body:?}");
    }
    for body in ["null", "[]", "1", "\"x\"", "{}", "{\"lines\":{}}"] {
        assert!(!field_errors(body).is_empty(), "{body}");
    }
}

#[test]
fn at_most_a_hundred_field_errors_are_reported() {
    let body = with_lines(&vec!["0"; 1_000].join(","));
    assert_eq!(field_errors(&body).len(), 100);
}

#[test]
fn the_digest_depends_on_the_content_of_an_order_and_not_on_its_json_formatting() {
    let digest = |body: &str| BodyDigest::of(&PlaceOrder::parse(body.as_bytes()).unwrap());
    let formatted_differently = r#" { "lines":[{"unit_price":255,"sku":"85123\u0041","quantity":6}],
        "reference":null,"payment":{"token":"tok_visa"},"currency":"GBP"} "#;
    assert_eq!(digest(SMALLEST), digest(formatted_differently));
    assert_ne!(digest(SMALLEST), digest(&SMALLEST.replace('6', "7")));
}
