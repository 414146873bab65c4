//! Why the provider does not take a payment, and whether another payment method could pay.

/// The codes after which no other payment method is accepted
/// (<https://docs.stripe.com/declines/codes>).
const FINAL_CODES: [&str; 5] =
    ["fraudulent", "lost_card", "merchant_blacklist", "pickup_card", "stolen_card"];

/// The provider does not take a payment, and repeating the call does not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decline {
    /// Why, in Stripe's terms: a `decline_code`, or a `code`.
    pub code: String,
    /// Whether no other payment method is to be tried.
    pub is_final: bool,
}

impl Decline {
    /// A decline of the payment method.
    pub fn of_method(code: String) -> Self {
        let is_final = FINAL_CODES.contains(&code.as_str());
        Self { code, is_final }
    }

    /// A refusal of the amount or the currency, whatever the payment method is.
    pub(super) fn of_order(code: String) -> Self {
        Self { code, is_final: true }
    }
}
