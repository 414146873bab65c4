//! How many edges run, as those see that share a Redis: a quota is divided among them while it is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::sleep;

use super::shared_quota;
use crate::cache::Cache;
use crate::limits::EDGE_COUNT_INTERVAL;

/// The number of edges when Redis answered last. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct EdgeCount {
    edges: Arc<AtomicU32>,
    /// The shards of each.
    cores: u32,
}

impl EdgeCount {
    /// One edge with so many shards.
    pub(crate) fn new(cores: usize) -> Self {
        Self { edges: Arc::new(AtomicU32::new(1)), cores: cores as u32 }
    }

    /// The shards of all edges, if each has as many as this one.
    pub(super) fn shards(&self) -> u32 {
        self.edges.load(Ordering::Relaxed).saturating_mul(self.cores).max(1)
    }

    /// Keeps the number up to date for as long as the process runs.
    pub(crate) async fn watch(self, cache: Cache) {
        let name = format!("{:032x}", rand::random::<u128>());
        loop {
            if let Some(edges) = shared_quota::count_edges(&cache, &name).await {
                self.edges.store(edges.max(1), Ordering::Relaxed);
            }
            sleep(EDGE_COUNT_INTERVAL).await;
        }
    }
}
