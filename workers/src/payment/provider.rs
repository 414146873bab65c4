//! The client of the payment provider: Stripe's `PaymentIntents` API over HTTP/1.1.
//!
//! How a charge stays safe under repeats (an intent succeeds once, whatever is repeated):
//! create the intent unconfirmed, commit its id, confirm that id. To undo: cancel the intent, and
//! refund it if the cancel says that it had succeeded.

mod answer;
mod error;
mod transport;

use std::time::Duration;

use clap::Args;
use hyper::Method;

use answer::Answer;
pub use answer::{Confirmation, Intent, Page, Refund, Status};
pub use error::{CallError, ConfigError};
use transport::Transport;

/// A provider at one base URL. Connections are kept and shared by all calls.
#[derive(Debug)]
pub struct Provider {
    transport: Transport,
    page: u16,
}

/// Ten times what a provider in good health takes.
const TIMEOUT: &str = "1s";
/// Within what Stripe allows an account in a second.
const PARALLEL: usize = 100;
/// The largest page that Stripe gives.
const PAGE: u16 = 100;

/// The bounds of the calls to a provider.
#[derive(Clone, Copy, Debug, Args)]
pub struct Limits {
    /// How long one call to the payment provider may take
    // From the free place to the last byte of the answer.
    #[arg(
        id = "provider_timeout",
        long = "provider-timeout",
        env = "MILLRACE_PROVIDER_TIMEOUT",
        value_name = "DURATION",
        default_value = TIMEOUT,
        value_parser = streams::duration
    )]
    pub per_try: Duration,
    /// How many calls may be in flight at once; the rest waits in line.
    #[arg(skip = PARALLEL)]
    pub parallel: usize,
    /// How many entries a page of a list has: at most 100 at Stripe, 10,000 at our own provider.
    #[arg(skip = PAGE)]
    pub page: u16,
}

impl Default for Limits {
    fn default() -> Self {
        let per_try = streams::duration(TIMEOUT).expect("the constant is a duration");
        Self { per_try, parallel: PARALLEL, page: PAGE }
    }
}

/// Checks a base URL, so that a fault is found before anything starts.
pub fn base_url(text: &str) -> Result<String, ConfigError> {
    transport::base_url(text).map(|_| text.to_owned())
}

/// Checks a secret key, so that a fault is found before anything starts.
pub fn secret_key(text: &str) -> Result<String, ConfigError> {
    transport::authorization(text).map(|_| text.to_owned())
}

/// What an order is to be charged.
#[derive(Clone, Copy, Debug)]
pub struct NewIntent<'a> {
    /// The order's id, which the intent will carry.
    pub order: &'a str,
    /// In minor units of the currency, at least 1.
    pub amount: i64,
    /// Three letters, of either case.
    pub currency: &'a str,
    /// The buyer's token; our own provider takes none for a card that succeeds.
    pub payment_method: Option<&'a str>,
}

impl Provider {
    /// A client for `base_url` (`http://host:port` or `https://…`); nothing is connected yet.
    pub fn new(base_url: &str, secret_key: &str, limits: Limits) -> Result<Self, ConfigError> {
        let transport = Transport::new(base_url, secret_key, limits.per_try, limits.parallel)?;
        Ok(Provider { transport, page: limits.page })
    }

    /// Creates an unconfirmed intent: no money moves.
    pub async fn create_intent(
        &self,
        new: &NewIntent<'_>,
        idempotency_key: &str,
    ) -> Result<Intent, CallError> {
        let (amount, currency) = (new.amount.to_string(), new.currency.to_ascii_lowercase());
        let pairs = [
            ("amount", amount.as_str()),
            ("currency", currency.as_str()),
            ("metadata[order_id]", new.order),
        ];
        let payment_method = new.payment_method.map(|token| ("payment_method", token));
        let form = form_encoded(pairs.into_iter().chain(payment_method));
        self.post("/v1/payment_intents", form, idempotency_key).await?.read()
    }

    /// Captures the money of an intent. A decline is an answer, not an error, and so is the state
    /// of an intent that had been confirmed or cancelled before, under whatever key.
    pub async fn confirm(
        &self,
        intent: &str,
        idempotency_key: &str,
    ) -> Result<Confirmation, CallError> {
        let path = format!("/v1/payment_intents/{intent}/confirm");
        let answer = self.post(&path, String::new(), idempotency_key).await?;
        answer.intent().map(Confirmation::from)
    }

    /// Gives an intent up, and says how it ended: `Canceled`, now or before, or `Succeeded` if the
    /// money had been captured and is to be refunded.
    pub async fn cancel(&self, intent: &str, idempotency_key: &str) -> Result<Status, CallError> {
        let path = format!("/v1/payment_intents/{intent}/cancel");
        let answer = self.post(&path, String::new(), idempotency_key).await?;
        answer.intent().map(|intent| intent.status)
    }

    /// Gives back all of a captured intent's money; well, too, if it had been given back before.
    pub async fn refund(&self, intent: &str, idempotency_key: &str) -> Result<(), CallError> {
        let form = form_encoded([("payment_intent", intent)]);
        self.post("/v1/refunds", form, idempotency_key).await?.refunded()
    }

    /// The intent as it is now.
    pub async fn retrieve(&self, intent: &str) -> Result<Intent, CallError> {
        self.get(&format!("/v1/payment_intents/{intent}")).await?.read()
    }

    /// A page of all intents, newest first: the first page, or the one after an intent's id.
    pub async fn list_intents(&self, after: Option<&str>) -> Result<Page<Intent>, CallError> {
        self.get(&self.page_of("/v1/payment_intents", after)).await?.read()
    }

    /// A page of all refunds, newest first: the first page, or the one after a refund's id.
    pub async fn list_refunds(&self, after: Option<&str>) -> Result<Page<Refund>, CallError> {
        self.get(&self.page_of("/v1/refunds", after)).await?.read()
    }

    async fn post(
        &self,
        path: &str,
        form: String,
        idempotency_key: &str,
    ) -> Result<Answer, CallError> {
        self.transport.call(Method::POST, path, form, Some(idempotency_key)).await
    }

    async fn get(&self, path: &str) -> Result<Answer, CallError> {
        self.transport.call(Method::GET, path, String::new(), None).await
    }

    fn page_of(&self, list: &str, after: Option<&str>) -> String {
        let limit = self.page.to_string();
        let after = after.map(|after| ("starting_after", after));
        format!("{list}?{}", form_encoded([("limit", limit.as_str())].into_iter().chain(after)))
    }
}

fn form_encoded<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
