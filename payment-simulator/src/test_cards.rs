//! The test cards that `payment_method` can name.

use std::fmt::{self, Display};

use super::limits::FLAKY_FAILURES_MAX;

/// A test card; its behaviour never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Card {
    Visa,
    Declined(Decline),
    /// Declined, and the error does not hold the intent.
    DeclinedWithoutIntent,
    /// The first N confirms return 500 and have no effect.
    Flaky(u8),
    /// The confirm that captures never gets a response.
    Hang,
    /// The buyer must approve the payment (3-D Secure) before it is captured.
    ThreeDSecure,
}

/// What a token means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PaymentMethod {
    pub(super) card: Card,
    /// The token, if it can be used only once.
    pub(super) single_use_token: Option<String>,
}

impl PaymentMethod {
    /// What `token` names; `None` if the token is unknown.
    pub(super) fn parse(token: &str) -> Option<PaymentMethod> {
        let card = Card::parse(token)?;
        Some(PaymentMethod {
            card,
            single_use_token: is_single_use(token).then(|| token.to_owned()),
        })
    }
}

/// Why the issuing bank declines a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Decline {
    Generic,
    InsufficientFunds,
    /// No other card of the buyer should be tried.
    StolenCard,
}

/// Whether the token can be used for one intent only. So are the tokens of real cards; those of
/// test cards are not.
fn is_single_use(token: &str) -> bool {
    token.starts_with("tok_once_")
}

/// What happens to the response to the request that creates an intent, which has its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum CreateFault {
    /// The connection is closed.
    Lost,
    /// The response is a 500.
    Failed,
}

impl CreateFault {
    /// The fault that a token asks for.
    pub(super) fn of(token: &str) -> Option<CreateFault> {
        match token {
            token if token.starts_with("tok_once_lost_") => Some(CreateFault::Lost),
            token if token.starts_with("tok_once_failed_") => Some(CreateFault::Failed),
            _ => None,
        }
    }
}

impl Card {
    /// The card that a token names; `None` if the token is unknown.
    fn parse(token: &str) -> Option<Card> {
        if token == "tok_hang" {
            return Some(Card::Hang);
        }
        if is_single_use(token) {
            return Some(Card::Visa);
        }
        if let Some(failures) = token.strip_prefix("tok_flaky_") {
            let failures = failures.parse().ok()?;
            return (1..=FLAKY_FAILURES_MAX).contains(&failures).then_some(Card::Flaky(failures));
        }
        let name = token.strip_prefix("pm_card_").or_else(|| token.strip_prefix("tok_"))?;
        match name {
            "visa" => Some(Card::Visa),
            "chargeDeclined" => Some(Card::Declined(Decline::Generic)),
            "chargeDeclinedWithoutIntent" => Some(Card::DeclinedWithoutIntent),
            "threeDSecureRequired" => Some(Card::ThreeDSecure),
            "insufficientFunds" => Some(Card::Declined(Decline::InsufficientFunds)),
            "chargeDeclinedStolenCard" => Some(Card::Declined(Decline::StolenCard)),
            _ => None,
        }
    }
}

impl Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Card::Visa => f.write_str("pm_card_visa"),
            Card::Declined(Decline::Generic) => f.write_str("pm_card_chargeDeclined"),
            Card::Declined(Decline::InsufficientFunds) => f.write_str("pm_card_insufficientFunds"),
            Card::Declined(Decline::StolenCard) => f.write_str("pm_card_chargeDeclinedStolenCard"),
            Card::DeclinedWithoutIntent => f.write_str("pm_card_chargeDeclinedWithoutIntent"),
            Card::Flaky(failures) => write!(f, "tok_flaky_{failures}"),
            Card::Hang => f.write_str("tok_hang"),
            Card::ThreeDSecure => f.write_str("pm_card_threeDSecureRequired"),
        }
    }
}

impl Decline {
    pub(super) fn code(self) -> &'static str {
        match self {
            Decline::Generic => "generic_decline",
            Decline::InsufficientFunds => "insufficient_funds",
            Decline::StolenCard => "stolen_card",
        }
    }

    pub(super) fn message(self) -> &'static str {
        match self {
            Decline::Generic => "Your card was declined.",
            Decline::InsufficientFunds => "Your card has insufficient funds.",
            Decline::StolenCard => "Your card was declined: it is reported as stolen.",
        }
    }
}
