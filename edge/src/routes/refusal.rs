//! The response to a request that is refused or has failed, and the line in the log about it.

use std::time::Instant;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HeaderValue};
use hyper::{Request, StatusCode, Version};

use super::table::{ROUTES, path_of_route};
use crate::body::discard;
use crate::failure_log::LogEntry;
use crate::problem::Problem;
use crate::request_id::RequestId;
use crate::response::HttpResponse;
use crate::state::ShardState;
use crate::trace_context::trace_of;

/// The response to a refused request. The rest of its body is read first: a client whose connection
/// ends while it sends may not see the response. One that expects 100 (Continue) sends nothing.
pub(super) async fn refuse(
    state: &ShardState,
    problem: &Problem,
    id: &RequestId,
    request: &mut Request<Incoming>,
) -> HttpResponse {
    log(state, problem, id, request);
    let is_complete = request.headers().contains_key(EXPECT) || discard(request.body_mut()).await;
    let mut response = problem.to_response(id);
    if !is_complete && request.version() <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The path of the route is logged, never that of the request: who has an order's signed id may cancel it.
fn log(state: &ShardState, problem: &Problem, id: &RequestId, request: &Request<Incoming>) {
    let (request_id, method) = (id.as_str(), request.method());
    let route = || path_of_route(ROUTES, request.uri().path()).unwrap_or("none");
    let trace_id = || trace_of(request.headers()).map(|trace| trace.trace_id().to_string());
    let (status, problem) = (problem.status(), problem.type_uri());
    if status != StatusCode::SERVICE_UNAVAILABLE {
        let status = status.as_u16();
        // Most refusals are not logged: what is named here is looked up for those that are.
        tracing::debug!(
            request_id,
            trace_id = trace_id(),
            %method,
            route = route(),
            status,
            problem,
            "request refused"
        );
    } else if let LogEntry::After { left_out } = state.failure_log.count(Instant::now()) {
        let (trace_id, route) = (trace_id(), route());
        tracing::warn!(request_id, trace_id, %method, route, problem, left_out, "request failed");
    }
}
