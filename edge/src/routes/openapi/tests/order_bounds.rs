//! Tests that the code takes what the document's schema of an order permits, and no more.

use orders::limits::FIELD_ERRORS_MAX;
use orders::{FieldError, InvalidOrder, PlaceOrder};
use serde_json::{Map, Value, json};

use super::super::examples;
use super::document;

/// The schema at this place of the schemas of components.
fn schema(place: &str) -> Value {
    let document = document();
    let found = document["components"]["schemas"].pointer(place);
    found.unwrap_or_else(|| panic!("{place} is not there")).clone()
}

/// A small order in which each object has a value to replace.
fn order() -> Value {
    let mut order = examples::order();
    order.as_object_mut().unwrap().remove("expected_total");
    order
}

fn errors(order: &Value) -> Vec<FieldError> {
    match PlaceOrder::parse(order.to_string().as_bytes()) {
        Ok(_) => Vec::new(),
        Err(InvalidOrder::FieldErrors(errors)) => errors,
        Err(other) => panic!("{other}: {order}"),
    }
}

/// Whether the value at `pointer` is refused if it is this one.
fn is_refused(pointer: &str, value: &Value) -> bool {
    let mut order = order();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = order.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value.clone(),
        _ => parent[name] = value.clone(),
    }
    let errors = errors(&order);
    errors.iter().any(|error| error.pointer == pointer)
}

#[track_caller]
fn assert_bounds(pointer: &str, taken: [Value; 2], refused: &[Value]) {
    for value in taken {
        assert!(!is_refused(pointer, &value), "{pointer}: refuses {value}");
    }
    for value in refused {
        assert!(is_refused(pointer, value), "{pointer}: takes {value}");
    }
}

#[test]
fn texts_have_the_lengths_of_the_document() {
    for (pointer, place) in [
        ("/customer_id", "/PlaceOrder/properties/customer_id"),
        ("/reference", "/PlaceOrder/properties/reference"),
        ("/lines/0/sku", "/Sku"),
        ("/payment/token", "/PaymentToken"),
        ("/adjustments/0/label", "/Adjustment/oneOf/0/properties/label"),
        ("/shipping_address/name", "/ShippingAddress/properties/name"),
        ("/shipping_address/line1", "/ShippingAddress/properties/line1"),
        ("/shipping_address/line2", "/ShippingAddress/properties/line2"),
        ("/shipping_address/city", "/ShippingAddress/properties/city"),
        ("/shipping_address/state", "/ShippingAddress/properties/state"),
        ("/shipping_address/postal_code", "/ShippingAddress/properties/postal_code"),
        ("/metadata/campaign", "/Metadata/additionalProperties"),
    ] {
        let schema = schema(place);
        let bound = |name: &str| schema[name].as_u64().unwrap() as usize;
        let text = |length: usize| Value::from("a".repeat(length));
        let taken = [text(bound("minLength")), text(bound("maxLength"))];
        let refused = [text(bound("minLength") - 1), text(bound("maxLength") + 1)];
        assert_bounds(pointer, taken, &refused);
        assert!(is_refused(pointer, &"\u{7f}".into()), "{pointer}: takes a control character");
        let is_nullable = schema["type"].as_array().is_some_and(|it| it.contains(&"null".into()));
        assert_eq!(is_refused(pointer, &Value::Null), !is_nullable, "{pointer}: null");
    }
}

#[test]
fn numbers_have_the_bounds_of_the_document() {
    for (pointer, place) in [
        ("/lines/0/quantity", "/OrderLine/properties/quantity"),
        ("/lines/0/unit_price", "/Amount"),
        ("/expected_total", "/Amount"),
        ("/adjustments/0/amount", "/Adjustment/oneOf/0/properties/amount"),
    ] {
        let schema = schema(place);
        let bound = |name: &str| schema[name].as_i64().unwrap();
        let (min, max) = (bound("minimum"), bound("maximum"));
        let refused = [(min - 1).into(), (max + 1).into(), json!(1.5), "1".into()];
        if pointer == "/expected_total" {
            // Any other total than the sum is refused: with another detail.
            assert!(refused.iter().all(|it| is_refused(pointer, it)));
        } else {
            assert_bounds(pointer, [min.into(), max.into()], &refused);
        }
    }
    let reduction = schema("/Adjustment/oneOf/1/properties/amount");
    for (amount, is_taken) in [
        (reduction["minimum"].as_i64().unwrap() - 1, false),
        (reduction["minimum"].as_i64().unwrap(), true),
        (reduction["maximum"].as_i64().unwrap(), true),
        (reduction["maximum"].as_i64().unwrap() + 1, false),
    ] {
        let mut order = order();
        order["adjustments"] = json!([{"type": "discount", "label": "D", "amount": amount}]);
        let is_refused = errors(&order).iter().any(|it| it.pointer == "/adjustments/0/amount");
        assert_eq!(is_refused, !is_taken, "{amount}");
    }
}

