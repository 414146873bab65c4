//! The signatures of the payment provider's webhooks, by Stripe's scheme
//! (<https://docs.stripe.com/webhooks#verify-manually>).

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use orders::from_hex;
use sha2::Sha256;
use thiserror::Error;

use crate::limits::WEBHOOK_TOLERANCE;

/// Signatures of one webhook that are compared: the provider makes one for each of its secrets, of
/// which it has two while they are changed.
const SIGNATURES_MAX: usize = 8;

/// The shortest secret that is accepted.
const SECRET_LENGTH_MIN: usize = 16;

/// The secrets with which the provider may sign, more than one while they are changed. Its debug form
/// hides them.
#[derive(Clone)]
pub struct WebhookSecrets(Vec<String>);

/// A secret is too short.
#[derive(Debug, Error)]
#[error("a webhook secret must have {SECRET_LENGTH_MIN} characters or more")]
pub struct WebhookSecretTooShort;

impl FromStr for WebhookSecrets {
    type Err = WebhookSecretTooShort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let secrets: Vec<String> = text.split(',').map(str::to_owned).collect();
        let is_short = |secret: &String| secret.len() < SECRET_LENGTH_MIN;
        if secrets.iter().any(is_short) { Err(WebhookSecretTooShort) } else { Ok(Self(secrets)) }
    }
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookSecrets({})", self.0.len())
    }
}

impl WebhookSecrets {
    /// Whether `signature`, the header `Stripe-Signature`, shows that the provider has sent `body`
    /// recently.
    pub(crate) fn verify(&self, signature: &str, body: &[u8], now: SystemTime) -> bool {
        let fields = || signature.split(',').filter_map(|field| field.trim().split_once('='));
        let Some((_, time)) = fields().find(|(name, _)| *name == "t") else { return false };
        let Ok(seconds) = time.parse() else { return false };
        let signed_at = Duration::from_secs(seconds);
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        if signed_at.abs_diff(now) > WEBHOOK_TOLERANCE {
            return false;
        }
        let signatures =
            fields().filter(|(name, _)| *name == "v1").filter_map(|(_, hex)| from_hex::<32>(hex));
        let signatures: Vec<_> = signatures.take(SIGNATURES_MAX).collect();
        // In constant time.
        let is_signed = |mac: &Hmac<Sha256>| {
            signatures.iter().any(|signature| mac.clone().verify_slice(signature).is_ok())
        };
        !signatures.is_empty() && self.0.iter().any(|secret| is_signed(&mac(secret, time, body)))
    }
}

/// The body is read once for each secret, however many signatures there are.
fn mac(secret: &str, time: &str, body: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"{\"id\":\"evt_1\"}";
    const TIME: u64 = 1_700_000_000;
    // Computed by `printf '1700000000.{"id":"evt_1"}' | openssl dgst -sha256 -hmac SECRET`.
    const SECRET: &str = "whsec_0123456789abcdef";
    const SIGNATURE: &str = "dea1657bd5053cb0f8a75ebf0bd3d22e0cdeb79563b44db6b88864e522fb8bc4";

    fn verify(secrets: &str, signature: &str, body: &[u8], time: u64) -> bool {
        let secrets: WebhookSecrets = secrets.parse().unwrap();
        secrets.verify(signature, body, UNIX_EPOCH + Duration::from_secs(time))
    }

    #[test]
    fn a_signature_of_any_of_the_secrets_is_valid_for_five_minutes() {
        let header = format!("t={TIME},v1={SIGNATURE}");
        assert!(verify(SECRET, &header, BODY, TIME));
        assert!(verify(&format!("another_secret_of_ours,{SECRET}"), &header, BODY, TIME + 300));
        let rotated = format!("t={TIME}, v0=00, v1={}, v1={SIGNATURE}", "0".repeat(64));
        assert!(verify(SECRET, &rotated, BODY, TIME - 300));
    }

    #[test]
    fn a_late_forged_or_malformed_signature_is_invalid() {
        let header = format!("t={TIME},v1={SIGNATURE}");
        assert!(!verify(SECRET, &header, BODY, TIME + 301));
        assert!(!verify(SECRET, &header, b"{}", TIME));
        assert!(!verify("another_secret_of_ours", &header, BODY, TIME));
        assert!(!verify(SECRET, &format!("t={},v1={SIGNATURE}", TIME + 1), BODY, TIME));
        for malformed in ["", "t=", "v1=", &header[..40], "t=x,v1=y", "t=-1", "\u{e9}"] {
            assert!(!verify(SECRET, malformed, BODY, TIME), "{malformed}");
        }
    }

    #[test]
    fn a_short_secret_is_refused_and_none_is_shown() {
        for short in ["", "fifteen-letters", "a-secret-of-ours,"] {
            assert!(short.parse::<WebhookSecrets>().is_err(), "{short}");
        }
        let secrets: WebhookSecrets = SECRET.parse().unwrap();
        assert_eq!(format!("{secrets:?}"), "WebhookSecrets(1)");
    }
}
