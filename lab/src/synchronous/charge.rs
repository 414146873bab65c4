//! The one call to the payment provider: an intent is created and confirmed at once.

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

/// The way to the provider; connections are kept.
pub(super) struct Charging {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

/// What the provider said.
pub(super) enum Charged {
    /// The money was captured by this intent.
    Paid(String),
    Declined,
}

impl Charging {
    pub(super) fn new(url: &str) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, url: format!("{url}/v1/payment_intents") }
    }

    /// Charges the order once, however often it is called.
    pub(super) async fn charge(&self, id: OrderId, order: &PlaceOrder) -> Result<Charged> {
        let id = id.to_string();
        let request = Request::post(&self.url)
            .header(AUTHORIZATION, format!("Bearer {PROVIDER_KEY}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("Idempotency-Key", &id)
            .body(Full::from(form(&id, order)))?;
        let answer = self.client.request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        match status {
            StatusCode::OK => Ok(Charged::Paid(serde_json::from_slice::<Intent>(&body)?.id)),
            StatusCode::PAYMENT_REQUIRED => Ok(Charged::Declined),
            other => bail!("the provider answered {other}"),
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
