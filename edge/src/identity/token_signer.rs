//! Tokens of our own, for development and for a shop's backend: signed with Ed25519 (RFC 8037).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use orders::CallerName;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::scope::Scope;
use super::signature;

/// What a token says.
#[derive(Debug, Clone)]
pub struct TokenClaims<'a> {
    /// The caller.
    pub subject: &'a CallerName,
    /// What they may do.
    pub scopes: &'a [Scope],
    /// The issuer that edges trust.
    pub issuer: &'a str,
    /// The audience that edges are.
    pub audience: &'a str,
    /// How long the token is valid from now.
    pub lifetime: Duration,
}

/// A private key that signs tokens.
pub struct TokenSigner {
    seed: [u8; 32],
    public: [u8; 32],
    id: String,
}

/// A text is not a private key.
#[derive(Debug, Error)]
#[error("not a private JWK for Ed25519 (RFC 8037)")]
pub struct InvalidSigningKey;

/// A private JWK.
#[derive(Serialize, Deserialize)]
struct PrivateKey {
    kty: String,
    crv: String,
    d: String,
}

impl TokenSigner {
    /// The key that is made of 32 random bytes.
    ///
    /// # Panics
    /// Never: any 32 bytes are a key.
    pub fn new(seed: [u8; 32]) -> Self {
        signature::install();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("any 32 bytes are a key");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        let id = orders::to_hex(&Sha256::digest(public)[..8]);
        Self { seed, public, id }
    }

    /// The key of a private JWK.
    pub fn from_jwk(text: &str) -> Result<Self, InvalidSigningKey> {
        let key: PrivateKey = serde_json::from_str(text).map_err(|_| InvalidSigningKey)?;
        let seed = URL_SAFE_NO_PAD.decode(&key.d).ok().and_then(|seed| seed.try_into().ok());
        match seed {
            Some(seed) if key.kty == "OKP" && key.crv == "Ed25519" => Ok(Self::new(seed)),
            _ => Err(InvalidSigningKey),
        }
    }

    /// The private JWK.
    pub fn private_jwk(&self) -> Value {
        let mut key = self.public_jwk();
        key["d"] = URL_SAFE_NO_PAD.encode(self.seed).into();
        key
    }

    /// The public JWK, for the set of an edge.
    pub fn public_jwk(&self) -> Value {
        json!({
            "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(self.public),
        })
    }

    /// A token with these claims.
    ///
    /// # Panics
    /// Never: the claims have string keys, and the key is one for Ed25519.
    pub fn sign(&self, claims: &TokenClaims<'_>) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let scopes: Vec<_> = claims.scopes.iter().map(|scope| scope.as_str()).collect();
        let body = json!({
            "iss": claims.issuer, "aud": claims.audience, "sub": claims.subject.as_str(),
            "iat": now.as_secs(), "exp": (now + claims.lifetime).as_secs(), "scope": scopes.join(" "),
        });
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::EdDSA) };
        let key = EncodingKey::from_ed_der(&self.seed);
        encode(&header, &body, &key).expect("claims have string keys, and the key is for Ed25519")
    }
}
