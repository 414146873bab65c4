//! The whole document.

use serde_json::{Map, Value, json};

use super::components::components;
use super::operations::operation;
use crate::routes::table::ROUTES;

/// The document, as the code is.
pub(super) fn document() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": info(),
        "servers": [{"url": "/", "description": "The edge that this document comes from"}],
        "tags": [
            {"name": "orders", "description": "Placing, reading and cancelling orders"},
            {"name": "payments", "description": "Payments for which the buyer has to act"},
            {"name": "stock", "description": "What the catalogue has"},
            {"name": "health", "description": "Probes of one edge"},
            {"name": "documents", "description": "This document, and what problems mean"},
        ],
        "paths": paths(),
        "components": components(),
    })
}

/// What is written to `edge/openapi.json`.
pub(super) fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).unwrap();
    text.push('\n');
    text
}

fn info() -> Value {
    json!({
        "title": "Millrace",
        "version": "v1",
        "summary": "Takes orders from checkouts and carries them to fulfilment.",
        "description": INFO,
        "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
    })
}

const INFO: &str = "\
A 202 means that the order is durable. A 503 means *unknown or busy: repeat with the same key*.

- Amounts are whole minor units of their currency.
- Each error is a problem document (RFC 9457). Its `type` is a relative URI: `GET` it for cause and remedy.
- Every path answers `OPTIONS` with 204 and `Allow`, and each `GET` also `HEAD`. Any other method is answered with 405 \
(`MethodNotAllowed`), and an unknown path with 404 (`PathNotFound`).
- Every response has a `Request-Id`.
- Web pages of other origins use the API by CORS, if the edge permits their origin.
- Within v1, responses may get more members, and enumerations of responses more values: ignore what you do not know. \
What is deprecated is announced by the headers `Deprecation` and `Sunset`.";

fn paths() -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] =
            operation(route.endpoint).to_value(route);
    }
    paths.into()
}
