//! The client of the payment provider: Stripe's `PaymentIntents` API over HTTP/1.1.
//!
//! A charge is safe to repeat because an intent succeeds at most once: create the intent
//! unconfirmed, commit its id, confirm that id. To undo: cancel the intent, and refund it if the
//! cancel returns that it had succeeded.

mod decline;
mod error;
mod objects;
mod refusal;
mod response;
mod retry_after;
mod transport;

use std::time::Duration;

use clap::Args;
use hyper::Method;

pub use decline::Decline;
pub use error::{CallError, ConfigError};
pub use objects::{Confirmation, Intent, Page, Refund, RefundStatus, Status};
pub(super) use refusal::TOKEN_ALREADY_USED;
use response::Response;

use transport::Transport;

use crate::limits::{PROVIDER_CALLS_MAX, PROVIDER_PAGE_SIZE, PROVIDER_TIMEOUT};

/// A client for a provider at one base URL. All calls share a pool of connections.
#[derive(Debug)]
pub struct Provider {
    transport: Transport,
    page: u16,
}

/// The limits of the calls to a provider.
#[derive(Clone, Copy, Debug, Args)]
pub struct Limits {
    /// How long one call to the payment provider may take
    // From the permit for the call to the last byte of the response.
    #[arg(
        id = "provider_timeout",
        long = "provider-timeout",
        env = "MILLRACE_PROVIDER_TIMEOUT",
        value_name = "DURATION",
        default_value = PROVIDER_TIMEOUT,
        value_parser = streams::parse_duration
    )]
    pub attempt_timeout: Duration,
    /// Calls to the payment provider that one worker may have in flight
    // It begins with fewer, and further calls are queued.
    #[arg(
        id = "provider_calls",
        long = "provider-calls",
        env = "MILLRACE_PROVIDER_CALLS",
        value_name = "N",
        default_value_t = PROVIDER_CALLS_MAX,
        value_parser = clap::value_parser!(usize)
    )]
    pub parallel: usize,
    /// Number of entries in a page of a list: at most 100 at Stripe, 10,000 at the payment
    /// simulator.
    #[arg(skip = PROVIDER_PAGE_SIZE)]
    pub page: u16,
}

impl Default for Limits {
    fn default() -> Self {
        let attempt_timeout =
            streams::parse_duration(PROVIDER_TIMEOUT).expect("the constant is a duration");
        Self { attempt_timeout, parallel: PROVIDER_CALLS_MAX, page: PROVIDER_PAGE_SIZE }
    }
}

/// Validates a base URL, so that an error is reported before anything starts.
pub fn base_url(text: &str) -> Result<String, ConfigError> {
    transport::base_url(text).map(|_| text.to_owned())
}

/// Validates a secret key, so that an error is reported before anything starts.
pub fn secret_key(text: &str) -> Result<String, ConfigError> {
    transport::authorization(text).map(|_| text.to_owned())
}

/// The intent to create for an order.
#[derive(Clone, Copy, Debug)]
pub struct NewIntent<'a> {
    /// The order's id, which is stored in the intent's metadata.
    pub order: &'a str,
    /// Amount in minor units of the currency, at least 1.
    pub amount: i64,
    /// ISO 4217 code, three letters in upper or lower case.
    pub currency: &'a str,
    /// The buyer's payment token. Without one the intent can only be confirmed with another one.
    pub payment_method: Option<&'a str>,
}

