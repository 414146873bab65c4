//! Counts the SKUs that edges ask the workers for, and so the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use serde::de::IgnoredAny;
use streams::Connection;
use streams::subjects::STOCK_GET;
use tokio::task::JoinSet;

/// A count that goes on until this value is dropped.
pub(super) struct DatabaseLookups {
    skus: Arc<AtomicU64>,
    _listening: JoinSet<()>,
}

impl DatabaseLookups {
    /// Counts from now on: the broker sends a copy of each request.
    pub(super) async fn count(connection: &Connection) -> Result<Self> {
        let mut requests = connection.listen(STOCK_GET).await?;
        let skus = Arc::new(AtomicU64::new(0));
        let count = skus.clone();
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            while let Some(request) = requests.next().await {
                let asked: Vec<IgnoredAny> = serde_json::from_slice(&request).unwrap_or_default();
                count.fetch_add(asked.len() as u64, Ordering::Relaxed);
            }
        });
        Ok(Self { skus, _listening: listening })
    }

    /// The number of SKUs so far.
    pub(super) fn so_far(&self) -> u64 {
        self.skus.load(Ordering::Relaxed)
    }
}
