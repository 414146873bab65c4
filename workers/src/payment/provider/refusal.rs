//! The provider's error object, and whether it is about the payment or about our request.

use hyper::StatusCode;
use serde::Deserialize;

use super::decline::Decline;
use super::error::CallError;
use super::objects::Intent;
use crate::limits::DECLINE_CODE_CHARS_MAX;

/// The parameters whose values are the order's.
const ORDER_PARAMETERS: [&str; 3] = ["amount", "currency", PAYMENT_METHOD];
const PAYMENT_METHOD: &str = "payment_method";
/// Codes with this prefix say that a parameter is missing, unknown or not of its type.
const MALFORMED: &str = "parameter_";
/// The codes that are about a payment whatever its method is, even if no parameter is named
/// (<https://docs.stripe.com/error-codes>).
const ORDER_CODES: [&str; 3] = ["amount_too_large", "amount_too_small", "country_unsupported"];
/// The codes that are about a payment method, even if no parameter is named.
const METHOD_CODES: [&str; 6] = [
    "invalid_card_type",
    "payment_method_currency_mismatch",
    "payment_method_not_available",
    "payment_method_unactivated",
    "payment_method_unexpected_state",
    TOKEN_ALREADY_USED,
];

/// The code for a token that has paid for something else.
pub(in crate::payment) const TOKEN_ALREADY_USED: &str = "token_already_used";
/// The code for an object that does not exist.
const RESOURCE_MISSING: &str = "resource_missing";
/// Our decline code for a token that the provider does not know.
const INVALID_TOKEN: &str = "invalid_token";

#[derive(Deserialize)]
pub(super) struct ErrorBody {
    pub(super) error: Box<ErrorObject>,
}

/// Stripe's error object: the fields that we read.
#[derive(Deserialize)]
pub(super) struct ErrorObject {
    #[serde(rename = "type")]
    kind: String,
    pub(super) code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
    #[serde(default)]
    message: String,
    pub(super) payment_intent: Option<Intent>,
}

/// What a refusal is about.
enum Subject {
    /// The amount or the currency: no other payment method helps.
    Order,
    Method,
}

impl ErrorObject {
    /// The error of the call that this object responds to.
    pub(super) fn into_call_error(self, status: StatusCode) -> CallError {
        if let Some(subject) = self.subject(status) {
            let code = self.decline_code().chars().take(DECLINE_CODE_CHARS_MAX).collect();
            return CallError::Declined(match subject {
                Subject::Order => Decline::of_order(code),
                Subject::Method => Decline::of_method(code),
            });
        }
        let code = self.code.unwrap_or(self.kind);
        CallError::Refused { status: status.as_u16(), code, message: self.message }
    }

    /// What the provider does not take; `None` if our request is at fault.
    fn subject(&self, status: StatusCode) -> Option<Subject> {
        let code = self.code.as_deref().unwrap_or_default();
        let is_card_error = status == StatusCode::PAYMENT_REQUIRED || self.kind == "card_error";
        if ORDER_CODES.contains(&code) {
            return Some(Subject::Order);
        }
        if is_card_error || METHOD_CODES.contains(&code) {
            return Some(Subject::Method);
        }
        match self.order_parameter()? {
            _ if code.starts_with(MALFORMED) => None,
            PAYMENT_METHOD => Some(Subject::Method),
            _ => Some(Subject::Order),
        }
    }

    /// The parameter that the error is about, if its value is the order's: `payment_method` for
    /// `payment_method_data[card]`, too.
    fn order_parameter(&self) -> Option<&'static str> {
        let param = self.param.as_deref()?;
        ORDER_PARAMETERS.into_iter().find(|name| param.starts_with(name))
    }

    fn decline_code(&self) -> String {
        let parameter = self.order_parameter();
        match (self.decline_code.as_deref().or(self.code.as_deref()), parameter) {
            (Some(RESOURCE_MISSING), Some(PAYMENT_METHOD)) => INVALID_TOKEN.to_owned(),
            (Some(code), _) => code.to_owned(),
            (None, Some(parameter)) => format!("invalid_{parameter}"),
            (None, None) => self.kind.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn classify(status: u16, error: Value) -> Result<String, String> {
        decline(status, error).map(|decline| decline.code)
    }

    fn decline(status: u16, error: Value) -> Result<Decline, String> {
        let error: ErrorObject = serde_json::from_value(error).unwrap();
        match error.into_call_error(StatusCode::from_u16(status).unwrap()) {
            CallError::Declined(decline) => Ok(decline),
            CallError::Refused { code, .. } => Err(code),
            other => panic!("{other}"),
        }
    }

    fn invalid_request(code: Option<&str>, param: Option<&str>) -> Value {
        json!({"type": "invalid_request_error", "code": code, "param": param})
    }

    #[test]
    fn a_refusal_of_the_amount_the_currency_or_the_card_is_a_decline() {
        for (code, param, declined) in [
            (Some("amount_too_small"), Some("amount"), "amount_too_small"),
            (Some("amount_too_large"), None, "amount_too_large"),
            (None, Some("currency"), "invalid_currency"),
            (Some("resource_missing"), Some("payment_method"), "invalid_token"),
            (Some("token_already_used"), None, "token_already_used"),
            (Some("invalid_number"), Some("payment_method_data[card]"), "invalid_number"),
        ] {
            assert_eq!(classify(400, invalid_request(code, param)), Ok(declined.to_owned()));
        }
    }

    #[test]
    fn another_payment_method_may_help_unless_the_amount_or_the_currency_is_at_fault() {
        for (code, param, is_final) in [
            (Some("amount_too_small"), Some("amount"), true),
            (Some("amount_too_large"), None, true),
            (None, Some("currency"), true),
            (Some("payment_method_currency_mismatch"), Some("currency"), false),
            (Some("resource_missing"), Some("payment_method"), false),
            (Some("token_already_used"), None, false),
        ] {
            let declined = decline(400, invalid_request(code, param)).unwrap();
            assert_eq!(declined.is_final, is_final, "{declined:?}");
        }
        for (decline_code, is_final) in [("insufficient_funds", false), ("stolen_card", true)] {
            let error = json!({"type": "card_error", "decline_code": decline_code});
            assert_eq!(decline(402, error).unwrap().is_final, is_final, "{decline_code}");
        }
    }

    #[test]
    fn a_402_is_a_decline_whatever_it_says() {
        let card_error = |code: Option<&str>, decline_code: Option<&str>| {
            let error = json!({"type": "card_error", "code": code, "decline_code": decline_code});
            classify(402, error).unwrap()
        };
        assert_eq!(card_error(Some("card_declined"), Some("lost_card")), "lost_card");
        assert_eq!(card_error(Some("expired_card"), None), "expired_card");
        assert_eq!(card_error(None, None), "card_error");
        let long = card_error(None, Some(&"x".repeat(1_000)));
        assert_eq!(long.len(), DECLINE_CODE_CHARS_MAX);
    }

    #[test]
    fn a_refusal_of_our_request_is_not_a_decline() {
        for (code, param) in [
            (Some("parameter_missing"), Some("currency")),
            (Some("parameter_unknown"), Some("colour")),
            (Some("resource_missing"), Some("intent")),
            (Some("idempotency_error"), None),
            (None, None),
        ] {
            let refused = classify(400, invalid_request(code, param));
            assert_eq!(refused, Err(code.unwrap_or("invalid_request_error").to_owned()));
        }
    }
}
