//! `GET /v1/orders/{id}`: the status of an order, as any worker reports it from the database. Without
//! such a report the status is unknown, and said to be: any guess might go back behind one that was
//! shown before.

use std::time::SystemTime;

use orders::{BodyDigest, NextAction, OrderView, Reason, Status, StatusChange};
use serde::Serialize;
use streams::own_time;

use super::issued_id::issued_id;
use crate::limits::PAYMENT_DELAYED_AFTER;
use crate::problem::Problem;
use crate::response::{HttpResponse, json};
use crate::state::ShardState;

#[derive(Serialize)]
struct StatusResponse {
    order_id: String,
    status: Status,
    reason: Option<Reason>,
    history: Vec<StatusChangeResponse>,
    /// Always true: the status comes from the database, or is not given.
    current: bool,
    /// The digest of the body that inventory processed, if it has processed one. Another body was
    /// discarded if a client got a 202 with another digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    body_digest: Option<BodyDigest>,
    /// What the buyer has to do, while the status is `requires_action`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<NextAction>,
    /// Whether the order waits longer than usual to be paid, for any reason.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    payment_delayed: bool,
}

#[derive(Serialize)]
struct StatusChangeResponse {
    status: Status,
    at: String,
}

/// Returns the status of the order whose signed id is `signed_id`.
pub(super) async fn get_order_status(
    state: &ShardState,
    signed_id: &str,
) -> Result<HttpResponse, Problem> {
    let signed_id = issued_id(state, signed_id)?;
    let found = state.lookups.status.get(signed_id.id()).await;
    let found = found.ok_or(Problem::StatusUnavailable)?;
    // An order without rows is accepted: the signature of its id proves that an edge issued it.
    let view = found.unwrap_or_else(|| OrderView {
        status: Status::Accepted,
        reason: None,
        history: Vec::new(),
        body_digest: None,
        next_action: None,
    });
    let payment_delayed = is_payment_delayed(&view, own_time().into());
    let OrderView { status, reason, history, body_digest, next_action } = view;
    let history = history.into_iter().map(StatusChangeResponse::from).collect();
    Ok(json(&StatusResponse {
        order_id: signed_id.to_string(),
        status,
        reason,
        history,
        current: true,
        body_digest,
        next_action,
        payment_delayed,
    }))
}

/// A charge follows the reservation within moments, unless the provider or the payment workers are
/// unavailable.
fn is_payment_delayed(view: &OrderView, now: SystemTime) -> bool {
    match view.history.last() {
        Some(&StatusChange { status: Status::Reserved, at }) => {
            now.duration_since(at.into()).is_ok_and(|waited| waited > PAYMENT_DELAYED_AFTER)
        }
        _ => false,
    }
}

impl From<StatusChange> for StatusChangeResponse {
    fn from(change: StatusChange) -> Self {
        Self { status: change.status, at: change.at.to_string() }
    }
}
