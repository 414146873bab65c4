//! What a token says: the claims of RFC 7519 that name its caller, and the scopes of RFC 8693 or those of other
//! issuers.

use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::scope::Scopes;
use super::token_fault::TokenFault;
use crate::caller::Caller;
use crate::limits::TOKEN_LEEWAY;

/// The claims of a token whose signature, issuer, audience and times are verified.
#[derive(Deserialize)]
pub(super) struct Claims {
    sub: String,
    exp: f64,
    /// Separated by spaces.
    #[serde(default)]
    scope: ScopeClaim,
    /// The same by some issuers, often as a list.
    #[serde(default)]
    scp: ScopeClaim,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ScopeClaim {
    Text(String),
    List(Vec<String>),
}

impl Claims {
    /// The caller that the token names, with the scopes that it permits.
    pub(super) fn caller(&self) -> Result<Caller, TokenFault> {
        let name = self.sub.parse().map_err(|_| TokenFault::InvalidSubject)?;
        let scopes = self.scope.names().chain(self.scp.names());
        let valid_until = self.valid_until().ok_or(TokenFault::InvalidClaims)?;
        Ok(Caller::new(name, Scopes::named(scopes), valid_until))
    }

    /// When the token is no longer accepted.
    fn valid_until(&self) -> Option<SystemTime> {
        let end = Duration::try_from_secs_f64(self.exp).ok()?.checked_add(TOKEN_LEEWAY)?;
        SystemTime::UNIX_EPOCH.checked_add(end)
    }
}

impl ScopeClaim {
    fn names(&self) -> impl Iterator<Item = &str> {
        let texts = match self {
            Self::Text(text) => std::slice::from_ref(text),
            Self::List(texts) => texts,
        };
        texts.iter().flat_map(|text| text.split(' '))
    }
}

impl Default for ScopeClaim {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}
