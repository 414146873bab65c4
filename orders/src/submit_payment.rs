//! The continuation of a payment for which the buyer had to act.

use crate::body::parse_body;
use crate::json::Json;
use crate::members::{ObjectOf, members, members_of, optional};
use crate::order_body::token_of;
use crate::{InvalidOrder, PaymentToken};

/// What a buyer submits for an order that requires action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmitPayment {
    /// The token of another payment method. Without one, the buyer has authenticated the payment.
    pub payment_token: Option<PaymentToken>,
}

members! {
    struct PaymentMembers<'a> {
        token: Json<'a>,
    }
}

impl SubmitPayment {
    /// Parses the JSON `{"token"?}` that a buyer sent.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidOrder> {
        parse_body(body, |payment: ObjectOf<'_, PaymentMembers<'_>>, errors| {
            let PaymentMembers { token } = members_of(payment, errors)?;
            let token = optional(token, "/token", errors, token_of);
            Some(Self { payment_token: token.map(PaymentToken::into_owned) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(body: &str) -> Option<String> {
        let payment = SubmitPayment::parse(body.as_bytes()).unwrap();
        payment.payment_token.map(|token| token.expose().to_owned())
    }

    #[test]
    fn a_payment_has_a_token_or_none() {
        assert_eq!(token(r#"{"token": "tok_visa"}"#).as_deref(), Some("tok_visa"));
        assert_eq!(token("{}"), None);
        assert_eq!(token(r#"{"token": null}"#), None);
    }

    #[test]
    fn an_invalid_token_or_an_unknown_member_is_refused_with_its_place() {
        for (body, expected) in
            [(r#"{"token": ""}"#, "/token"), (r#"{"tokens": "x"}"#, "/tokens"), ("[]", "")]
        {
            let Err(InvalidOrder::FieldErrors(errors)) = SubmitPayment::parse(body.as_bytes())
            else {
                panic!("{body}")
            };
            assert_eq!(errors[0].pointer, expected, "{body}");
        }
        let refused = SubmitPayment::parse(b"");
        assert!(matches!(refused, Err(InvalidOrder::NotJson(_))));
    }
}
