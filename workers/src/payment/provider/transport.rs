//! HTTP/1.1 to the provider: keep-alive connections, with limits for concurrency, time and body
//! size.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::uri::{Authority, Scheme};
use hyper::{Method, Request, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::error::{CallError, ConfigError};
use super::response::Response;
use crate::limits::{PROVIDER_BODY_BYTES_MAX, PROVIDER_IDLE_TIMEOUT};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

#[derive(Debug)]
pub(super) struct Transport {
    base_url: String,
    /// Marked as sensitive, so that `Debug` does not show it.
    authorization: HeaderValue,
    http: Http,
    permits: Semaphore,
    attempt_timeout: Duration,
}

#[derive(Debug)]
enum Http {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Tls(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Transport {
    pub(super) fn new(
        base_url: &str,
        secret_key: &str,
        attempt_timeout: Duration,
        parallel: usize,
    ) -> Result<Transport, ConfigError> {
        let (scheme, authority) = self::base_url(base_url)?;
        let parallel = parallel.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Transport {
            base_url: format!("{scheme}://{authority}"),
            authorization: authorization(secret_key)?,
            http: Http::new(scheme.as_str(), attempt_timeout, parallel)?,
            permits: Semaphore::new(parallel),
            attempt_timeout,
        })
    }

    /// Makes one attempt.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        form: String,
        idempotency_key: Option<&str>,
    ) -> Result<Response, CallError> {
        let request = self.request(method, path, form, idempotency_key)?;
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        timeout(self.attempt_timeout, self.exchange(request))
            .await
            .unwrap_or_else(|elapsed| Err(CallError::NoResponse(elapsed.into())))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response, CallError> {
        let response = match self.http.send(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Err(CallError::Unavailable(error)),
            Err(error) => return Err(CallError::NoResponse(error.into())),
        };
        let (head, body) = response.into_parts();
        match Limited::new(body, PROVIDER_BODY_BYTES_MAX).collect().await {
            Ok(body) => Response::new(head.status, &head.headers, body.to_bytes()),
            Err(error) => Err(CallError::NoResponse(error)),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        form: String,
        idempotency_key: Option<&str>,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header(AUTHORIZATION, &self.authorization);
        if let Some(key) = idempotency_key {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(IDEMPOTENCY_KEY, key);
        }
        request.body(Full::from(form)).map_err(|error| CallError::Refused {
            status: 400,
            code: "not_sent".to_owned(),
            message: error.to_string(),
        })
    }
}

/// The scheme and the authority of `http://host[:port]` or `https://host[:port]`.
pub(super) fn base_url(text: &str) -> Result<(Scheme, Authority), ConfigError> {
    let parts = text.parse::<Uri>().map_err(|_| ConfigError::BaseUrl)?.into_parts();
    let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
        return Err(ConfigError::BaseUrl);
    };
    let is_http = scheme == Scheme::HTTP || scheme == Scheme::HTTPS;
    let has_more = parts.path_and_query.is_some_and(|rest| rest != "/");
    if !is_http || has_more || authority.as_str().contains('@') {
        return Err(ConfigError::BaseUrl);
    }
    Ok((scheme, authority))
}

/// The `Authorization` header, marked as sensitive so that `Debug` does not show it.
pub(super) fn authorization(secret_key: &str) -> Result<HeaderValue, ConfigError> {
    if secret_key.is_empty() {
        return Err(ConfigError::SecretKey);
    }
    let header = HeaderValue::try_from(format!("Bearer {secret_key}"));
    let mut header = header.map_err(|_| ConfigError::SecretKey)?;
    header.set_sensitive(true);
    Ok(header)
}

impl Http {
    fn new(scheme: &str, attempt_timeout: Duration, parallel: usize) -> Result<Http, ConfigError> {
        let mut connector = HttpConnector::new();
        // Half of the call's limit: distinguishes an unreachable host from one that does not
        // respond.
        connector.set_connect_timeout(Some(attempt_timeout / 2));
        connector.set_nodelay(true);
        let mut client = Client::builder(TokioExecutor::new());
        client
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(PROVIDER_IDLE_TIMEOUT)
            .pool_max_idle_per_host(parallel);
        match scheme {
            "http" => Ok(Http::Plain(client.build(connector))),
            "https" => {
                connector.enforce_http(false);
                let connector = HttpsConnectorBuilder::new()
                    .with_native_roots()
                    .map_err(ConfigError::Certificates)?
                    .https_only()
                    .enable_http1()
                    .wrap_connector(connector);
                Ok(Http::Tls(client.build(connector)))
            }
            _ => Err(ConfigError::BaseUrl),
        }
    }

    fn send(&self, request: Request<Full<Bytes>>) -> ResponseFuture {
        match self {
            Http::Plain(client) => client.request(request),
            Http::Tls(client) => client.request(request),
        }
    }
}
