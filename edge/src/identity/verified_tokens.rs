//! Tokens that were verified: a signature takes longer than all else that an edge does for an order.

use std::sync::Arc;
use std::time::SystemTime;

use crate::caller::Caller;
use crate::generations::Generations;
use crate::limits::VERIFIED_TOKENS_MAX;

/// The SHA-256 of a token.
pub(super) type TokenDigest = [u8; 32];

/// Callers by the digests of their tokens.
pub(super) struct VerifiedTokens {
    callers: Generations<TokenDigest, Arc<Caller>>,
    /// The version of the keys by which they were verified.
    keys_version: u64,
}

impl VerifiedTokens {
    /// None, and what is verified by keys of this version is kept.
    fn by_keys(keys_version: u64) -> Self {
        Self { callers: Generations::new(VERIFIED_TOKENS_MAX), keys_version }
    }

    /// The caller of a token that was verified by these keys and has not expired at `now`.
    pub(super) fn get(
        &mut self,
        token: &TokenDigest,
        keys_version: u64,
        now: SystemTime,
    ) -> Option<Arc<Caller>> {
        // The key of any of them may have been withdrawn.
        if self.keys_version != keys_version {
            *self = Self::by_keys(keys_version);
        }
        self.callers.get(*token).filter(|caller| caller.is_valid_at(now)).cloned()
    }

    /// Keeps the caller of a token that these keys have verified.
    pub(super) fn insert(&mut self, token: TokenDigest, keys_version: u64, caller: Arc<Caller>) {
        if self.keys_version == keys_version {
            self.callers.insert(token, caller);
        }
    }
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self::by_keys(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::identity::Scopes;

    fn token(number: usize) -> TokenDigest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    fn verified(end: SystemTime) -> Arc<Caller> {
        Arc::new(Caller::new("ann".parse().unwrap(), Scopes::ALL, end))
    }

    #[test]
    fn a_token_is_known_until_it_expires_or_the_keys_change() {
        let (mut tokens, now) = (VerifiedTokens::default(), SystemTime::now());
        tokens.insert(token(1), 0, verified(now + Duration::from_mins(1)));
        assert!(tokens.get(&token(1), 0, now).is_some());
        assert!(tokens.get(&token(2), 0, now).is_none());
        assert!(tokens.get(&token(1), 0, now + Duration::from_mins(1)).is_none());
        assert!(tokens.get(&token(1), 1, now).is_none());
        // Verified by keys that have changed since.
        tokens.insert(token(1), 0, verified(now + Duration::from_mins(1)));
        assert!(tokens.get(&token(1), 1, now).is_none());
    }

    #[test]
    fn a_flood_of_tokens_displaces_those_that_are_not_used_and_grows_no_further() {
        let (mut tokens, now) = (VerifiedTokens::default(), SystemTime::now());
        let ends = now + Duration::from_mins(1);
        tokens.insert(token(0), 0, verified(ends));
        tokens.insert(token(1), 0, verified(ends));
        for number in 2..5 * VERIFIED_TOKENS_MAX {
            tokens.insert(token(number), 0, verified(ends));
            assert!(tokens.get(&token(0), 0, now).is_some(), "{number}");
        }
        assert!(tokens.get(&token(1), 0, now).is_none());
        assert!(tokens.callers.len() <= 2 * VERIFIED_TOKENS_MAX);
    }
}
