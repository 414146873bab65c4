//! `GET /livez` and `GET /readyz`: whether this process runs, and whether it can serve.

use hyper::StatusCode;

use crate::response::{HttpResponse, text};
use crate::shard::Shard;

/// Liveness: a process that does not answer this can only be helped by a restart.
pub(crate) fn livez() -> HttpResponse {
    text(StatusCode::OK, "ok\n")
}

/// Readiness: whether an order that arrives now can be expected to be accepted.
pub(crate) fn readyz(shard: &Shard) -> HttpResponse {
    let reason = if shard.is_draining() {
        "draining\n".into()
    } else if !shard.is_connected_to_broker() {
        "no broker\n".into()
    } else if let Some(reason) = shard.durability_gate.closed_reason() {
        format!("{reason}\n")
    } else if !shard.order_queue.has_room() {
        "intake full\n".into()
    } else {
        return text(StatusCode::OK, "ok\n");
    };
    text(StatusCode::SERVICE_UNAVAILABLE, reason)
}
