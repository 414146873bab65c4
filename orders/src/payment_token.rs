//! The token of a payment method.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::limits::TEXT_LENGTH_MAX;

/// The payment provider's single-use token: 1 to 255 visible ASCII characters. Its debug form hides
/// it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentToken<T: AsRef<str> = String>(T);

impl<T: AsRef<str>> PaymentToken<T> {
    /// `text` as a token, if it can be one.
    pub(crate) fn new(text: T) -> Option<Self> {
        let visible = text.as_ref().bytes().all(|byte| byte.is_ascii_graphic());
        let fits = (1..=TEXT_LENGTH_MAX).contains(&text.as_ref().len());
        (visible && fits).then_some(Self(text))
    }

    /// The token itself, which only the payment provider may receive.
    pub fn expose(&self) -> &str {
        self.0.as_ref()
    }
}

impl PaymentToken<Cow<'_, str>> {
    pub(crate) fn into_owned(self) -> PaymentToken {
        PaymentToken(self.0.into_owned())
    }
}

impl<T: AsRef<str>> std::fmt::Debug for PaymentToken<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PaymentToken(…)")
    }
}
