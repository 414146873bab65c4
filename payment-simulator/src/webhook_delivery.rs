//! Sends queued events. An event that cannot be delivered in a few tries is lost: a receiver of
//! webhooks must not depend on each of them.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HeaderName};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::limits::{
    BODY_BYTES_MAX, WEBHOOK_RETRY_DELAY, WEBHOOK_RETRY_FACTOR, WEBHOOK_TIMEOUT, WEBHOOK_TRIES,
    WEBHOOKS_PARALLEL,
};
use super::model::unix_seconds;
use super::webhook_signature::WebhookSecret;

const STRIPE_SIGNATURE: HeaderName = HeaderName::from_static("stripe-signature");

type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// An event and where it goes.
pub(super) struct Delivery {
    pub(super) url: Uri,
    pub(super) secret: WebhookSecret,
    /// The event's id.
    pub(super) event: String,
    pub(super) body: Bytes,
}

/// Delivers what is in the queue, several events at a time and thus in any order, as Stripe does.
pub(super) async fn deliver_all(mut queue: mpsc::Receiver<Delivery>) {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut deliveries = JoinSet::new();
    while let Some(delivery) = queue.recv().await {
        while deliveries.try_join_next().is_some() {}
        if deliveries.len() >= WEBHOOKS_PARALLEL {
            deliveries.join_next().await;
        }
        deliveries.spawn(deliver(client.clone(), delivery));
    }
}

async fn deliver(client: HttpClient, delivery: Delivery) {
    let mut delay = WEBHOOK_RETRY_DELAY;
    for attempt in 1..=WEBHOOK_TRIES {
        let failure = match timeout(WEBHOOK_TIMEOUT, send(&client, &delivery)).await {
            Ok(Ok(status)) if status.is_success() => return,
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => "no response in time".to_owned(),
        };
        let Delivery { event, url, .. } = &delivery;
        if attempt == WEBHOOK_TRIES {
            tracing::warn!(event, %url, failure, "webhook dropped: it could not be delivered");
            return;
        }
        tracing::debug!(event, %url, failure, attempt, "webhook not delivered, trying again");
        sleep(delay).await;
        delay *= WEBHOOK_RETRY_FACTOR;
    }
}

async fn send(client: &HttpClient, delivery: &Delivery) -> anyhow::Result<StatusCode> {
    let signature = delivery.secret.sign(unix_seconds(), &delivery.body);
    let request = Request::post(delivery.url.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(STRIPE_SIGNATURE, signature)
        .body(Full::from(delivery.body.clone()))?;
    let response = client.request(request).await?;
    let status = response.status();
    // A connection can be used again only after its response was read to the end.
    if Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await.is_err() {
        tracing::debug!(event = delivery.event, "the response to a webhook broke off");
    }
    Ok(status)
}
