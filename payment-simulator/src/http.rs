//! The HTTP layer: authorization, request bodies, routing, responses.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};

use super::api::{Api, NoResponse, Reply};
use super::authentication;
use super::error::ApiError;
use super::limits::{BODY_BYTES_MAX, KEY_BYTES_MAX, PAGE_ENTRIES_DEFAULT, PAGE_ENTRIES_MAX};
use super::operation::Operation;
use super::response::ResponseBody;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Handles one request.
pub(super) async fn handle(
    api: Arc<Api>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, NoResponse> {
    let (head, body) = request.into_parts();
    let form = match read_body(body).await {
        Ok(form) => form,
        Err(error) => return Ok(response(&ResponseBody::from(error).into())),
    };
    if let Some(intent) = head.uri.path().strip_prefix("/authenticate/") {
        return Ok(authentication::respond(&api, &head.method, intent, &form));
    }
    Ok(response(&route(api, &head, &form).await?))
}

async fn route(api: Arc<Api>, head: &Parts, form: &[u8]) -> Result<Reply, NoResponse> {
    let path = head.uri.path();
    match (path, &head.method) {
        ("/control", &Method::POST) => {
            return Ok(api.control(form).unwrap_or_else(ResponseBody::from).into());
        }
        ("/control", &Method::GET) => return Ok(api.describe().into()),
        _ => {}
    }
    if let Err(error) = authorize(head) {
        return Ok(ResponseBody::from(error).into());
    }
    match head.method {
        Method::GET => get(&api, path, head.uri.query().unwrap_or_default()).await,
        Method::POST => match (Operation::parse(path, form), idempotency_key(head)) {
            (Ok(operation), Ok(key)) => api.execute_once(operation, key).await,
            (Err(error), _) | (_, Err(error)) => Ok(ResponseBody::from(error).into()),
        },
        _ => Ok(ResponseBody::from(ApiError::no_such_route(path)).into()),
    }
}

async fn get(api: &Api, path: &str, query: &str) -> Result<Reply, NoResponse> {
    let page = match Page::parse(query) {
        Ok(page) => page,
        Err(error) => return Ok(ResponseBody::from(error).into()),
    };
    let after = page.starting_after.as_deref();
    api.read(|engine| match path.strip_prefix("/v1/") {
        Some("payment_intents") => engine.intents(after, page.limit),
        Some("payment_intents/search") => {
            let order_id = page.searched_order_id()?;
            Ok(engine.find_intents(order_id, page.limit))
        }
        Some("refunds") => engine.refunds.page(page.payment_intent.as_deref(), after, page.limit),
        Some(path) => match path.strip_prefix("payment_intents/") {
            Some(id) => engine.intent(id).map(ResponseBody::Intent),
            None => Err(ApiError::no_such_route(path)),
        },
        None => Err(ApiError::no_such_route(path)),
    })
    .await
}

/// The pagination parameters of a list request.
struct Page {
    limit: usize,
    starting_after: Option<String>,
    /// Only the refunds of this intent.
    payment_intent: Option<String>,
    /// What to search for.
    query: Option<String>,
}

impl Page {
    fn parse(query: &str) -> Result<Page, ApiError> {
        let mut page = Page {
            limit: PAGE_ENTRIES_DEFAULT,
            starting_after: None,
            payment_intent: None,
            query: None,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match (name.as_ref(), value.parse()) {
                ("limit", Ok(limit @ 1..=PAGE_ENTRIES_MAX)) => page.limit = limit,
                ("limit", _) => return Err(ApiError::parameter("limit", "parameter_invalid")),
                ("starting_after", _) => page.starting_after = Some(value.into_owned()),
                ("query", _) => page.query = Some(value.into_owned()),
                ("payment_intent", _) => page.payment_intent = Some(value.into_owned()),
                _ => return Err(ApiError::parameter(&name, "parameter_unknown")),
            }
        }
        Ok(page)
    }

    /// The value in `metadata['order_id']:'VALUE'`, the one query that is supported.
    fn searched_order_id(&self) -> Result<&str, ApiError> {
        let query = self.query.as_deref();
        let query = query.ok_or_else(|| ApiError::parameter("query", "parameter_missing"))?;
        let value = query.strip_prefix("metadata['order_id']:'");
        value
            .and_then(|value| value.strip_suffix('\''))
            .ok_or_else(|| ApiError::parameter("query", "parameter_invalid"))
    }
}

fn authorize(head: &Parts) -> Result<(), ApiError> {
    head.headers
        .get(AUTHORIZATION)
        .filter(|value| value.as_bytes().starts_with(b"Bearer sk_test_"))
        .map(|_| ())
        .ok_or_else(ApiError::unauthorized)
}

fn idempotency_key(head: &Parts) -> Result<Option<String>, ApiError> {
    let Some(key) = head.headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match key.to_str() {
        Ok(key) if (1..=KEY_BYTES_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::parameter("Idempotency-Key", "parameter_invalid")),
    }
}

async fn read_body(body: Incoming) -> Result<Bytes, ApiError> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(ApiError::too_large()),
    }
}

fn response(reply: &Reply) -> Response<Full<Bytes>> {
    let (status, body) = match serde_json::to_vec(&reply.body) {
        Ok(body) => (reply.body.status(), body),
        Err(error) => {
            tracing::error!(%error, "response cannot be serialized as JSON");
            (StatusCode::INTERNAL_SERVER_ERROR, Vec::new())
        }
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let ResponseBody::Error { error } = &reply.body
        && let Some(seconds) = error.retry_after
    {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.get()));
    }
    if reply.is_replayed {
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    response
}
