//! The signature of a webhook, which proves to its receiver who sent it.

use std::fmt::Write;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret that sender and receiver share. The whole text is the key, as at Stripe.
#[derive(Clone, Debug)]
pub struct WebhookSecret(Hmac<Sha256>);

/// The secret is empty.
#[derive(Debug, thiserror::Error)]
#[error("the secret is empty")]
pub struct EmptySecret;

impl FromStr for WebhookSecret {
    type Err = EmptySecret;

    fn from_str(secret: &str) -> Result<Self, Self::Err> {
        if secret.is_empty() {
            return Err(EmptySecret);
        }
        let key = Hmac::new_from_slice(secret.as_bytes());
        Ok(Self(key.expect("HMAC accepts a key of any length")))
    }
}

impl WebhookSecret {
    /// The value of `Stripe-Signature` for a body that is sent at `seconds` of Unix time.
    pub(super) fn sign(&self, seconds: u64, body: &[u8]) -> String {
        let signed = self.0.clone().chain_update(format!("{seconds}.")).chain_update(body);
        let mut header = format!("t={seconds},v1=");
        for byte in signed.finalize().into_bytes() {
            write!(header, "{byte:02x}").expect("writing to a string cannot fail");
        }
        header
    }
}
