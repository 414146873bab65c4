//! What operations refer to: schemas, parameters, headers, and an example of each problem.

use hyper::StatusCode;
use orders::limits::TEXT_LENGTH_MAX;
use serde_json::{Map, Value, json};

use super::examples::{CURSOR, EVENTS_TOKEN, ORDER_ID};
use super::operation::{problems, schema};
use super::order_schemas::order_schemas;
use super::response_schemas::response_schemas;
use crate::limits::{
    DOCUMENT_AGE_MAX, LISTED_DEFAULT, LISTED_MAX, REQUEST_ID_LENGTH_MAX, RETRY_AFTER_SECONDS,
    SKUS_MAX, WAIT_MAX,
};
use crate::problem::ProblemKind;

pub(super) fn components() -> Value {
    let mut schemas = order_schemas();
    schemas.extend(response_schemas());
    let no_path = problems(StatusCode::NOT_FOUND, &[ProblemKind::NotFound], &[]);
    let no_method = problems(StatusCode::METHOD_NOT_ALLOWED, &[ProblemKind::MethodNotAllowed], &[]);
    json!({
        "schemas": schemas,
        "parameters": parameters(),
        "headers": headers(),
        "examples": examples(),
        "securitySchemes": {"bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "A token of the issuer that the edge trusts, with the scope of the operation. An edge with \
                            `--identity none` asks for none.",
        }},
        "responses": {"PathNotFound": no_path, "MethodNotAllowed": no_method},
    })
}

fn parameters() -> Value {
    let request_id = format!(
        "An id of the client's for this request: 1 to {REQUEST_ID_LENGTH_MAX} of `A-Z a-z 0-9 - . _ : / + =`. Any \
         other value is replaced."
    );
    let skus = json!({
        "type": "array",
        "minItems": 1,
        "maxItems": SKUS_MAX,
        "items": schema("Sku"),
    });
    let limit = json!({
        "in": "query", "name": "limit", "required": false, "example": LISTED_DEFAULT,
        "schema": {"type": "integer", "minimum": 1, "maximum": LISTED_MAX, "default": LISTED_DEFAULT},
        "description": "Orders in a page, at most.",
    });
    let order_id = json!({"type": "string", "pattern": "^[0-9A-Fa-f]{48}$"});
    let names: Vec<_> = ProblemKind::ALL.iter().map(|kind| kind.name()).collect();
    let names = names.chunk_by(|one, other| one == other).map(|same| same[0]);
    let names = json!({"enum": names.collect::<Vec<_>>()});
    json!({
        "IdempotencyKey": required("header", "Idempotency-Key", schema("IdempotencyKey"), "cart-1",
            "The order's own name, by which a repeat is known. `\"k\"`, a string of Structured Fields, is `k`."),
        "AnyKey": optional("header", "Idempotency-Key", json!({"type": "string"}), "any",
            "Any value, unless the content type is `application/json`: a web page of another site sends neither."),
        "OrderId": required("path", "id", order_id, ORDER_ID,
            "The `order_id` of the response to the order. Its digits may be upper-case."),
        "Sku": required("path", "sku", schema("Sku"), "85123A", "Percent-encoded; decoded once."),
        "Skus": {
            "in": "query", "name": "sku", "required": true, "style": "form", "explode": true, "schema": skus,
            "example": ["85123A", "POST"], "description": "Each SKU once.",
        },
        "Fields": optional("query", "fields", json!({"enum": ["status"]}), "status",
            "The status alone, which asks one worker instead of two."),
        "After": optional("query", "after", schema("StatusName"), "reserved",
            "The status that the client knows: later ones are waited for, or sent."),
        "Prefer": optional("header", "Prefer", json!({"type": "string"}), "wait=2",
            &format!("`wait=SECONDS` has the response wait, for {} s at most (RFC 7240).", WAIT_MAX.as_secs())),
        "LastEventId": optional("header", "Last-Event-ID", json!({"type": "string"}), "reserved",
            "The id of the event that the client has seen last."),
        "EventsToken": optional("query", "token", schema("EventsTokenText"), EVENTS_TOKEN,
            "In place of `Authorization`: a token of `createEventsToken` for this order. Ignored where callers are not \
             authenticated."),
        "Reference": optional("query", "reference", text_schema(), "536365", "The shop's own reference."),
        "Status": optional("query", "status", schema("StatusName"), "requires_action", "Their status now."),
        "CreatedAfter": optional("query", "created_after", json!({"type": "string", "format": "date-time"}),
            "2026-11-28T10:00:00Z", "When they were accepted: after this."),
        "Limit": limit,
        "Cursor": optional("query", "cursor", json!({"type": "string", "pattern": "^[0-9a-f]{48}$"}),
            CURSOR, "The `next` of the page before."),
        "OfKey": optional("query", "idempotency_key", schema("IdempotencyKey"), "cart-1",
            "The key of an order whose response was lost. Sent alone."),
        "OnBehalfOf": optional("header", "On-Behalf-Of", json!({"type": "string"}), "ann",
            "The caller for whom the request is made, by one with the scope `orders:admin`."),
        "ProblemName": required("path", "name", names, "not-json", "What follows `/problems/` in `type`."),
        "StripeSignature": required("header", "Stripe-Signature", json!({"type": "string"}),
            "t=1795856400,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
            "The time, and an HMAC-SHA-256 of it and of the body."),
        "RequestId": optional("header", "Request-Id", json!({"type": "string"}), "7b0c9f6e", &request_id),
    })
}