#[test]
fn arrays_and_metadata_have_the_sizes_of_the_document() {
    let bound = |place: &str, name: &str| schema(place)[name].as_u64().unwrap() as usize;
    for (pointer, place) in [
        ("/lines", "/PlaceOrder/properties/lines"),
        ("/adjustments", "/PlaceOrder/properties/adjustments"),
    ] {
        let item = order().pointer(pointer).unwrap()[0].clone();
        let items = |count| Value::from(vec![item.clone(); count]);
        let (min, max) =
            (schema(place)["minItems"].as_u64().unwrap_or(0), bound(place, "maxItems"));
        assert_bounds(pointer, [items(min as usize), items(max)], &[items(max + 1)]);
        assert_eq!(is_refused(pointer, &items(0)), min > 0, "{pointer}");
    }
    let pairs = |count: usize, key: usize| {
        let pairs = (0..count).map(|number| (format!("{number:0key$}"), "v".into()));
        Value::from(pairs.collect::<Map<_, _>>())
    };
    let (count, key) =
        (bound("/Metadata", "maxProperties"), bound("/Metadata/propertyNames", "maxLength"));
    assert_bounds("/metadata", [pairs(0, 1), pairs(count, 3)], &[pairs(count + 1, 3)]);
    let is_taken = |key: usize| {
        let mut order = order();
        order["metadata"] = pairs(1, key);
        errors(&order).is_empty()
    };
    assert!(is_taken(key) && !is_taken(key + 1));
}

#[test]
fn codes_are_those_of_the_document_and_so_are_a_phone_number_and_an_address() {
    for (pointer, place) in [
        ("/currency", "/CurrencyCode"),
        ("/shipping_address/country", "/CountryCode"),
        ("/payment/on_decline", "/Payment/properties/on_decline"),
        ("/adjustments/0/type", "/Adjustment/oneOf/0/properties/type"),
    ] {
        let codes = schema(place)["enum"].as_array().unwrap().clone();
        assert!(codes.len() > 2, "{pointer}");
        for code in &codes {
            assert!(!is_refused(pointer, code), "{pointer}: refuses {code}");
        }
        for other in ["ZZ", "XXX", "gbp", "other", ""] {
            assert!(is_refused(pointer, &other.into()), "{pointer}: takes {other:?}");
        }
    }
    let phone = schema("/Contact/properties/phone")["pattern"].clone();
    assert_eq!(phone, r"^\+[1-9][0-9]{6,14}$");
    let number = |digits: usize| Value::from(format!("+{}", "4".repeat(digits)));
    assert_bounds("/contact/phone", [number(7), number(15)], &[number(6), number(16)]);
    let length = schema("/Contact/properties/email")["maxLength"].as_u64().unwrap() as usize;
    let email = |length: usize| Value::from(format!("a@{}.example", "b".repeat(length - 10)));
    assert_bounds("/contact/email", [email(20), email(length)], &[email(length + 1)]);
}

#[test]
fn the_members_of_each_object_are_those_that_the_code_knows() {
    for (pointer, place) in [
        ("", "/PlaceOrder"),
        ("/lines/0", "/OrderLine"),
        ("/payment", "/Payment"),
        ("/adjustments/0", "/Adjustment/oneOf/0"),
        ("/shipping_address", "/ShippingAddress"),
        ("/contact", "/Contact"),
    ] {
        let schema = schema(place);
        assert_eq!(schema["additionalProperties"], false, "{place}");
        let mut unknown = order();
        unknown.pointer_mut(pointer).unwrap()["unknown"] = 1.into();
        let errors = errors(&unknown);
        let found = errors.iter().find(|error| error.pointer == format!("{pointer}/unknown"));
        let (_, known) = found.unwrap().detail.split_once("known: ").unwrap();
        let mut known: Vec<_> = known.split(", ").collect();
        known.sort_unstable();
        let members: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(members, known, "{place}");
        for name in schema["properties"].as_object().unwrap().keys() {
            let mut without = order();
            without.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
            let is_required =
                schema["required"].as_array().is_some_and(|it| it.contains(&json!(name)));
            // An order that costs something needs a payment, which a schema cannot say.
            let is_needed = is_required || place == "/PlaceOrder" && name == "payment";
            assert_eq!(!self::errors(&without).is_empty(), is_needed, "{place}: {name}");
        }
    }
}

#[test]
fn a_problem_has_as_many_errors_as_the_document_says() {
    let mut faulty = order();
    let members = (0..=FIELD_ERRORS_MAX).map(|number| (format!("m{number}"), json!(1)));
    faulty.as_object_mut().unwrap().extend(members);
    let max = schema("/Problem/properties/errors")["maxItems"].as_u64().unwrap() as usize;
    assert_eq!(errors(&faulty).len(), max);
}
