//! Every route on one screen.

use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderValue};
use hyper::{Method, Request};

use crate::core::Core;
use crate::problem::Problem;
use crate::response::Answer;
use crate::{cancel, health, place, status, stock};

/// The longest path here, with the empty name before its first slash.
const NAMES_MAX: usize = 5;

/// What a path names.
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
    fn named(path: &'p str) -> Option<Self> {
        let names: Vec<&str> = path.splitn(NAMES_MAX + 1, '/').collect();
        Some(match names[..] {
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

/// Answers a request, whatever it is.
pub(crate) async fn answer(core: &Core, request: Request<Incoming>) -> Answer {
    let wants_head = request.method() == Method::HEAD;
    let answer = route(core, request).await.unwrap_or_else(|problem| problem.answer());
    if wants_head { without_body(answer) } else { answer }
}

async fn route(core: &Core, request: Request<Incoming>) -> Result<Answer, Problem> {
    let resource = Resource::named(request.uri().path()).ok_or(Problem::NoSuchPath)?;
    if !resource.allows(request.method()) {
        return Err(Problem::WrongMethod { allowed: resource.methods() });
    }
    match resource {
        Resource::Orders => place::place(core, request).await,
        Resource::Order(id) => status::status(core, id).await,
        Resource::Cancel(id) => cancel::cancel(core, id).await,
        Resource::StockList => stock::several(core, request.uri().query().unwrap_or("")).await,
        Resource::Stock(sku) => stock::one(core, sku).await,
        Resource::Live => Ok(health::live()),
        Resource::Ready => Ok(health::ready(core)),
    }
}

/// The same answer as to a GET, but for the body.
fn without_body(answer: Answer) -> Answer {
    let (mut head, body) = answer.into_parts();
    let length = body.size_hint().exact().map(HeaderValue::from);
    head.headers.extend(length.map(|length| (CONTENT_LENGTH, length)));
    Answer::from_parts(head, Full::default())
}
