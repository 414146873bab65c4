//! Identity: who makes a request. A caller shows a signed token (RFC 6750, RFC 7519), whose subject they are, or
//! callers are not authenticated.

mod claims;
mod config;
mod key_set;
mod key_source;
mod scope;
mod signature;
mod token_fault;
mod token_keys;
mod token_signer;
mod verified_tokens;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use hyper::header::{AUTHORIZATION, HeaderMap};
use sha2::{Digest, Sha256};

pub use config::{IdentityConfig, IdentityMode, TOKEN_PARTY_DEFAULT};
pub use key_set::InvalidKeySet;
pub use key_source::KeySourceError;
pub use scope::Scope;
pub(crate) use scope::Scopes;
pub(crate) use token_fault::TokenFault;
pub use token_signer::{InvalidSigningKey, TokenClaims, TokenSigner};

use crate::caller::Caller;
use crate::problem::Problem;
use token_keys::{KeyState, TokenKeys};
use verified_tokens::VerifiedTokens;

/// How the process knows its callers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Issuer {
    /// `None` if callers are not authenticated.
    keys: Option<TokenKeys>,
}

/// How a shard knows its callers.
pub(crate) struct Identity {
    public: Arc<Caller>,
    /// `None` if callers are not authenticated.
    tokens: Option<Tokens>,
}

struct Tokens {
    keys: TokenKeys,
    verified: Mutex<VerifiedTokens>,
}

impl Issuer {
    /// Reads the keys. What is returned besides keeps them up to date.
    pub(crate) async fn open(
        config: &IdentityConfig,
    ) -> Result<(Self, impl Future<Output = ()> + use<>), KeySourceError> {
        signature::install();
        let opened = match config.source()? {
            None => None,
            Some(source) => Some(TokenKeys::open(source, config.expected()).await?),
        };
        let (keys, reader) = opened.unzip();
        let read = async {
            if let Some(reader) = reader {
                reader.run().await;
            }
        };
        Ok((Self { keys }, read))
    }

    /// Whether callers are authenticated.
    pub(crate) const fn knows_callers(&self) -> bool {
        self.keys.is_some()
    }
}

impl Identity {
    pub(crate) fn new(issuer: Issuer) -> Self {
        let tokens = issuer.keys.map(|keys| Tokens { keys, verified: Mutex::default() });
        Self { public: Arc::new(Caller::public()), tokens }
    }

    /// Whether callers are authenticated.
    pub(crate) const fn knows_callers(&self) -> bool {
        self.tokens.is_some()
    }

    /// Whether callers can be authenticated.
    pub(crate) fn is_ready(&self) -> bool {
        self.tokens.as_ref().is_none_or(|tokens| tokens.keys.current().keys.is_some())
    }

    /// The caller of the request with these headers, who has this scope.
    pub(crate) async fn authorize(
        &self,
        headers: &HeaderMap,
        scope: Scope,
    ) -> Result<Arc<Caller>, Problem> {
        let Some(tokens) = &self.tokens else { return Ok(self.public.clone()) };
        let caller = tokens.caller(bearer_token(headers).ok_or(TokenFault::Missing)?).await?;
        caller.require(scope)?;
        caller.acting(headers)
    }

    /// The caller of a request that everyone may make.
    pub(crate) fn public(&self) -> Arc<Caller> {
        self.public.clone()
    }
}

impl Tokens {
    /// The caller whom a token names.
    async fn caller(&self, token: &str) -> Result<Arc<Caller>, Problem> {
        let digest = Sha256::digest(token).into();
        let state = self.keys.current();
        if let Some(known) = self.verified().get(&digest, state.version, SystemTime::now()) {
            return Ok(known);
        }
        let (caller, version) = verify(token, &self.keys, state).await?;
        self.verified().insert(digest, version, caller.clone());
        Ok(caller)
    }

    /// A thread that panicked while it had the lock has left whole entries.
    fn verified(&self) -> MutexGuard<'_, VerifiedTokens> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Verifies a token, with newer keys if it has the id of an unknown one. Returns the version of the keys besides.
async fn verify(
    token: &str,
    keys: &TokenKeys,
    state: KeyState,
) -> Result<(Arc<Caller>, u64), Problem> {
    let verified_by = |state: &KeyState| {
        let keys = state.keys.as_ref().ok_or(Problem::IdentityUnavailable)?;
        Ok(Arc::new(keys.verify(token)?.caller()?))
    };
    match verified_by(&state) {
        Err(Problem::Unauthenticated(TokenFault::UnknownKey)) => {
            let newer = keys.newer_than(state.version).await.ok_or(TokenFault::UnknownKey)?;
            Ok((verified_by(&newer)?, newer.version))
        }
        verified => Ok((verified?, state.version)),
    }
}

/// The token of the one `Authorization` header.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (scheme, token) = sent.next()?.to_str().ok()?.split_once(' ')?;
    let is_bearer = scheme.eq_ignore_ascii_case("Bearer") && sent.next().is_none();
    is_bearer.then(|| token.trim_start())
}
