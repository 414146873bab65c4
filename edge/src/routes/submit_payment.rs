//! `POST /v1/orders/{id}/payment`: the buyer has authenticated the payment, or pays with another
//! payment method.
//!
//! The request changes no state: payment asks the provider, and its row is the decision. It is stored
//! only if the order waits for its buyer: while the status cannot be read, nothing is submitted.

use hyper::Request;
use hyper::body::Incoming;
use orders::{EventBody, SignedOrderId, Status, SubmitPayment};

use super::place_order::require_json;
use super::submit::{accepted, submit};
use crate::body::Body;
use crate::problem::Problem;
use crate::response::HttpResponse;
use crate::state::ShardState;

/// Submits a payment for the order with this id.
pub(super) async fn submit_payment(
    state: &ShardState,
    signed_id: SignedOrderId,
    request: &mut Request<Incoming>,
) -> Result<HttpResponse, Problem> {
    let order_id = signed_id.id();
    require_json(request.headers())?;
    let Body { bytes, permit: _permit } = state.body_budget.receive(request.body_mut()).await?;
    let SubmitPayment { payment_token } =
        SubmitPayment::parse(&bytes).map_err(Problem::invalid_payment)?;
    drop(bytes);

    let view = state.lookups.status.get(order_id).await.ok_or(Problem::StatusUnavailable)?;
    let status = view.map_or(Status::Accepted, |view| view.status);
    if status != Status::RequiresAction {
        return Err(Problem::NoPaymentRequired(status));
    }
    let body = EventBody::PaymentSubmitted { payment_token };
    submit(state, |queues| &queues.payments, order_id, body).await?;
    Ok(accepted(signed_id, Some(status)))
}
