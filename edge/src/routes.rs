//! The table of routes, from which everything else follows: which handler responds, 404 for a path
//! that no route has, and 405 with `Allow` for a method that the path does not have.

mod cancel_order;
mod health;
mod order_status;
mod place_order;
mod stock;

use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{Method, Request};

use crate::problem::Problem;
use crate::response::HttpResponse;
use crate::shard::Shard;

/// One method of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method. GET includes HEAD.
    pub method: Method,
    /// The path; a segment in braces is any one that is not empty.
    pub path: &'static str,
    /// What it does, for the API's document.
    pub summary: &'static str,
    endpoint: Endpoint,
}

/// The handler of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    PlaceOrder,
    OrderStatus,
    CancelOrder,
    StockList,
    Stock,
    Live,
    Ready,
}

/// Every route of the API.
pub static ROUTES: [Route; 7] = [
    route(Method::POST, "/v1/orders", "Place an order", Endpoint::PlaceOrder),
    route(Method::GET, "/v1/orders/{id}", "Get the status of an order", Endpoint::OrderStatus),
    route(
        Method::POST,
        "/v1/orders/{id}/cancel",
        "Request the cancellation of an order",
        Endpoint::CancelOrder,
    ),
    route(Method::GET, "/v1/stock", "Get the stock of several SKUs", Endpoint::StockList),
    route(Method::GET, "/v1/stock/{sku}", "Get the stock of a SKU", Endpoint::Stock),
    route(Method::GET, "/livez", "Probe whether the process runs", Endpoint::Live),
    route(Method::GET, "/readyz", "Probe whether orders are accepted", Endpoint::Ready),
];

const fn route(
    method: Method,
    path: &'static str,
    summary: &'static str,
    endpoint: Endpoint,
) -> Route {
    Route { method, path, summary, endpoint }
}

/// Responds to a request; an error becomes a problem document.
pub(crate) async fn respond(shard: &Shard, request: Request<Incoming>) -> HttpResponse {
    let is_head = request.method() == Method::HEAD;
    let response = dispatch(shard, request).await.unwrap_or_else(|problem| problem.to_response());
    if is_head { without_body(response) } else { response }
}

async fn dispatch(shard: &Shard, request: Request<Incoming>) -> Result<HttpResponse, Problem> {
    let uri = request.uri();
    let (endpoint, segment) = find(request.method(), uri.path())?;
    match endpoint {
        Endpoint::PlaceOrder => place_order::place_order(shard, request).await,
        Endpoint::OrderStatus => order_status::get_order_status(shard, segment).await,
        Endpoint::CancelOrder => cancel_order::cancel_order(shard, segment).await,
        Endpoint::StockList => stock::list_stock(shard, uri.query().unwrap_or("")).await,
        Endpoint::Stock => stock::get_stock(shard, segment).await,
        Endpoint::Live => Ok(health::livez()),
        Endpoint::Ready => Ok(health::readyz(shard)),
    }
}

/// The endpoint for a request, with the segment of the path that the route has in braces.
fn find<'p>(method: &Method, path: &'p str) -> Result<(Endpoint, &'p str), Problem> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    for route in &ROUTES {
        if route.method == *method
            && let Some(segment) = matched(route.path, path)
        {
            return Ok((route.endpoint, segment));
        }
    }
    match allowed(path) {
        allowed if allowed.is_empty() => Err(Problem::NotFound),
        allowed => Err(Problem::MethodNotAllowed { allowed }),
    }
}

/// The segment that `template` has in braces, which is empty if it has none; `None` if `path` is
/// another path.
fn matched<'p>(template: &str, path: &'p str) -> Option<&'p str> {
    let mut segments = path.split('/');
    let mut in_braces = "";
    for expected in template.split('/') {
        let segment = segments.next()?;
        if expected.starts_with('{') && !segment.is_empty() {
            in_braces = segment;
        } else if expected != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(in_braces)
}

/// The methods of `path`, as the header `Allow` lists them (RFC 9110, 10.2.1).
fn allowed(path: &str) -> String {
    let routes = ROUTES.iter().filter(|route| matched(route.path, path).is_some());
    let methods = routes.map(|route| match route.method {
        Method::GET => "GET, HEAD",
        ref method => method.as_str(),
    });
    methods.collect::<Vec<_>>().join(", ")
}

/// The response to HEAD: that to GET with its `Content-Length`, without the body.
fn without_body(response: HttpResponse) -> HttpResponse {
    let (mut head, body) = response.into_parts();
    let length = body.size_hint().exact().map(HeaderValue::from);
    head.headers.extend(length.map(|length| (CONTENT_LENGTH, length)));
    HttpResponse::from_parts(head, Full::default())
}

#[cfg(test)]
mod tests;
