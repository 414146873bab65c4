//! The service's HTTP: one route, and the answer only when all is done.

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

use super::charge::{Charged, Charging};
use super::store::{Reserved, Store};
use crate::door;

/// What all connections share.
pub(super) struct Shop {
    pub(super) store: Store,
    pub(super) charging: Charging,
}

pub(super) async fn serve(listener: TcpListener, shop: Shop) -> Infallible {
    let shop = Arc::new(shop);
    door::serve(listener, service_fn(move |request| answer(shop.clone(), request))).await
}

async fn answer(
    shop: Arc<Shop>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok());
    let key: Option<IdempotencyKey> = key.and_then(|key| key.parse().ok());
    let body = request.into_body().collect().await?.to_bytes();
    let status = match (key, PlaceOrder::parse(&body)) {
        (Some(key), Ok(order)) => {
            let id = OrderId::derive("public", &key);
            shop.place(id, &order).await.unwrap_or_else(|err| {
                tracing::warn!(error = format!("{err:#}"), "an order was not carried out");
                StatusCode::SERVICE_UNAVAILABLE
            })
        }
        (None, _) => StatusCode::BAD_REQUEST,
        (_, Err(_)) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let mut answer = Response::new(Full::from(format!(r#"{{"status":{}}}"#, status.as_u16())));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(answer)
}

impl Shop {
    /// All that becomes of an order. Where it breaks off, the buyer repeats under the same key.
    async fn place(&self, id: OrderId, order: &PlaceOrder) -> Result<StatusCode> {
        if let Reserved::No = self.store.reserve(id, order).await? {
            return Ok(StatusCode::CONFLICT);
        }
        // No transaction is open while the provider takes its time.
        match self.charging.charge(id, order).await? {
            Charged::Paid(intent) => {
                self.store.fulfil(id, &intent).await?;
                Ok(StatusCode::CREATED)
            }
            Charged::Declined => {
                self.store.release(id, order).await?;
                Ok(StatusCode::PAYMENT_REQUIRED)
            }
        }
    }
}
