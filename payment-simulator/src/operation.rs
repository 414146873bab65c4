//! Requests that change state, parsed and validated before any idempotency key is claimed: a
//! request that is rejected here saves nothing under its key, as at Stripe.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::error::ApiError;
use super::limits::{AMOUNT_MAX, METADATA_BYTES_MAX};
use super::test_cards::{CreateFault, PaymentMethod};

/// A currency in use that Stripe does not support.
const UNSUPPORTED_CURRENCY: &str = "kpw";

/// A `POST` request that changes state.
#[derive(Debug, Hash)]
pub(super) enum Operation {
    Create(NewIntent),
    Confirm {
        intent: String,
        /// Replaces the one that the intent has.
        payment_method: Option<PaymentMethod>,
    },
    Cancel {
        intent: String,
    },
    Refund {
        intent: String,
        amount: Option<i64>,
    },
}

/// The parameters of a new intent.
#[derive(Debug, Hash)]
pub(super) struct NewIntent {
    /// In minor units, 1 to [`AMOUNT_MAX`].
    pub(super) amount: i64,
    /// Three lower-case letters.
    pub(super) currency: String,
    /// Without one, the intent cannot be confirmed until it gets one.
    pub(super) payment_method: Option<PaymentMethod>,
    pub(super) fault: Option<CreateFault>,
    pub(super) order_id: Option<String>,
    pub(super) confirm: bool,
}

impl Operation {
    pub(super) fn parse(path: &str, form: &[u8]) -> Result<Operation, ApiError> {
        let mut segments = path.strip_prefix("/v1/").unwrap_or_default().split('/');
        match (segments.next(), segments.next(), segments.next(), segments.next()) {
            (Some("payment_intents"), None, ..) => create(form),
            (Some("payment_intents"), Some(id), Some("confirm"), None) => {
                let payment_method = confirm(form)?;
                Ok(Operation::Confirm { intent: id.to_owned(), payment_method })
            }
            (Some("payment_intents"), Some(id), Some("cancel"), None) => {
                no_parameters(form)?;
                Ok(Operation::Cancel { intent: id.to_owned() })
            }
            (Some("refunds"), None, ..) => refund(form),
            _ => Err(ApiError::no_such_route(path)),
        }
    }

    pub(super) const fn is_confirm(&self) -> bool {
        matches!(self, Operation::Confirm { .. })
    }

    /// A hash that is equal for equal requests, in whatever order their parameters come.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

fn create(form: &[u8]) -> Result<Operation, ApiError> {
    let (mut amount, mut currency, mut order_id) = (None, None, None);
    let mut payment_method: Option<PaymentMethod> = None;
    let mut confirm = false;
    for (name, value) in form_urlencoded::parse(form) {
        match name.as_ref() {
            "amount" => amount = Some(parse_amount(&value)?),
            "currency" if value == UNSUPPORTED_CURRENCY => {
                return Err(ApiError::unsupported_currency(&value));
            }
            "currency" if is_currency(&value) => currency = Some(value.into_owned()),
            "payment_method" => payment_method = Some(parse_payment_method(&value)?),
            "metadata[order_id]" if value.len() <= METADATA_BYTES_MAX => {
                order_id = Some(value.into_owned());
            }
            "confirm" if value == "true" => confirm = true,
            "confirm" if value == "false" => confirm = false,
            "currency" | "metadata[order_id]" | "confirm" => {
                return Err(ApiError::parameter(&name, "parameter_invalid"));
            }
            _ => return Err(ApiError::parameter(&name, "parameter_unknown")),
        }
    }
    let amount = amount.ok_or_else(|| ApiError::parameter("amount", "parameter_missing"))?;
    let currency = currency.ok_or_else(|| ApiError::parameter("currency", "parameter_missing"))?;
    let token = payment_method.as_ref().and_then(|method| method.single_use_token.as_deref());
    let fault = token.and_then(CreateFault::of);
    Ok(Operation::Create(NewIntent { amount, currency, payment_method, fault, order_id, confirm }))
}

/// The new payment method in the form of a confirm.
fn confirm(form: &[u8]) -> Result<Option<PaymentMethod>, ApiError> {
    let mut payment_method = None;
    for (name, value) in form_urlencoded::parse(form) {
        match name.as_ref() {
            "payment_method" => payment_method = Some(parse_payment_method(&value)?),
            _ => return Err(ApiError::parameter(&name, "parameter_unknown")),
        }
    }
    Ok(payment_method)
}

fn refund(form: &[u8]) -> Result<Operation, ApiError> {
    let (mut intent, mut amount) = (None, None);
    for (name, value) in form_urlencoded::parse(form) {
        match name.as_ref() {
            "payment_intent" => intent = Some(value.into_owned()),
            "amount" => amount = Some(parse_amount(&value)?),
            _ => return Err(ApiError::parameter(&name, "parameter_unknown")),
        }
    }
    let intent =
        intent.ok_or_else(|| ApiError::parameter("payment_intent", "parameter_missing"))?;
    Ok(Operation::Refund { intent, amount })
}

fn no_parameters(form: &[u8]) -> Result<(), ApiError> {
    match form_urlencoded::parse(form).next() {
        Some((name, _)) => Err(ApiError::parameter(&name, "parameter_unknown")),
        None => Ok(()),
    }
}

fn parse_payment_method(token: &str) -> Result<PaymentMethod, ApiError> {
    PaymentMethod::parse(token)
        .ok_or_else(|| ApiError::parameter("payment_method", "resource_missing"))
}

fn parse_amount(value: &str) -> Result<i64, ApiError> {
    match value.parse() {
        Ok(amount @ 1..=AMOUNT_MAX) => Ok(amount),
        Ok(..=0) => Err(ApiError::parameter("amount", "amount_too_small")),
        Ok(_) => Err(ApiError::parameter("amount", "amount_too_large")),
        Err(_) => Err(ApiError::parameter("amount", "parameter_invalid_integer")),
    }
}

fn is_currency(value: &str) -> bool {
    value.len() == 3 && value.bytes().all(|letter| letter.is_ascii_lowercase())
}
