//! The service's HTTP API: one route, which responds only when the order is complete.

use std::convert::Infallible;
use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use orders::{IdempotencyKey, OrderId, PlaceOrder};
use tokio::net::TcpListener;

use super::charge::{ChargeResult, ProviderClient};
use super::store::{ReserveResult, Store};
use crate::http_server;

/// The state that all connections share.
pub(super) struct SyncService {
    pub(super) store: Store,
    pub(super) provider: ProviderClient,
}

pub(super) async fn serve(listener: TcpListener, service: SyncService) -> Infallible {
    let service = Arc::new(service);
    http_server::serve(listener, service_fn(move |request| respond(service.clone(), request))).await
}

async fn respond(
    service: Arc<SyncService>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok());
    let key: Option<IdempotencyKey> = key.and_then(|key| key.parse().ok());
    let body = request.into_body().collect().await?.to_bytes();
    let status = match (key, PlaceOrder::parse(&body)) {
        (Some(key), Ok(order)) => {
            let id = OrderId::derive(&orders::CallerName::PUBLIC, &key);
            service.place(id, &order).await.unwrap_or_else(|err| {
                tracing::warn!(order_id = %id, error = format!("{err:#}"), "order failed");
                StatusCode::SERVICE_UNAVAILABLE
            })
        }
        (None, _) => StatusCode::BAD_REQUEST,
        (_, Err(_)) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut response = Response::new(Full::from(format!(r#"{{"status":{}}}"#, status.as_u16())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

impl SyncService {
    /// Reserves, charges and fulfils an order. If it fails part-way, the client repeats the request
    /// with the same key.
    async fn place(&self, id: OrderId, order: &PlaceOrder) -> Result<StatusCode> {
        if let ReserveResult::Refused = self.store.reserve(id, order).await? {
            return Ok(StatusCode::CONFLICT);
        }
        // No transaction is open during the call to the provider.
        match self.provider.charge(id, order).await? {
            ChargeResult::Paid(intent) => {
                self.store.fulfil(id, &intent).await?;
                Ok(StatusCode::CREATED)
            }
            ChargeResult::Declined => {
                self.store.release(id, order).await?;
                Ok(StatusCode::PAYMENT_REQUIRED)
            }
        }
    }
}
