//! The routes: a request goes to the handler that the table has for its method and path.

mod await_order;
mod cancel_order;
mod cors;
mod docs_page;
mod events_token;
mod explain_problem;
mod health;
mod issued_id;
mod list_orders;
mod listing_query;
mod openapi;
mod order_events;
mod order_query;
mod order_response;
mod order_status;
mod path;
mod place_batch;
mod place_order;
mod placed_response;
mod prefer;
mod provider_event;
mod refusal;
mod repeat;
mod request_head;
mod stock;
mod submit;
mod submit_payment;
mod table;

use std::net::IpAddr;
use std::sync::Arc;

use http_body_util::{Either, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{Method, Request};
use orders::OrderId;
use tokio::sync::OwnedSemaphorePermit;

pub use table::{ROUTES, Route};

use crate::access::Admitted;
use crate::caller::Caller;
use crate::problem::Problem;
use crate::quota::Verdict;
use crate::request_id::{REQUEST_ID, RequestId};
use crate::response::{HttpResponse, options};
use crate::state::ShardState;
use crate::trace_context::trace_of;
use cors::Sharing;
use issued_id::issued_id;
use refusal::refuse;
use request_head::{check_head, check_query};
use table::Endpoint;

/// Responds to a request over a connection from `peer`; an error becomes a problem document. Every response has the
/// id of its request.
pub(crate) async fn respond(
    state: &Arc<ShardState>,
    peer: IpAddr,
    mut request: Request<Incoming>,
) -> HttpResponse {
    let id = RequestId::of(request.headers());
    let sharing = state.cors_origins.as_ref().map(|origins| Sharing::of(origins, &request));
    let is_head = request.method() == Method::HEAD;
    let mut quota = None;
    let mut response = match dispatch(state, peer, &mut request, &mut quota).await {
        Ok(Reply::Response(response)) => response,
        Ok(Reply::Batch { caller, slot }) => {
            let trace = trace_of(request.headers());
            place_batch::place_batch(state, caller, trace, request.into_body(), slot)
        }
        Err(problem) => refuse(state, &problem, &id, &mut request).await,
    };
    response.headers_mut().insert(REQUEST_ID, id.into_header());
    if let Some(quota) = quota {
        quota.add_to(response.headers_mut());
    }
    if let Some(sharing) = sharing {
        sharing.add_to(response.headers_mut());
    }
    if is_head { without_body(response) } else { response }
}

/// What a request is answered with.
enum Reply {
    Response(HttpResponse),
    /// Its lines are answered as they are read, in this slot.
    Batch {
        caller: Arc<Caller>,
        slot: OwnedSemaphorePermit,
    },
}

/// Sets `quota` to what is left of the caller's. A match instead of function pointers in the table: those would cost
/// an allocation for the future of each request.
async fn dispatch(
    state: &Arc<ShardState>,
    peer: IpAddr,
    request: &mut Request<Incoming>,
    quota: &mut Option<Verdict>,
) -> Result<Reply, Problem> {
    check_head(request)?;
    let path = request.uri().path();
    if request.method() == Method::OPTIONS {
        return Ok(Reply::Response(options(&table::allowed(ROUTES, path)?)));
    }
    let (route, parameter) = table::find(ROUTES, request.method(), path)?;
    check_query(request)?;
    if let Some(id) = order_of_token(state, peer, route, &parameter, request)? {
        let query = request.uri().query().unwrap_or("");
        let followed = order_events::follow_order(state, id, query, request.headers()).await;
        return followed.map(Reply::Response);
    }
    let Admitted { caller, quota: left } =
        state.access.admit(peer, request.headers(), route.scope).await?;
    *quota = left;
    let response = match route.endpoint {
        Endpoint::PlaceOrder => place_order::place_order(state, &caller, request).await,
        Endpoint::PlaceBatch => {
            let slot = place_batch::accept(state, request.headers())?;
            return Ok(Reply::Batch { caller, slot });
        }
        Endpoint::ListOrders => {
            list_orders::list_orders(state, &caller, request.uri().query().unwrap_or("")).await
        }
        Endpoint::GetOrderStatus => {
            let query = request.uri().query().unwrap_or("");
            let headers = request.headers();
            order_status::get_order_status(state, &caller, &parameter, query, headers).await
        }
        Endpoint::FollowOrder => {
            let query = request.uri().query().unwrap_or("");
            let signed_id = issued_id(state, &caller, &parameter)?;
            order_events::follow_order(state, signed_id.id(), query, request.headers()).await
        }
        Endpoint::CreateEventsToken => {
            events_token::create_events_token(state, &caller, &parameter)
        }
        Endpoint::CancelOrder => {
            cancel_order::cancel_order(state, &caller, &parameter, request.headers()).await
        }
        Endpoint::SubmitPayment => {
            let signed_id = issued_id(state, &caller, &parameter)?;
            submit_payment::submit_payment(state, signed_id, request).await
        }
        Endpoint::ReceiveProviderEvent => {
            provider_event::receive_provider_event(state, request).await
        }
        Endpoint::ListStock => stock::list_stock(state, request.uri().query().unwrap_or("")).await,
        Endpoint::GetStock => stock::get_stock(state, &parameter).await,
        Endpoint::Livez => Ok(health::livez()),
        Endpoint::Readyz => Ok(health::readyz(state)),
        Endpoint::GetOpenApi => Ok(openapi::get_openapi()),
        Endpoint::ShowDocs => Ok(docs_page::show_docs()),
        Endpoint::GetDocsScript => Ok(docs_page::get_docs_script()),
        Endpoint::ExplainProblem => explain_problem::explain_problem(&parameter, request.headers()),
    };
    response.map(Reply::Response)
}

/// The order that a request follows by a token in its query; `None` for any other request, and where callers are not
/// authenticated.
fn order_of_token<B>(
    state: &ShardState,
    peer: IpAddr,
    route: &Route,
    signed_id: &str,
    request: &Request<B>,
) -> Result<Option<OrderId>, Problem> {
    let is_possible = route.endpoint == Endpoint::FollowOrder && state.access.knows_callers();
    let query = request.uri().query().filter(|_| is_possible);
    let Some(token) = query.and_then(events_token::token_in) else { return Ok(None) };
    state.access.admit_address(peer, request.headers())?;
    events_token::order_of(state, signed_id, &token).map(Some)
}

/// The response to HEAD: that to GET with its `Content-Length`, without the body.
fn without_body(response: HttpResponse) -> HttpResponse {
    let (mut head, body) = response.into_parts();
    let length = body.size_hint().exact().map(HeaderValue::from);
    head.headers.extend(length.map(|length| (CONTENT_LENGTH, length)));
    HttpResponse::from_parts(head, Either::Left(Full::default()))
}
