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
        "lines":[{"sku":" A","quantity":-1,"unit_price":-1},{"sku":1,"quantity":1.5},"x"],
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
            "amount must be an integer from 0 to 999999999999 minor units, got 1000.0",
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

const DETAILS: &str = r#""shipping_address":{"name":"Ann Lee","line1":"1 High St","line2":"Flat 2","city":"Leeds","state":"West Yorkshire","postal_code":"LS1 1AA","country":"GB"},
    "contact":{"email":"ann@example.com","phone":"+441132960000"},"metadata":{"gift":"yes","a/b~":"ü"},"#;

fn with(members: &str) -> String {
    SMALLEST.replacen('{', &format!("{{{members}"), 1)
}

#[test]
fn an_order_keeps_its_address_its_contact_and_its_metadata() {
    let order = PlaceOrder::parse(with(DETAILS).as_bytes()).unwrap();
    let address = order.shipping_address.as_deref().unwrap();
    assert_eq!((address.name.expose(), address.country.as_str()), ("Ann Lee", "GB"));
    assert_eq!(address.line2.as_ref().unwrap().expose(), "Flat 2");
    let contact = order.contact.as_deref().unwrap();
    assert_eq!(contact.phone.as_ref().unwrap().expose(), "+441132960000");
    assert_eq!(order.metadata.pairs().collect::<Vec<_>>(), [("a/b~", "ü"), ("gift", "yes")]);
    let json = serde_json::to_string(&order).unwrap();
    assert_eq!(serde_json::from_str::<PlaceOrder>(&json).unwrap(), order);
}

#[test]
fn the_least_of_an_address_is_a_name_a_line_and_a_country() {
    let address = r#""shipping_address":{"name":"A","line1":"1","country":"HK","city":null},"#;
    let order = PlaceOrder::parse(with(address).as_bytes()).unwrap();
    assert!(order.shipping_address.unwrap().city.is_none());
    let expected =
        ["/shipping_address/name", "/shipping_address/line1", "/shipping_address/country"];
    assert_eq!(pointers(&with(r#""shipping_address":{},"#)), expected);
    assert_eq!(pointers(&with(r#""shipping_address":"1 High St","#)), ["/shipping_address"]);
}

#[test]
fn every_invalid_member_of_an_address_a_contact_and_metadata_has_its_pointer() {
    let long = "x".repeat(256);
    let body = with(&format!(
        r#""shipping_address":{{"name":"","line1":7,"line2":"{long}","city":"a\nb","state":["x"],
            "postal_code":{{}},"country":"gb","street":"s"}},
        "contact":{{"email":"ann","phone":"0113"}},
        "metadata":{{"a":1,"b":"","c":"1","c":"2","":"x","{long}":"y","gone":null}},"#
    ));
    let expected = [
        "/shipping_address/street",
        "/shipping_address/name",
        "/shipping_address/line1",
        "/shipping_address/line2",
        "/shipping_address/city",
        "/shipping_address/state",
        "/shipping_address/postal_code",
        "/shipping_address/country",
        "/contact/email",
        "/contact/phone",
        "/metadata/a",
        "/metadata/b",
        "/metadata/c",
        "/metadata/",
        "/metadata",
    ];
    assert_eq!(pointers(&body), expected);
    for country in ["UK", "XX", "GBR", "Germany"] {
        let address = r#""shipping_address":{"name":"A","line1":"1","country":"XX"},"#;
        let body = with(&address.replace("XX", country));
        assert_eq!(pointers(&body), ["/shipping_address/country"], "{country}");
    }
    assert_eq!(pointers(&with(r#""contact":{},"#)), ["/contact"]);
    assert_eq!(pointers(&with(r#""contact":{"fax":"1"},"#)), ["/contact/fax"]);
    assert_eq!(pointers(&with(r#""metadata":["a"],"#)), ["/metadata"]);
}

#[test]
fn metadata_is_bounded_by_pairs_characters_and_bytes() {
    let pairs = |count: usize, value: &str| {
        let pairs: Vec<_> = (0..count).map(|at| format!(r#""{at:03}":"{value}""#)).collect();
        with(&format!(r#""metadata":{{{}}},"#, pairs.join(",")))
    };
    let fits = |body: &str| PlaceOrder::parse(body.as_bytes()).is_ok();
    for (count, fits_in) in [(0, true), (50, true), (51, false)] {
        assert_eq!(fits(&pairs(count, "v")), fits_in, "{count}");
    }
    assert!(fits(&pairs(2, &"€".repeat(500))) && !fits(&pairs(2, &"€".repeat(501))));
    assert_eq!(pointers(&pairs(2, &"€".repeat(501))), ["/metadata/000", "/metadata/001"]);
    // 16 KiB: 32 pairs of 512 bytes, each with a key of three.
    assert!(fits(&pairs(32, &"x".repeat(500))) && !fits(&pairs(33, &"x".repeat(500))));
    let key = |length| with(&format!(r#""metadata":{{"{}":"v"}},"#, "€".repeat(length)));
    assert!(fits(&key(40)) && !fits(&key(41)));
}

#[test]
fn neither_a_field_error_nor_a_debug_form_repeats_what_is_about_a_person() {
    let order = PlaceOrder::parse(with(DETAILS).as_bytes()).unwrap();
    let secrets =
        ["Ann", "High", "Flat", "Leeds", "Yorkshire", "LS1", "ann@", "+44113", "gift", "yes"];
    let shown = format!("{order:?}");
    let invalid = DETAILS.replace("\",", "\\u0000\",").replace("\"}", "\\u0000\"}");
    let errors = field_errors(&with(&invalid));
    assert_eq!(errors.len(), 11);
    for secret in secrets {
        assert!(!shown.contains(secret), "{shown}");
        assert!(errors.iter().all(|it| !it.detail.contains(secret)), "{secret} is in {errors:?}");
    }
}

#[test]
fn the_digest_covers_the_details_and_is_that_of_the_version_before_without_them() {
    let digest = |body: &str| BodyDigest::of(&PlaceOrder::parse(body.as_bytes()).unwrap());
    assert_eq!(digest(SMALLEST).to_string(), "4fe4001b7f1a88cfa0b8991c4e0d6429");
    let nothing = r#""shipping_address":null,"contact":null,"metadata":{},"#;
    assert_eq!(digest(&with(nothing)), digest(SMALLEST));
    let whole = digest(&with(DETAILS));
    for (text, other) in [("Flat 2", "Flat 3"), ("GB", "IE"), ("ann@", "ben@"), ("yes", "no")] {
        assert_ne!(digest(&with(&DETAILS.replace(text, other))), whole, "{text}");
    }
    let sorted = DETAILS.replace(r#""gift":"yes","a/b~":"ü""#, r#""a/b~":"ü","gift":"yes""#);
    assert_eq!(digest(&with(&sorted)), whole);
}
