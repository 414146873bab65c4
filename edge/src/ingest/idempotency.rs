//! The idempotency cache in Redis: the digest of an order acknowledged under each id. An id that is
//! not in it need not be looked up in the database; what it has for an id decides nothing.

use std::sync::Arc;

use orders::{BodyDigest, OrderId};
use redis::Pipeline;

use crate::cache::{self, Cache};
use crate::limits::{IDEMPOTENCY_TIMEOUT, IDEMPOTENCY_TTL};

/// Digests of acknowledged orders. Best effort: an entry may be missing, or wrong. Cheap to clone.
#[derive(Clone)]
pub(crate) struct IdempotencyCache(Arc<Cache>);

impl IdempotencyCache {
    pub(crate) fn new(cache: Arc<Cache>) -> Self {
        Self(cache)
    }

    /// The digest of the order acknowledged under each of `ids`, if it is known.
    pub(super) async fn get(
        &self,
        ids: impl ExactSizeIterator<Item = OrderId>,
    ) -> Vec<Option<BodyDigest>> {
        let count = ids.len();
        // MGET without a key is an error, and would count as a failure of Redis.
        if count == 0 {
            return Vec::new();
        }
        let mut command = redis::cmd("MGET");
        for id in ids {
            command.arg(&key(id)[..]);
        }
        let found: Option<Vec<Option<Vec<u8>>>> = self.0.query(&command, IDEMPOTENCY_TIMEOUT).await;
        let digest = |bytes: Option<Vec<u8>>| Some(BodyDigest::from_bytes(bytes?.try_into().ok()?));
        match found {
            Some(found) if found.len() == count => found.into_iter().map(digest).collect(),
            _ => vec![None; count],
        }
    }

    /// Stores the digests of acknowledged orders. The first write under an id wins.
    pub(super) fn insert(&self, orders: &[(OrderId, BodyDigest)]) {
        if orders.is_empty() {
            return;
        }
        let mut commands = redis::pipe();
        for (id, digest) in orders {
            set(&mut commands, *id, *digest).arg("NX").ignore();
        }
        self.0.execute_detached(commands);
    }

    /// Stores the digest that the order's row has, in place of another one.
    pub(crate) fn replace(&self, id: OrderId, digest: BodyDigest) {
        let mut commands = redis::pipe();
        set(&mut commands, id, digest).ignore();
        self.0.execute_detached(commands);
    }
}

fn set(commands: &mut Pipeline, id: OrderId, digest: BodyDigest) -> &mut Pipeline {
    let set = commands.cmd("SET").arg(&key(id)[..]).arg(&digest.as_bytes()[..]);
    set.arg("EX").arg(IDEMPOTENCY_TTL.as_secs())
}

/// The key of an entry.
fn key(id: OrderId) -> [u8; 22] {
    cache::key(*b"order:", id.as_bytes())
}
