//! The routing table: paths, methods and their handlers.

use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{Method, Request};

use crate::problem::Problem;
use crate::response::HttpResponse;
use crate::shard::Shard;
use crate::{cancel_order, health, order_status, place_order, stock};

/// Segments of the longest path, with the empty one before its first slash.
const SEGMENTS_MAX: usize = 5;

/// The resource that a path identifies.
enum Resource<'p> {
    Orders,
    Order(&'p str),
    Cancel(&'p str),
    StockList,
    Stock(&'p str),
    Live,
    Ready,
}

impl<'p> Resource<'p> {
    fn parse(path: &'p str) -> Option<Self> {
        let segments: Vec<&str> = path.splitn(SEGMENTS_MAX + 1, '/').collect();
        Some(match segments[..] {
            ["", "livez"] => Self::Live,
            ["", "readyz"] => Self::Ready,
            ["", "v1", "orders"] => Self::Orders,
            ["", "v1", "orders", id] if !id.is_empty() => Self::Order(id),
            ["", "v1", "orders", id, "cancel"] => Self::Cancel(id),
            ["", "v1", "stock"] => Self::StockList,
            ["", "v1", "stock", sku] if !sku.is_empty() => Self::Stock(sku),
            _ => return None,
        })
    }

    const fn methods(&self) -> &'static str {
        match self {
            Self::Orders | Self::Cancel(_) => "POST",
            _ => "GET, HEAD",
        }
    }

    fn allows(&self, method: &Method) -> bool {
        self.methods().split(", ").any(|allowed| allowed == method.as_str())
    }
}

/// Responds to a request; an error becomes a problem document.
pub(crate) async fn respond(shard: &Shard, request: Request<Incoming>) -> HttpResponse {
    let is_head = request.method() == Method::HEAD;
    let response = route(shard, request).await.unwrap_or_else(|problem| problem.to_response());
    if is_head { without_body(response) } else { response }
}

async fn route(shard: &Shard, request: Request<Incoming>) -> Result<HttpResponse, Problem> {
    let resource = Resource::parse(request.uri().path()).ok_or(Problem::NotFound)?;
    if !resource.allows(request.method()) {
        return Err(Problem::MethodNotAllowed { allowed: resource.methods() });
    }
    match resource {
        Resource::Orders => place_order::place_order(shard, request).await,
        Resource::Order(id) => order_status::get_order_status(shard, id).await,
        Resource::Cancel(id) => cancel_order::cancel_order(shard, id).await,
        Resource::StockList => stock::list_stock(shard, request.uri().query().unwrap_or("")).await,
        Resource::Stock(sku) => stock::get_stock(shard, sku).await,
        Resource::Live => Ok(health::livez()),
        Resource::Ready => Ok(health::readyz(shard)),
    }
}

/// The response to HEAD: that to GET with its `Content-Length`, without the body.
fn without_body(response: HttpResponse) -> HttpResponse {
    let (mut head, body) = response.into_parts();
    let length = body.size_hint().exact().map(HeaderValue::from);
    head.headers.extend(length.map(|length| (CONTENT_LENGTH, length)));
    HttpResponse::from_parts(head, Full::default())
}
