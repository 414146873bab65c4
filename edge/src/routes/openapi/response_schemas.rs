//! The schemas of what an edge answers. They permit more members: a later version may add some.

use hyper::StatusCode;
use orders::limits::FIELD_ERRORS_MAX;
use orders::{CancelledBy, Status};
use serde_json::{Map, Value, json};
use streams::Profile;
use strum::VariantNames;

use super::operation::schema;
use super::operations::{INTAKE, ORDER};
use super::order_schemas::names;
use crate::problem::ProblemKind;

pub(super) fn response_schemas() -> Map<String, Value> {
    let schemas = [
        ("AcceptedOrder", accepted_order()),
        ("BatchAnswer", batch_answer()),
        ("OrderStatus", order_status()),
        ("StatusName", json!({"enum": names::<Status>()})),
        ("Reason", reason()),
        ("NextAction", next_action()),
        ("Order", order()),
        ("OrderList", order_list()),
        ("StoredRequest", stored_request()),
        ("EventsToken", events_token()),
        ("EventsTokenText", json!({"type": "string", "pattern": "^[0-9a-f]{42}$"})),
        ("ReceivedEvent", object(&["received"], json!({"received": {"const": true}}))),
        ("Stock", stock()),
        ("StockList", stock_list()),
        ("Problem", problem()),
        ("SignedOrderId", signed_order_id()),
        ("BodyDigest", digest()),
        ("Currency", json!({"type": "string", "pattern": "^[A-Z]{3}$"})),
        ("Exponent", exponent()),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn accepted_order() -> Value {
    let members = json!({
        "order_id": schema("SignedOrderId"),
        "status": {
            "allOf": [schema("StatusName")],
            "description": "`accepted`, or what the order has reached after a wait.",
        },
        "reason": {"anyOf": [schema("Reason"), {"type": "null"}]},
        "next_action": schema("NextAction"),
        "durability": {
            "enum": Profile::VARIANTS,
            "description": "The profile of the cluster: what an acknowledged order survives.",
        },
        "body_digest": schema("BodyDigest"),
    });
    object(&["order_id", "status", "durability", "body_digest"], members)
}

fn batch_answer() -> Value {
    let accepted = json!({
        "line": {"type": "integer", "minimum": 1},
        "status": {"const": StatusCode::ACCEPTED.as_u16()},
        "order_id": schema("SignedOrderId"),
        "body_digest": schema("BodyDigest"),
        "replayed": {"const": true, "description": "For a repeat; absent otherwise."},
    });
    let body = [ProblemKind::BodyTooLarge, ProblemKind::BodyTimeout, ProblemKind::BodyTruncated];
    let kinds = [&ORDER[..], &INTAKE, &body, &[ProblemKind::AckTimeout]].concat();
    let types: Vec<_> = kinds.iter().map(|kind| kind.entry().1).collect();
    let refused = json!({
        "allOf": [
            schema("Problem"),
            {
                "required": ["line"],
                "properties": {
                    "line": {"type": "integer", "minimum": 1},
                    "type": {"enum": types},
                },
            },
        ],
    });
    let accepted = object(&["line", "status", "order_id", "body_digest"], accepted);
    json!({"oneOf": [accepted, refused]})
}

fn order_status() -> Value {
    let change = json!({
        "status": schema("StatusName"),
        "at": {"type": "string", "format": "date-time"},
    });
    let members = json!({
        "order_id": schema("SignedOrderId"),
        "status": schema("StatusName"),
        "reason": {"anyOf": [schema("Reason"), {"type": "null"}]},
        "history": {"type": "array", "items": object(&["status", "at"], change)},
        "current": {"const": true},
        "body_digest": schema("BodyDigest"),
        "next_action": schema("NextAction"),
        "payment_delayed": {
            "const": true,
            "description": "The order waits longer than usual to be paid; absent otherwise.",
        },
        "order": schema("Order"),
    });
    object(&["order_id", "status", "reason", "history", "current"], members)
}

fn reason() -> Value {
    let skus = ["out_of_stock", "unknown_sku", "price_changed", "currency_mismatch", "unshippable"];
    let of_skus = json!({
        "code": {"enum": skus},
        "skus": {"type": "array", "items": schema("Sku")},
    });
    let declined = json!({
        "code": {"const": "payment_declined"},
        "decline_code": {"type": "string", "description": "The provider's."},
    });
    let requested = json!({"code": {"const": "requested"}, "by": {"enum": names::<CancelledBy>()}});
    json!({
        "description": "Why an order is rejected or cancelled.",
        "oneOf": [
            object(&["code", "skus"], of_skus),
            object(&["code", "decline_code"], declined),
            object(&["code", "by"], requested),
        ],
    })
}

fn next_action() -> Value {
    let authenticate = json!({
        "type": {"const": "authenticate"},
        "redirect_url": {"type": "string", "description": "Where the buyer's browser goes."},
        "client_secret": {"type": "string", "description": "For the provider's library."},
    });
    let pay = json!({
        "type": {"const": "new_payment_method"},
        "decline_code": {"type": "string", "description": "Why the last one failed."},
    });
    json!({
        "description": "What the buyer has to do, while the status is `requires_action`.",
        "oneOf": [object(&["type"], authenticate), object(&["type", "decline_code"], pay)],
    })
}

fn order() -> Value {
    let members = json!({
        "currency": schema("Currency"),
        "exponent": schema("Exponent"),
        "total": schema("Amount"),
        "lines": {"type": "array", "items": schema("OrderLine")},
        "adjustments": {"type": "array", "items": schema("Adjustment")},
        "reference": {"type": "string"},
        "metadata": schema("Metadata"),
        "customer_id": {"type": "string"},
        "shipping_address": schema("ShippingAddress"),
        "contact": schema("Contact"),
        "erased": {
            "const": true,
            "description": "What it said about a person is erased; absent otherwise.",
        },
    });
    let mut order = object(&["currency", "total", "lines"], members);
    order["description"] = "The order as it was placed, without its payment.".into();
    order
}

fn order_list() -> Value {
    let listed = json!({
        "order_id": schema("SignedOrderId"),
        "status": schema("StatusName"),
        "created_at": {"type": "string", "format": "date-time"},
        "reference": {"type": "string"},
        "currency": schema("Currency"),
        "exponent": schema("Exponent"),
        "total": schema("Amount"),
    });
    let listed = object(&["order_id", "status", "created_at", "currency", "total"], listed);
    let members = json!({
        "orders": {"type": "array", "items": listed},
        "next": {
            "type": ["string", "null"],
            "description": "The cursor of the next page; null at the end.",
        },
    });
    object(&["orders", "next"], members)
}

fn stored_request() -> Value {
    let status = json!({
        "anyOf": [schema("StatusName"), {"type": "null"}],
        "description": "The status before the request is processed; null if it cannot be read now.",
    });
    let members = json!({"order_id": schema("SignedOrderId"), "status": status});
    object(&["order_id", "status"], members)
}

fn events_token() -> Value {
    let expires_at = json!({"type": "string", "format": "date-time"});
    let members = json!({"token": schema("EventsTokenText"), "expires_at": expires_at});
    object(&["token", "expires_at"], members)
}

fn stock() -> Value {
    let members = json!({
        "sku": schema("Sku"),
        "on_hand": {"type": "integer", "format": "int64"},
        "unit_price": schema("Amount"),
        "currency": schema("Currency"),
        "exponent": schema("Exponent"),
    });
    object(&["sku", "on_hand", "unit_price", "currency"], members)
}

fn stock_list() -> Value {
    let unknown = json!({
        "type": "array",
        "items": schema("Sku"),
        "description": "SKUs that are not in the catalogue.",
    });
    let members = json!({"stock": {"type": "array", "items": schema("Stock")}, "unknown": unknown});
    object(&["stock", "unknown"], members)
}

fn problem() -> Value {
    let error = json!({
        "pointer": {"type": "string", "description": "A JSON pointer (RFC 6901) into the body."},
        "detail": {"type": "string"},
    });
    let members = json!({
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "About this request; for people."},
        "request_id": {"type": "string", "description": "That of the response; absent in a line of a batch."},
        "errors": {
            "type": "array",
            "maxItems": FIELD_ERRORS_MAX,
            "items": object(&["pointer", "detail"], error),
        },
        "violated-policies": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The quotas that are exceeded, as `RateLimit-Policy` names them.",
        },
    });
    let mut problem = object(&["type", "title", "status", "detail"], members);
    problem["description"] = "A problem document (RFC 9457).".into();
    problem
}

fn signed_order_id() -> Value {
    json!({"type": "string", "pattern": "^[0-9a-f]{48}$"})
}

fn digest() -> Value {
    json!({
        "type": "string",
        "description": "The digest of the order's body. That of a 202 is of the body that was sent, and that of a \
                        status of the body that inventory processed.",
        "pattern": "^[0-9a-f]{32}$",
    })
}

fn exponent() -> Value {
    json!({
        "type": "integer",
        "description": "The decimals of the currency's minor units, if it is in use.",
        "minimum": 0,
        "maximum": 3,
    })
}

fn object(required: &[&str], members: Value) -> Value {
    let mut object = json!({"type": "object", "required": required});
    object["properties"] = members;
    object
}