impl Provider {
    /// A client for `base_url` (`http://host:port` or `https://…`). Does not connect yet.
    pub fn new(base_url: &str, secret_key: &str, limits: Limits) -> Result<Self, ConfigError> {
        let transport =
            Transport::new(base_url, secret_key, limits.attempt_timeout, limits.parallel)?;
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

    /// Captures the money of an intent. A decline is a result, not an error, and so is the state of
    /// an intent that was confirmed or cancelled earlier, under any key.
    pub async fn confirm(
        &self,
        intent: &str,
        idempotency_key: &str,
    ) -> Result<Confirmation, CallError> {
        let path = format!("/v1/payment_intents/{intent}/confirm");
        let response = self.post(&path, String::new(), idempotency_key).await?;
        match response.intent() {
            Err(CallError::Declined(decline)) => Ok(Confirmation::Declined(decline)),
            intent => intent.map(Confirmation::from),
        }
    }

    /// Like [`Self::confirm`], with another payment method. One that the provider does not take is
    /// an error, and the intent is as it was.
    pub async fn confirm_with(
        &self,
        intent: &str,
        payment_method: &str,
        idempotency_key: &str,
    ) -> Result<Confirmation, CallError> {
        let path = format!("/v1/payment_intents/{intent}/confirm");
        let form = form_encoded([("payment_method", payment_method)]);
        let response = self.post(&path, form, idempotency_key).await?;
        response.intent().map(Confirmation::from)
    }

    /// Cancels an intent and returns its status: `Canceled`, now or earlier, or `Succeeded` if the
    /// money had been captured and must be refunded.
    pub async fn cancel(&self, intent: &str, idempotency_key: &str) -> Result<Status, CallError> {
        let path = format!("/v1/payment_intents/{intent}/cancel");
        let response = self.post(&path, String::new(), idempotency_key).await?;
        response.intent().map(|intent| intent.status)
    }

    /// Refunds a captured intent in full, unless it was refunded earlier. Returns what has become
    /// of `amount`: `Succeeded` if all of it is returned, `Pending` if it may still be, or `Failed`.
    pub async fn refund(
        &self,
        intent: &str,
        amount: i64,
        idempotency_key: &str,
    ) -> Result<RefundStatus, CallError> {
        let form = form_encoded([("payment_intent", intent)]);
        let created = self.post("/v1/refunds", form, idempotency_key).await?.refund()?;
        if let Some(Refund { status: RefundStatus::Succeeded, .. }) = created {
            return Ok(RefundStatus::Succeeded);
        }
        // The response may be a stored one, from when the refund was created.
        let limit = self.page.to_string();
        let query = form_encoded([("payment_intent", intent), ("limit", &limit)]);
        let refunds: Page<Refund> = self.get(&format!("/v1/refunds?{query}")).await?.read()?;
        Ok(refund_status(&refunds.data, amount))
    }

    /// The intents that were created for an order, newest first. One that was created within the
    /// last minute may be missing.
    pub async fn find_intents(&self, order: &str) -> Result<Page<Intent>, CallError> {
        let query = format!("metadata['order_id']:'{order}'");
        let query = form_encoded([("query", query.as_str())]);
        self.get(&format!("/v1/payment_intents/search?{query}")).await?.read()
    }

    /// The intent as it is now.
    pub async fn retrieve(&self, intent: &str) -> Result<Intent, CallError> {
        self.get(&format!("/v1/payment_intents/{intent}")).await?.read()
    }

    /// A page of all intents, newest first: the first page, or the one after an intent's id.
    pub async fn list_intents(&self, after: Option<&str>) -> Result<Page<Intent>, CallError> {
        self.get(&self.list_path("/v1/payment_intents", after)).await?.read()
    }

    /// A page of all refunds, newest first: the first page, or the one after a refund's id.
    pub async fn list_refunds(&self, after: Option<&str>) -> Result<Page<Refund>, CallError> {
        self.get(&self.list_path("/v1/refunds", after)).await?.read()
    }

    async fn post(
        &self,
        path: &str,
        form: String,
        idempotency_key: &str,
    ) -> Result<Response, CallError> {
        self.transport.call(Method::POST, path, form, Some(idempotency_key)).await
    }

    async fn get(&self, path: &str) -> Result<Response, CallError> {
        self.transport.call(Method::GET, path, String::new(), None).await
    }

    fn list_path(&self, list: &str, after: Option<&str>) -> String {
        let limit = self.page.to_string();
        let after = after.map(|after| ("starting_after", after));
        format!("{list}?{}", form_encoded([("limit", limit.as_str())].into_iter().chain(after)))
    }
}

/// What has become of `amount`, of which these are all refunds.
fn refund_status(refunds: &[Refund], amount: i64) -> RefundStatus {
    let returned = refunds.iter().filter(|it| it.status == RefundStatus::Succeeded);
    if returned.map(|refund| refund.amount).sum::<i64>() >= amount {
        return RefundStatus::Succeeded;
    }
    let is_open =
        |it: &Refund| it.status.may_return_money() && it.status != RefundStatus::Succeeded;
    if refunds.iter().any(is_open) { RefundStatus::Pending } else { RefundStatus::Failed }
}

fn form_encoded<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