fn text_schema() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": TEXT_LENGTH_MAX})
}

fn headers() -> Value {
    let ages = ["no-store", DOCUMENT_AGE_MAX];
    json!({
        "Request-Id": header(true, json!({"type": "string"}), "7b0c9f6e".into(),
            "The client's, or else a random one."),
        "Location": header(true, json!({"type": "string", "format": "uri-reference"}),
            format!("/v1/orders/{ORDER_ID}").into(), "The path of the order."),
        "Idempotent-Replayed": header(false, json!({"const": "true"}), "true".into(),
            "The key is known to have been used before, for this order; absent also when Redis does not answer."),
        "Retry-After": header(true, json!({"const": RETRY_AFTER_SECONDS}), RETRY_AFTER_SECONDS.into(),
            "In seconds."),
        "Allow": header(true, json!({"type": "string"}), "POST, OPTIONS".into(),
            "The methods of the path."),
        "Accept-Encoding": header(false, json!({"const": "identity"}), "identity".into(),
            "With `/problems/unsupported-content-encoding`."),
        "Cache-Control": header(true, json!({"enum": ages}), "no-store".into(),
            "Orders and stock are not stored by caches; documents are, for a while."),
        "Vary": header(true, json!({"type": "string"}), "accept".into(),
            "The page depends on `Accept`, and on `Origin` if the edge permits some."),
        "Content-Security-Policy": header(true, json!({"type": "string"}), "default-src 'none'".into(),
            "The page asks no other host."),
        "WWW-Authenticate": header(true, json!({"type": "string"}), r#"Bearer realm="millrace""#.into(),
            "What the token must have (RFC 6750)."),
        "RateLimit": header(false, json!({"type": "string"}), r#""caller";r=73;t=1"#.into(),
            "What is left of the quota (draft-ietf-httpapi-ratelimit-headers-11); absent where there is none."),
        "RateLimit-Policy": header(false, json!({"type": "string"}), r#""caller";q=100;w=1"#.into(),
            "The quota; absent where there is none."),
        "Preference-Applied": header(false, json!({"type": "string"}), "wait=2".into(),
            "After a wait, how long it could be."),
        "X-Accel-Buffering": header(true, json!({"const": "no"}), "no".into(),
            "Has nginx pass on each event at once."),
        "X-Content-Type-Options": header(true, json!({"const": "nosniff"}), "nosniff".into(),
            "The content type is as it says."),
    })
}

/// A problem document of each type. Its detail is what the type means, since that of a response is about a request.
fn examples() -> Value {
    let examples = ProblemKind::ALL.iter().map(|kind| {
        let (status, uri, title) = kind.entry();
        let mut value = json!({
            "type": uri,
            "title": title,
            "status": status.as_u16(),
            "detail": kind.explanation().meaning,
            "request_id": "7b0c9f6e",
        });
        if matches!(kind, ProblemKind::InvalidOrder) {
            let detail = "quantity must be an integer from 1 to 1,000,000, got 0";
            value["errors"] = json!([{"pointer": "/lines/0/quantity", "detail": detail}]);
        }
        let description = kind.explanation().remedy;
        let example = json!({"summary": title, "description": description, "value": value});
        (kind.name().to_owned(), example)
    });
    examples.collect::<Map<_, _>>().into()
}

fn required(place: &str, name: &str, schema: Value, example: &str, description: &str) -> Value {
    let mut parameter = optional(place, name, schema, example, description);
    parameter["required"] = true.into();
    parameter
}

fn optional(place: &str, name: &str, schema: Value, example: &str, description: &str) -> Value {
    let mut parameter = json!({
        "in": place,
        "name": name,
        "required": false,
        "example": example,
        "description": description,
    });
    parameter["schema"] = schema;
    parameter
}

fn header(is_required: bool, schema: Value, example: Value, description: &str) -> Value {
    let mut header = json!({"required": is_required, "description": description});
    header["schema"] = schema;
    header["example"] = example;
    header
}
