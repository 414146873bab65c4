//! The one call to the payment provider, which creates and confirms an intent at once.

use anyhow::{Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use orders::{OrderId, PaymentToken, PlaceOrder};
use serde::Deserialize;

use crate::endpoints::PROVIDER_KEY;

/// A client of the provider with a pool of connections.
pub(super) struct ProviderClient {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

/// The provider's response.
pub(super) enum ChargeResult {
    /// The intent with this id captured the money.
    Paid(String),
    /// The card was declined.
    Declined,
}

impl ProviderClient {
    pub(super) fn new(url: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, url: format!("{url}/v1/payment_intents") }
    }

    /// Charges the order once, no matter how often it is called: the order id is the idempotency
    /// key.
    pub(super) async fn charge(&self, id: OrderId, order: &PlaceOrder) -> Result<ChargeResult> {
        let id = id.to_string();
        let request = Request::post(&self.url)
            .header(AUTHORIZATION, format!("Bearer {PROVIDER_KEY}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("Idempotency-Key", &id)
            .body(Full::from(form(&id, order)))?;
        let response = self.client.request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        match status {
            StatusCode::OK => Ok(ChargeResult::Paid(serde_json::from_slice::<Intent>(&body)?.id)),
            StatusCode::PAYMENT_REQUIRED => Ok(ChargeResult::Declined),
            other => bail!("the payment provider responded with {other}"),
        }
    }
}

fn form(id: &str, order: &PlaceOrder) -> String {
    let currency = order.total.currency.as_str().to_ascii_lowercase();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("amount", &order.total.amount.to_string())
        .append_pair("currency", &currency)
        .append_pair("metadata[order_id]", id)
        .append_pair("confirm", "true");
    if let Some(token) = order.payment_token.as_ref().map(PaymentToken::expose) {
        form.append_pair("payment_method", token);
    }
    form.finish()
}

#[derive(Deserialize)]
struct Intent {
    id: String,
}
