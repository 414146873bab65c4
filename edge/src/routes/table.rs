//! The table of routes. Dispatch, 404, 405 with its `Allow` header, HEAD and OPTIONS follow from it.

use std::borrow::Cow;
use std::iter;

use hyper::Method;

use super::path::{check_encoding, decode, is_encoding_of};
use crate::identity::Scope;
use crate::problem::Problem;

/// A route of the API.
#[derive(Debug)]
pub struct Route {
    /// The method. A route of GET answers HEAD as well, and every path answers OPTIONS.
    pub method: Method,
    /// The path, with the name of its parameter in braces: `/v1/orders/{id}`.
    pub path: &'static str,
    /// What a request does, in one line.
    pub summary: &'static str,
    /// What a caller must be permitted; `None` if callers are not authenticated for it.
    pub scope: Option<Scope>,
    pub(super) endpoint: Endpoint,
}

/// What answers the requests of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    PlaceOrder,
    PlaceBatch,
    ListOrders,
    GetOrderStatus,
    FollowOrder,
    CreateEventsToken,
    CancelOrder,
    SubmitPayment,
    ReceiveProviderEvent,
    ListStock,
    GetStock,
    Livez,
    Readyz,
    GetOpenApi,
    ShowDocs,
    GetDocsScript,
    ExplainProblem,
}

/// All routes. The first is the most frequent by far.
pub const ROUTES: &[Route] = &[
    post("/v1/orders", Endpoint::PlaceOrder, "Place an order").scope(Scope::WriteOrders),
    post("/v1/orders:batch", Endpoint::PlaceBatch, "Place many orders, one in each line")
        .scope(Scope::WriteOrders),
    get("/v1/orders", Endpoint::ListOrders, "List the caller's own orders")
        .scope(Scope::ReadOrders),
    get("/v1/orders/{id}", Endpoint::GetOrderStatus, "Get an order, its status and its history")
        .scope(Scope::ReadOrders),
    get("/v1/orders/{id}/events", Endpoint::FollowOrder, "Follow an order as server-sent events")
        .scope(Scope::ReadOrders),
    post(
        "/v1/orders/{id}/events-token",
        Endpoint::CreateEventsToken,
        "Get a token with which a browser follows an order",
    )
    .scope(Scope::ReadOrders),
    post("/v1/orders/{id}/cancel", Endpoint::CancelOrder, "Request the cancellation of an order")
        .scope(Scope::WriteOrders),
    post(
        "/v1/orders/{id}/payment",
        Endpoint::SubmitPayment,
        "Continue the payment of an order that requires action",
    )
    .scope(Scope::WriteOrders),
    post(
        "/v1/provider/events",
        Endpoint::ReceiveProviderEvent,
        "Receive a webhook of the payment provider",
    ),
    get("/v1/stock", Endpoint::ListStock, "Get the stock of several SKUs").scope(Scope::ReadStock),
    get("/v1/stock/{sku}", Endpoint::GetStock, "Get the stock of a SKU").scope(Scope::ReadStock),
    get("/livez", Endpoint::Livez, "Check that the process runs"),
    get("/readyz", Endpoint::Readyz, "Check that the process can accept orders"),
    get("/openapi.json", Endpoint::GetOpenApi, "Get this document"),
    get("/docs", Endpoint::ShowDocs, "Show the API as a page"),
    get("/docs/rapidoc.js", Endpoint::GetDocsScript, "Get the script of that page"),
    get("/problems/{name}", Endpoint::ExplainProblem, "Explain a type of problem"),
];

const fn get(path: &'static str, endpoint: Endpoint, summary: &'static str) -> Route {
    Route { method: Method::GET, path, summary, scope: None, endpoint }
}

const fn post(path: &'static str, endpoint: Endpoint, summary: &'static str) -> Route {
    Route { method: Method::POST, path, summary, scope: None, endpoint }
}

/// The target of OPTIONS that asks about the server, not a path (RFC 9110, section 9.3.7).
const SERVER: &str = "*";

/// The route among `routes` that answers `method` at `path`, with the decoded value of the path's
/// parameter, which is empty if the path has none.
pub(super) fn find<'r, 'p>(
    routes: &'r [Route],
    method: &Method,
    path: &'p str,
) -> Result<(&'r Route, Cow<'p, str>), Problem> {
    check_encoding(path)?;
    for route in routes.iter().filter(|route| route.answers(method)) {
        if let Some(parameter) = route.match_path(path) {
            return Ok((route, decode(parameter)?));
        }
    }
    Err(Problem::MethodNotAllowed { allowed: methods_at(routes, path)? })
}

/// The path of the route that `path` belongs to, whatever the method.
pub(super) fn path_of_route(routes: &[Route], path: &str) -> Option<&'static str> {
    routes.iter().find(|route| route.match_path(path).is_some()).map(|route| route.path)
}

/// What OPTIONS is answered with at `path`: the value of the `Allow` header.
pub(super) fn allowed(routes: &[Route], path: &str) -> Result<String, Problem> {
    check_encoding(path)?;
    if path == SERVER { Ok(list_methods(routes)) } else { methods_at(routes, path) }
}

fn methods_at(routes: &[Route], path: &str) -> Result<String, Problem> {
    let mut matching = routes.iter().filter(|route| route.match_path(path).is_some()).peekable();
    matching.peek().ok_or(Problem::NotFound)?;
    Ok(list_methods(matching))
}

/// The methods of these routes, each once.
fn list_methods<'r>(routes: impl IntoIterator<Item = &'r Route>) -> String {
    let mut methods: Vec<&str> = Vec::new();
    for method in routes.into_iter().flat_map(Route::methods) {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    methods.push(Method::OPTIONS.as_str());
    methods.join(", ")
}

impl Route {
    const fn scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The encoded value of the parameter in `path`, empty if this route has none. `None` if `path` is
    /// the path of another route.
    fn match_path<'p>(&self, path: &'p str) -> Option<&'p str> {
        if path.ends_with('/') {
            return None;
        }
        let mut parameter = "";
        let mut segments = path.split('/');
        for expected in self.path.split('/') {
            let segment = segments.next()?;
            if expected.starts_with('{') {
                parameter = segment;
            } else if !is_encoding_of(segment, expected) {
                return None;
            }
        }
        segments.next().is_none().then_some(parameter)
    }

    fn answers(&self, method: &Method) -> bool {
        self.method == *method || self.method == Method::GET && *method == Method::HEAD
    }

    fn methods(&self) -> impl Iterator<Item = &str> {
        let head = (self.method == Method::GET).then_some("HEAD");
        iter::once(self.method.as_str()).chain(head)
    }
}

#[cfg(test)]
mod tests;
