//! The keys of an issuer: a JWK set (RFC 7517).

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::claims::Claims;
use super::token_fault::TokenFault;
use crate::limits::{TOKEN_KEYS_MAX, TOKEN_LEEWAY};

/// Whom tokens must be from, and for whom.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    pub(super) issuer: String,
    pub(super) audience: String,
}

/// The keys of an issuer with which a token may be signed.
pub(super) struct KeySet(Vec<TokenKey>);

struct TokenKey {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
    validation: Validation,
}

/// Why a text is not a set of keys.
#[derive(Debug, Error)]
pub enum InvalidKeySet {
    /// It is not JSON, or not an object with `keys`.
    #[error("not a JWK set (RFC 7517)")]
    NotASet(#[source] serde_json::Error),
    /// There are too many.
    #[error("the JWK set has more than {TOKEN_KEYS_MAX} keys")]
    TooManyKeys,
}

impl KeySet {
    /// The keys of a JWK set, but for those of other algorithms and uses, which an issuer may have besides. There may
    /// be none: then all were withdrawn.
    pub(super) fn parse(json: &[u8], expected: &Expected) -> Result<Self, InvalidKeySet> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let Set { keys } = serde_json::from_slice(json).map_err(InvalidKeySet::NotASet)?;
        if keys.len() > TOKEN_KEYS_MAX {
            return Err(InvalidKeySet::TooManyKeys);
        }
        let keys = keys.into_iter().filter_map(|key| TokenKey::new(key, expected));
        Ok(Self(keys.collect()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a token says, if one of the keys has signed it.
    pub(super) fn verify(&self, token: &str) -> Result<Claims, TokenFault> {
        let header = decode_header(token).map_err(|_| TokenFault::Malformed)?;
        // We understand no extension that must be understood (RFC 7515, section 4.1.11).
        if header.crit.is_some() {
            return Err(TokenFault::Malformed);
        }
        let key = self.find(header.kid.as_deref(), header.alg).ok_or(TokenFault::UnknownKey)?;
        // The algorithm is that of the key: the token must have it, and does not choose.
        Ok(decode(token, &key.key, &key.validation)?.claims)
    }

    /// The key with this id. A token without one can only be signed by the only key.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&TokenKey> {
        match (id, &self.0[..]) {
            (None, [only]) => Some(only).filter(|key| key.algorithm == algorithm),
            (None, _) => None,
            (id, keys) => {
                keys.iter().find(|key| key.id.as_deref() == id && key.algorithm == algorithm)
            }
        }
    }
}

impl TokenKey {
    /// `None` for a key that signs no token.
    fn new(key: Value, expected: &Expected) -> Option<Self> {
        let jwk = serde_json::from_value::<Jwk>(key).ok()?;
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            AlgorithmParameters::EllipticCurve(it) if it.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::OctetKeyPair(it) if it.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            _ => return None,
        };
        let is_for_signatures =
            jwk.common.public_key_use.as_ref().is_none_or(|it| *it == PublicKeyUse::Signature);
        let is_for_algorithm = jwk.common.key_algorithm.is_none_or(|it| it == algorithm.into());
        if !is_for_signatures || !is_for_algorithm {
            return None;
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self {
            id: jwk.common.key_id,
            algorithm,
            key,
            validation: validation(algorithm, expected),
        })
    }
}

fn validation(algorithm: Algorithm, Expected { issuer, audience }: &Expected) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.validate_nbf = true;
    validation.leeway = TOKEN_LEEWAY.as_secs();
    validation
}

#[cfg(test)]
mod tests;
