//! HTTP around the provider: authorization, bodies, routes, answers.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::answer::Answer;
use super::api::{Api, NoResponse, Reply};
use super::failure::Failure;
use super::operation::Operation;

/// Ten times what any request to this API needs.
const MAX_BODY: usize = 16 * 1024;

/// Stripe's limit for a key.
const MAX_KEY: usize = 255;

/// How many entries a list answers with, if not told otherwise, and at most.
const DEFAULT_LIMIT: usize = 10;
const MAX_LIMIT: usize = 10_000;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Answers one request.
pub(super) async fn answer(
    api: Arc<Api>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, NoResponse> {
    let (head, body) = request.into_parts();
    let reply = match read_body(body).await {
        Ok(form) => route(api, &head, &form).await?,
        Err(failure) => Answer::from(failure).into(),
    };
    Ok(response(&reply))
}

async fn route(api: Arc<Api>, head: &Parts, form: &[u8]) -> Result<Reply, NoResponse> {
    let path = head.uri.path();
    if path == "/control" && head.method == Method::POST {
        return Ok(api.control(form).unwrap_or_else(Answer::from).into());
    }
    if let Err(failure) = authorize(head) {
        return Ok(Answer::from(failure).into());
    }
    match head.method {
        Method::GET => look_up(&api, path, head.uri.query().unwrap_or_default()).await,
        Method::POST => match (Operation::parse(path, form), key(head)) {
            (Ok(operation), Ok(key)) => api.change(operation, key).await,
            (Err(failure), _) | (_, Err(failure)) => Ok(Answer::from(failure).into()),
        },
        _ => Ok(Answer::from(Failure::no_such_route(path)).into()),
    }
}

async fn look_up(api: &Api, path: &str, query: &str) -> Result<Reply, NoResponse> {
    let page = match Page::parse(query) {
        Ok(page) => page,
        Err(failure) => return Ok(Answer::from(failure).into()),
    };
    let after = page.starting_after.as_deref();
    api.read(|engine| match path.strip_prefix("/v1/") {
        Some("payment_intents") => engine.intents(after, page.limit),
        Some("refunds") => engine.refunds(after, page.limit),
        Some(path) => match path.strip_prefix("payment_intents/") {
            Some(id) => engine.intent(id),
            None => Err(Failure::no_such_route(path)),
        },
        None => Err(Failure::no_such_route(path)),
    })
    .await
}

/// Which part of a list is asked for.
struct Page {
    limit: usize,
    starting_after: Option<String>,
}

impl Page {
    fn parse(query: &str) -> Result<Page, Failure> {
        let mut page = Page { limit: DEFAULT_LIMIT, starting_after: None };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (name.as_ref(), value.parse()) {
                ("limit", Ok(limit @ 1..=MAX_LIMIT)) => page.limit = limit,
                ("limit", _) => return Err(Failure::parameter("limit", "parameter_invalid")),
                ("starting_after", _) => page.starting_after = Some(value.into_owned()),
                _ => return Err(Failure::parameter(&name, "parameter_unknown")),
            }
        }
        Ok(page)
    }
}

fn authorize(head: &Parts) -> Result<(), Failure> {
    head.headers
        .get(AUTHORIZATION)
        .filter(|value| value.as_bytes().starts_with(b"Bearer sk_test_"))
        .map(|_| ())
        .ok_or_else(Failure::unauthorized)
}

fn key(head: &Parts) -> Result<Option<String>, Failure> {
    let Some(key) = head.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=MAX_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Failure::parameter("Idempotency-Key", "parameter_invalid")),
    }
}

async fn read_body(body: Incoming) -> Result<Bytes, Failure> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(Failure::too_large()),
    }
}

fn response(reply: &Reply) -> Response<Full<Bytes>> {
    let (status, body) = match serde_json::to_vec(&reply.answer) {
        Ok(body) => (reply.answer.status(), body),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if reply.replayed {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
