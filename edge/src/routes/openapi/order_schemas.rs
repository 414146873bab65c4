//! The schemas of what a client sends. Each bound is the limit that the code checks.

use orders::limits::{
    ADJUSTMENTS_MAX, AMOUNT_MAX, EMAIL_BYTES_MAX, KEY_LENGTH_MAX, LABEL_LENGTH_MAX, LINES_MAX,
    METADATA_BYTES_MAX, METADATA_KEY_LENGTH_MAX, METADATA_PAIRS_MAX, METADATA_VALUE_LENGTH_MAX,
    PHONE_DIGITS_MAX, PHONE_DIGITS_MIN, QUANTITY_MAX, SKU_LENGTH_MAX, TEXT_LENGTH_MAX,
};
use orders::{AdjustmentKind, Country, Currency, OnDecline};
use serde::Serialize;
use serde_json::{Map, Value, json};
use strum::VariantArray;

use super::operation::schema;

/// Visible ASCII, and text without control characters.
const VISIBLE: &str = "^[!-~]+$";
const PRINTED: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

pub(super) fn order_schemas() -> Map<String, Value> {
    let schemas = [
        ("PlaceOrder", place_order()),
        ("BatchLine", batch_line()),
        ("SubmitPayment", submit_payment()),
        ("ProviderEvent", provider_event()),
        ("OrderLine", order_line()),
        ("Payment", payment()),
        ("Adjustment", adjustment()),
        ("ShippingAddress", shipping_address()),
        ("Contact", contact()),
        ("Metadata", metadata()),
        ("Sku", sku()),
        ("CurrencyCode", currency()),
        ("CountryCode", country()),
        ("Amount", amount()),
        ("IdempotencyKey", idempotency_key()),
        ("PaymentToken", payment_token()),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn place_order() -> Value {
    let adjustments = json!({
        "type": "array",
        "maxItems": ADJUSTMENTS_MAX,
        "items": schema("Adjustment"),
        "description": "What is added to the lines, and what is taken off. Needs the scope `orders:price`.",
    });
    let total = json!({
        "anyOf": [schema("Amount"), {"type": "null"}],
        "description": "What the client adds up; refused if lines and adjustments add up to something else.",
    });
    let lines = json!({
        "type": "array",
        "minItems": 1,
        "maxItems": LINES_MAX,
        "items": schema("OrderLine"),
    });
    let mut members = Map::new();
    members.insert("currency".to_owned(), schema("CurrencyCode"));
    members.insert("lines".to_owned(), lines);
    members.insert("adjustments".to_owned(), or_null(adjustments));
    members.insert("expected_total".to_owned(), total);
    members.insert("payment".to_owned(), optional("Payment"));
    members.insert("customer_id".to_owned(), text_or_null("The shop's name for the customer."));
    members.insert("reference".to_owned(), text_or_null("The shop's name for the order."));
    members.insert("shipping_address".to_owned(), optional("ShippingAddress"));
    members.insert("contact".to_owned(), optional("Contact"));
    members.insert("metadata".to_owned(), optional("Metadata"));
    json!({
        "type": "object",
        "description": "An order. `payment` is required unless its total is 0, and the total may be up to the \
                        largest amount. An explicit null counts as absent.",
        "required": ["currency", "lines"],
        "additionalProperties": false,
        "properties": members,
    })
}

fn batch_line() -> Value {
    json!({
        "type": "object",
        "required": ["idempotency_key", "order"],
        "additionalProperties": false,
        "properties": {"idempotency_key": schema("IdempotencyKey"), "order": schema("PlaceOrder")},
    })
}

fn submit_payment() -> Value {
    json!({
        "type": "object",
        "description": "The token of another payment method; without one, the buyer has authenticated the payment.",
        "additionalProperties": false,
        "properties": {"token": optional("PaymentToken")},
    })
}

fn provider_event() -> Value {
    json!({
        "type": "object",
        "description": "An event of the provider. Its other members are not read.",
        "required": ["type", "data"],
        "properties": {
            "type": {"type": "string"},
            "data": {
                "type": "object",
                "required": ["object"],
                "properties": {"object": {
                    "type": "object",
                    "properties": {"metadata": {
                        "type": "object",
                        "properties": {"order_id": {"type": "string"}},
                    }},
                }},
            },
        },
    })
}

fn order_line() -> Value {
    json!({
        "type": "object",
        "required": ["sku", "quantity", "unit_price"],
        "additionalProperties": false,
        "properties": {
            "sku": schema("Sku"),
            "quantity": {"type": "integer", "format": "int32", "minimum": 1, "maximum": QUANTITY_MAX},
            "unit_price": schema("Amount"),
        },
    })
}

fn payment() -> Value {
    json!({
        "type": "object",
        "required": ["token"],
        "additionalProperties": false,
        "properties": {
            "token": schema("PaymentToken"),
            "on_decline": {
                "enum": names::<OnDecline>().into_iter().chain([Value::Null]).collect::<Vec<_>>(),
                "description": "What becomes of the order if the payment method is declined; by default `cancel`.",
            },
        },
    })
}

/// What is added and what is taken off have other bounds.
fn adjustment() -> Value {
    let of = |is_reduction: bool| {
        let is_of = |kind: &&AdjustmentKind| {
            matches!(kind, AdjustmentKind::Discount | AdjustmentKind::GiftCard) == is_reduction
        };
        let kinds: Vec<_> = AdjustmentKind::VARIANTS.iter().filter(is_of).collect();
        let (min, max) = if is_reduction { (-AMOUNT_MAX, -1) } else { (0, AMOUNT_MAX) };
        json!({
            "type": "object",
            "required": ["type", "label", "amount"],
            "additionalProperties": false,
            "properties": {
                "type": {"enum": kinds},
                "label": text(LABEL_LENGTH_MAX, "What the buyer reads."),
                "amount": {"type": "integer", "format": "int64", "minimum": min, "maximum": max},
            },
        })
    };
    json!({"oneOf": [of(false), of(true)]})
}

fn shipping_address() -> Value {
    json!({
        "type": "object",
        "required": ["name", "line1", "country"],
        "additionalProperties": false,
        "properties": {
            "name": text(TEXT_LENGTH_MAX, "Who receives it."),
            "line1": text(TEXT_LENGTH_MAX, "Street and number, or a box."),
            "line2": text_or_null("Apartment, building, or company."),
            "city": text_or_null("City, town or village."),
            "state": text_or_null("State, province, county or prefecture."),
            "postal_code": text_or_null("As the country writes it."),
            "country": schema("CountryCode"),
        },
    })
}

fn contact() -> Value {
    let phone = format!(r"^\+[1-9][0-9]{{{},{}}}$", PHONE_DIGITS_MIN - 1, PHONE_DIGITS_MAX - 1);
    json!({
        "type": "object",
        "description": "How the buyer is reached: one of the members at least.",
        "minProperties": 1,
        "additionalProperties": false,
        "properties": {
            "email": {
                "type": ["string", "null"],
                "format": "email",
                "maxLength": EMAIL_BYTES_MAX,
                "description": "The limit is in bytes.",
            },
            "phone": {"type": ["string", "null"], "pattern": phone, "description": "As in E.164."},
        },
    })
}

fn metadata() -> Value {
    let key = json!({"minLength": 1, "maxLength": METADATA_KEY_LENGTH_MAX, "pattern": PRINTED});
    json!({
        "type": "object",
        "description": format!(
            "What the shop keeps with the order: up to {METADATA_BYTES_MAX} bytes of names and values in all."
        ),
        "maxProperties": METADATA_PAIRS_MAX,
        "propertyNames": key,
        "additionalProperties": or_null(text(METADATA_VALUE_LENGTH_MAX, "A value.")),
    })
}

fn sku() -> Value {
    json!({
        "type": "string",
        "description": "A stock-keeping unit: printable ASCII without a space at either end.",
        "minLength": 1,
        "maxLength": SKU_LENGTH_MAX,
        "pattern": "^[!-~]([ -~]*[!-~])?$",
    })
}

fn currency() -> Value {
    let codes = codes(3).filter(|code| code.parse().is_ok_and(|it: Currency| it.is_in_use()));
    json!({
        "description": "A currency in use by ISO 4217.",
        "enum": codes.collect::<Vec<_>>(),
    })
}

fn country() -> Value {
    let codes = codes(2).filter(|code| code.parse().is_ok_and(|it: Country| it.is_assigned()));
    json!({
        "description": "A country by ISO 3166-1 alpha-2, or XK for Kosovo.",
        "enum": codes.collect::<Vec<_>>(),
    })
}

fn amount() -> Value {
    json!({
        "type": "integer",
        "format": "int64",
        "description": "In minor units of the order's currency.",
        "minimum": 0,
        "maximum": AMOUNT_MAX,
    })
}

fn idempotency_key() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": KEY_LENGTH_MAX, "pattern": VISIBLE})
}

fn payment_token() -> Value {
    json!({
        "type": "string",
        "description": "The single-use token of the payment provider.",
        "minLength": 1,
        "maxLength": TEXT_LENGTH_MAX,
        "pattern": VISIBLE,
    })
}

fn text(length_max: usize, description: &str) -> Value {
    json!({
        "type": "string",
        "description": description,
        "minLength": 1,
        "maxLength": length_max,
        "pattern": PRINTED,
    })
}

fn text_or_null(description: &str) -> Value {
    or_null(text(TEXT_LENGTH_MAX, description))
}

fn optional(name: &str) -> Value {
    json!({"anyOf": [schema(name), {"type": "null"}]})
}

/// An explicit null counts as absent.
fn or_null(mut schema: Value) -> Value {
    schema["type"] = json!([schema["type"], "null"]);
    schema
}

/// The names on the wire of an enumeration.
pub(super) fn names<T: VariantArray + Serialize>() -> Vec<Value> {
    T::VARIANTS.iter().map(|it| serde_json::to_value(it).unwrap()).collect()
}

/// Every text of this many capital letters, sorted.
fn codes(length: u32) -> impl Iterator<Item = String> {
    (0..26_u32.pow(length)).map(move |number| {
        let digit = |place| (b'A' + (number / 26_u32.pow(place) % 26) as u8) as char;
        (0..length).rev().map(digit).collect()
    })
}
