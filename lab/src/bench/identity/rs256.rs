//! Tokens as most issuers sign them, with a key that protects nothing: it is published here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use edge::{Scope, TOKEN_PARTY_DEFAULT};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

/// How long a token is valid: longer than the benchmark.
pub(super) const LIFETIME: Duration = Duration::from_hours(1);

const KEY: &[u8] = include_bytes!("rsa_key.der");
const KEY_ID: &str = "rs256";

/// An RSA key with 2,048 bits.
pub(super) struct Rs256Signer(RsaKeyPair);

impl Rs256Signer {
    pub(super) fn new() -> Result<Self> {
        RsaKeyPair::from_der(KEY).map(Self).map_err(|err| anyhow!("the RSA key: {err}"))
    }

    /// The public key.
    pub(super) fn public_jwk(&self) -> Value {
        let public = PublicKeyComponents::<Vec<u8>>::from(self.0.public());
        let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode(number);
        json!({
            "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID,
            "n": encode(&public.n),
            "e": encode(&public.e),
        })
    }

    /// The token with this number, which is a part of it (RFC 7515, section 7.1).
    pub(super) fn sign(&self, subject: &str, number: usize) -> Result<String> {
        let expires = SystemTime::now().duration_since(UNIX_EPOCH)? + LIFETIME;
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": KEY_ID});
        let claims = json!({
            "iss": TOKEN_PARTY_DEFAULT, "aud": TOKEN_PARTY_DEFAULT, "sub": subject,
            "exp": expires.as_secs(), "jti": number, "scope": Scope::WriteOrders.as_str(),
        });
        let [header, claims] = [header, claims].map(|it| URL_SAFE_NO_PAD.encode(it.to_string()));
        let message = format!("{header}.{claims}");
        let mut signature = vec![0; self.0.public().modulus_len()];
        let random = SystemRandom::new();
        self.0
            .sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)
            .map_err(|err| anyhow!("signing a token: {err}"))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_key_signs() {
        let token = Rs256Signer::new().unwrap().sign("ann", 1).unwrap();
        assert_eq!(token.split('.').count(), 3);
    }
}
