//! `GET /livez` and `GET /readyz`: whether this process runs, and whether it can serve.

use hyper::StatusCode;

use crate::response::{HttpResponse, text};
use crate::state::ShardState;

/// Liveness: a process that does not answer this can only be helped by a restart.
pub(super) fn livez() -> HttpResponse {
    text(StatusCode::OK, "ok\n")
}

/// Readiness: whether an order that arrives now can be expected to be accepted.
pub(super) fn readyz(state: &ShardState) -> HttpResponse {
    let reason = if state.is_leaving() || state.is_draining() {
        "draining\n".into()
    } else if !state.is_answered_by_a_broker() {
        "no broker\n".into()
    } else if let Some(reason) = state.gates.not_durable_reason() {
        format!("{reason}\n")
    } else if !state.access.is_ready() {
        "no keys of the issuer of tokens\n".into()
    } else if !state.ingest.orders.has_room() {
        "intake full\n".into()
    } else {
        return text(StatusCode::OK, "ok\n");
    };
    text(StatusCode::SERVICE_UNAVAILABLE, reason)
}
