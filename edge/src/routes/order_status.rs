//! `GET /v1/orders/{id}`: the status of an order, as any worker reports it from the database. Without
//! such a report the status is unknown, and said to be: any guess might go back behind one that was
//! shown before.
//!
//! What the order says is asked of inventory at the same time, unless the client wants the status alone.

use std::sync::Arc;
use std::time::SystemTime;

use hyper::HeaderMap;
use orders::{BodyDigest, NextAction, OrderView, Reason, Status, StatusChange};
use serde::Serialize;
use streams::own_time;

use super::await_order::await_change;
use super::issued_id::issued_id;
use super::order_query::{Found, OrderQuery};
use super::order_response::OrderResponse;
use super::prefer::Wait;
use crate::caller::Caller;
use crate::limits::PAYMENT_DELAYED_AFTER;
use crate::problem::Problem;
use crate::response::{HttpResponse, json};
use crate::state::ShardState;

#[derive(Serialize)]
struct StatusResponse<'a> {
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
    /// What the order says. Absent until inventory has processed it, while no worker of inventory
    /// answers, and if it was not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderResponse<'a>>,
}

#[derive(Serialize)]
struct StatusChangeResponse {
    status: Status,
    at: String,
}

/// Returns the status of the order whose signed id is `signed_id`, and what the order says unless `query` asks for
/// the status alone. If the client prefers to wait, it waits for a status that the client does not know.
pub(super) async fn get_order_status(
    state: &ShardState,
    caller: &Caller,
    signed_id: &str,
    query: &str,
    headers: &HeaderMap,
) -> Result<HttpResponse, Problem> {
    let signed_id = issued_id(state, caller, signed_id)?;
    // An id from before callers were authenticated does not show whose it is.
    let is_own = caller.name.is_public() || !signed_id.is_of_public();
    let (id, query) = (signed_id.id(), OrderQuery::parse(query)?);
    let wait = Wait::preferred(headers);
    let Found { view, contents } = match wait {
        Some(wait) => await_change(state, id, query, wait).await?,
        None => query.look_up(&state.lookups, id).await.ok_or(Problem::StatusUnavailable)?,
    };
    // An order without rows is accepted: the signature of its id proves that an edge issued it.
    let view = view.map_or_else(accepted, Arc::unwrap_or_clone);
    let payment_delayed = is_payment_delayed(&view, own_time().into());
    let OrderView { status, reason, history, body_digest, next_action } = view;
    let history = history.into_iter().map(StatusChangeResponse::from).collect();
    let order = contents.as_ref().map(|order| OrderResponse::of(order, is_own));
    let mut response = json(&StatusResponse {
        order_id: signed_id.to_string(),
        status,
        reason,
        history,
        current: true,
        body_digest,
        next_action,
        payment_delayed,
        order,
    });
    if let Some(wait) = wait {
        wait.add_to(&mut response);
    }
    Ok(response)
}

/// An order that no worker has processed.
const fn accepted() -> OrderView {
    OrderView {
        status: Status::Accepted,
        reason: None,
        history: Vec::new(),
        body_digest: None,
        next_action: None,
    }
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
