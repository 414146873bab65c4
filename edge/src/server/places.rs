//! How many clients of a shard are connected at once, and how many of them shake hands.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{CONNECTIONS_MAX, TLS_HANDSHAKES_MAX};

/// The places of a shard.
pub(super) struct Places {
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
}

/// The place of one client, until it is dropped. Without permits it is beyond the maximum.
#[derive(Default)]
pub(super) struct Place {
    _connection: Option<OwnedSemaphorePermit>,
    handshake: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// Those of one of `shards`.
    pub(super) fn of_shard(shards: usize) -> Self {
        let places = |all: usize| Arc::new(Semaphore::new(all.div_ceil(shards)));
        Self { connections: places(CONNECTIONS_MAX), handshakes: places(TLS_HANDSHAKES_MAX) }
    }

    /// Waits for a place.
    pub(super) async fn take(&self) -> Place {
        // A semaphore is never closed, so there is always a permit.
        Place {
            _connection: self.connections.clone().acquire_owned().await.ok(),
            handshake: self.handshakes.clone().acquire_owned().await.ok(),
        }
    }
}

impl Place {
    /// The client shakes no hands any more.
    pub(super) fn end_handshake(&mut self) {
        self.handshake = None;
    }
}
