//! Which order stands under which id, as far as Redis remembers: what tells a repeat, and another
//! order under the same key.

use std::sync::Arc;

use orders::{BodyDigest, OrderId};

use crate::cache::Cache;
use crate::limits::{REPEATS_KEPT, REPEATS_PATIENCE};

/// The memory of acknowledged orders.
pub(crate) struct Repeats(Arc<Cache>);

impl Repeats {
    pub(crate) fn new(cache: Arc<Cache>) -> Self {
        Self(cache)
    }

    /// The digest of the order that stands under each of `ids`, where it is known.
    pub(crate) async fn known(
        &self,
        ids: impl ExactSizeIterator<Item = OrderId>,
    ) -> Vec<Option<BodyDigest>> {
        let asked = ids.len();
        let mut command = redis::cmd("MGET");
        for id in ids {
            command.arg(&key(id)[..]);
        }
        let found: Option<Vec<Option<Vec<u8>>>> = self.0.ask(&command, REPEATS_PATIENCE).await;
        let digest = |bytes: Option<Vec<u8>>| Some(BodyDigest::from_bytes(bytes?.try_into().ok()?));
        match found {
            Some(found) if found.len() == asked => found.into_iter().map(digest).collect(),
            _ => vec![None; asked],
        }
    }

    /// Remembers acknowledged orders. The first one under an id stays.
    pub(crate) fn remember(&self, orders: &[(OrderId, BodyDigest)]) {
        if orders.is_empty() {
            return;
        }
        let mut commands = redis::pipe();
        for (id, digest) in orders {
            let set = commands.cmd("SET").arg(&key(*id)[..]).arg(&digest.as_bytes()[..]);
            set.arg("NX").arg("EX").arg(REPEATS_KEPT.as_secs()).ignore();
        }
        self.0.tell(commands);
    }
}

const PREFIX: &[u8; 6] = b"order:";

fn key(id: OrderId) -> [u8; PREFIX.len() + 16] {
    let mut key = [0; PREFIX.len() + 16];
    key[..PREFIX.len()].copy_from_slice(PREFIX);
    key[PREFIX.len()..].copy_from_slice(id.as_bytes());
    key
}
