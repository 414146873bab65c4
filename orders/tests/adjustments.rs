//! What is added to the lines of an order and taken off, and orders that cost nothing.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use orders::{AdjustmentKind, InvalidOrder, PlaceOrder, UnsoundOrder};

const PAYMENT: &str = r#""payment":{"token":"tok_visa"},"#;

/// An order of 1,530 with these adjustments and members.
fn order(adjustments: &str, members: &str) -> String {
    format!(
        r#"{{"currency":"GBP",{members}"lines":[{{"sku":"85123A","quantity":6,"unit_price":255}}],
            "adjustments":{adjustments}}}"#
    )
}

fn parsed(adjustments: &str, members: &str) -> PlaceOrder {
    PlaceOrder::parse(order(adjustments, members).as_bytes()).unwrap()
}

fn errors(adjustments: &str, members: &str) -> Vec<(String, String)> {
    match PlaceOrder::parse(order(adjustments, members).as_bytes()) {
        Err(InvalidOrder::FieldErrors(errors)) => {
            errors.into_iter().map(|error| (error.pointer, error.detail)).collect()
        }
        other => panic!("expected field errors: {other:?}"),
    }
}

fn adjustment(kind: &str, amount: i64) -> String {
    format!(r#"{{"type":"{kind}","label":"L","amount":{amount}}}"#)
}

#[test]
fn a_total_is_lines_and_adjustments_and_is_checked_against_what_the_client_expects() {
    let all = r#"[{"type":"shipping","label":"Next day","amount":499},{"type":"tax","label":"VAT","amount":306},
        {"type":"discount","label":"SPRING","amount":-200},{"type":"fee","label":"Wrap","amount":0},
        {"type":"gift_card","label":"Card 1","amount":-135}]"#;
    let order = parsed(all, &format!(r#"{PAYMENT}"expected_total":2000,"#));
    assert_eq!(order.total.amount, 2_000);
    let [shipping, .., card] = &order.adjustments[..] else { panic!("{order:?}") };
    assert_eq!((shipping.kind, shipping.label.as_str()), (AdjustmentKind::Shipping, "Next day"));
    assert_eq!((card.kind, card.amount), (AdjustmentKind::GiftCard, -135));
    assert_eq!(order.verify(), Ok(()));
    let json = serde_json::to_string(&order).unwrap();
    assert_eq!(serde_json::from_str::<PlaceOrder>(&json).unwrap(), order);

    let detail = "1530 is not the sum of the lines and adjustments; they add up to 2000";
    let unexpected = errors(all, &format!(r#"{PAYMENT}"expected_total":1530,"#));
    assert_eq!(unexpected, [("/expected_total".to_owned(), detail.to_owned())]);
    let total = PlaceOrder { adjustments: Vec::new(), ..order }.verify();
    assert_eq!(total, Err(UnsoundOrder::Total { said: 2_000, sum: 1_530 }));
}

#[test]
fn only_a_discount_and_a_gift_card_are_taken_off() {
    for (kind, amount, fits) in [
        ("shipping", 0, true),
        ("shipping", -1, false),
        ("tax", -1, false),
        ("fee", 999_999_999_999, false), // The total is too large.
        ("fee", 1_000_000_000_000, false),
        ("discount", -1, true),
        ("discount", 0, false),
        ("gift_card", 1, false),
        ("gift_card", -1_530, true),
        ("gift_card", -1_531, false), // The total is negative.
        ("rebate", -1, false),
    ] {
        let body = order(&format!("[{}]", adjustment(kind, amount)), PAYMENT);
        assert_eq!(PlaceOrder::parse(body.as_bytes()).is_ok(), fits, "{kind} {amount}");
    }
    let negative = errors(&format!("[{}]", adjustment("discount", -1_531)), PAYMENT);
    let detail = "a total must be 0 or more minor units, got -1";
    assert_eq!(negative, [("/adjustments".to_owned(), detail.to_owned())]);
}

#[test]
fn every_invalid_member_of_an_adjustment_has_its_pointer() {
    let long = "x".repeat(65);
    let invalid = format!(
        r#"[{{}},7,{{"type":"vat","label":"","amount":1.5,"rate":20}},
            {{"type":"tax","label":"{long}","amount":"5"}}]"#
    );
    let pointers: Vec<String> = errors(&invalid, PAYMENT).into_iter().map(|it| it.0).collect();
    let expected = [
        "/adjustments/0/type",
        "/adjustments/0/label",
        "/adjustments/0/amount",
        "/adjustments/1",
        "/adjustments/2/rate",
        "/adjustments/2/type",
        "/adjustments/2/label",
        "/adjustments/2/amount",
        "/adjustments/3/label",
        "/adjustments/3/amount",
    ];
    assert_eq!(pointers, expected);
    for other in ["{}", "7", "\"x\""] {
        assert_eq!(errors(other, PAYMENT)[0].0, "/adjustments", "{other}");
    }
}

#[test]
fn an_order_has_up_to_100_adjustments_and_none_is_the_same_as_an_empty_list() {
    let many = |count: usize| format!("[{}]", vec![adjustment("fee", 1); count].join(","));
    assert_eq!(parsed(&many(100), PAYMENT).adjustments.len(), 100);
    assert_eq!(errors(&many(101), PAYMENT)[0].0, "/adjustments");
    assert!(!parsed("[]", PAYMENT).has_details() && !parsed("null", PAYMENT).has_details());
}

#[test]
fn an_order_that_costs_nothing_needs_no_payment_and_any_other_one_does() {
    let free = format!("[{}]", adjustment("gift_card", -1_530));
    let order = parsed(&free, "");
    assert_eq!((order.total.amount, order.payment_token), (0, None));
    assert!(parsed(&free, PAYMENT).payment_token.is_some());
    let nearly = format!("[{}]", adjustment("gift_card", -1_529));
    for (adjustments, members) in [(nearly.as_str(), ""), ("[]", ""), ("[7]", "")] {
        let missing = |(pointer, _): &(String, String)| pointer == "/payment";
        assert!(errors(adjustments, members).iter().any(missing), "{adjustments}");
    }
    assert_eq!(errors(&free, r#""payment":{},"#)[0].0, "/payment/token");
}

#[test]
fn a_line_may_cost_nothing_and_so_may_an_order_of_such_lines() {
    let gift = r#"{"sku":"GIFT","quantity":1,"unit_price":0}"#;
    let body =
        |lines: &str, members: &str| format!(r#"{{"currency":"JPY",{members}"lines":[{lines}]}}"#);
    let order = PlaceOrder::parse(body(gift, "").as_bytes()).unwrap();
    assert_eq!((order.total.amount, order.verify()), (0, Ok(())));
    let paid = r#"{"sku":"A","quantity":1,"unit_price":5}"#;
    let both = format!("{paid},{gift}");
    assert_eq!(PlaceOrder::parse(body(&both, PAYMENT).as_bytes()).unwrap().total.amount, 5);
    assert!(PlaceOrder::parse(body(&both, "").as_bytes()).is_err());
    assert!(PlaceOrder::parse(body(&gift.replace(":0", ":-1"), PAYMENT).as_bytes()).is_err());
}
