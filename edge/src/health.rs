//! `GET /livez` and `GET /readyz`: whether this process runs, and whether it can serve.

use hyper::StatusCode;

use crate::core::Core;
use crate::response::{Answer, text};

/// It runs: only a restart would help a process that does not answer this.
pub(crate) fn live() -> Answer {
    text(StatusCode::OK, "ok\n")
}

/// Whether an order that comes now can be expected to be taken in.
pub(crate) fn ready(core: &Core) -> Answer {
    let hindrance = if core.is_draining() {
        "draining\n".into()
    } else if !core.reaches_broker() {
        "no broker\n".into()
    } else if let Some(reason) = core.durability.hindrance() {
        format!("{reason}\n")
    } else if !core.intake.has_room() {
        "intake full\n".into()
    } else {
        return text(StatusCode::OK, "ok\n");
    };
    text(StatusCode::SERVICE_UNAVAILABLE, hindrance)
}
