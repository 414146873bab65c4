//! What all benchmarks share: durations, orders, catalogue, and the progress callback.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use streams::Profile;
use tempfile::TempDir;
use workers::inventory::stock::CatalogItem;

use super::dataset::{Dataset, catalog};
use crate::servers::ProgressFn;

/// How often each comparison is repeated: the smallest number with a median that is not an extreme.
pub(super) const REPETITIONS: usize = 3;
/// Connections at the edge's full load.
pub(super) const CONNECTIONS: usize = 256;
/// A side measurement lasts this fraction of a repetition: one third.
const SIDE_DIVISOR: u32 = 3;
/// Posting a fixed number of orders times out after this many times a repetition.
const POSTING_TIMEOUT_FACTOR: u32 = 100;

/// What all benchmarks share.
pub(super) struct BenchContext {
    /// How long one repetition of a comparison lasts.
    pub(super) time: Duration,
    /// The only profile to measure, if one was named.
    pub(super) only: Option<Profile>,
    pub(super) dataset: Dataset,
    pub(super) catalog: Vec<CatalogItem>,
    pub(super) progress: Arc<ProgressFn>,
    /// What is drawn at random is drawn from this.
    pub(super) seed: u64,
    /// This program's own executable.
    pub(super) millrace: PathBuf,
    folder: TempDir,
}

/// The options of the command line.
#[derive(Debug, Clone, Default)]
pub(super) struct BenchOptions {
    pub(super) time: Duration,
    pub(super) profile: Option<Profile>,
    pub(super) orders: Option<PathBuf>,
    pub(super) catalog: Option<PathBuf>,
    pub(super) seed: u64,
}

impl BenchContext {
    pub(super) fn prepare(options: &BenchOptions, progress: Arc<ProgressFn>) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot create a folder for request bodies")?;
        Ok(Self {
            time: options.time,
            only: options.profile,
            dataset: Dataset::write(folder.path(), options.orders.as_deref())?,
            catalog: catalog(options.catalog.as_deref())?,
            progress,
            seed: options.seed,
            millrace: std::env::current_exe().context("cannot find this program's executable")?,
            folder,
        })
    }

    /// The profile of a benchmark that needs only one.
    pub(super) fn profile(&self) -> Profile {
        self.only.unwrap_or(Profile::Durable)
    }

    /// How long a measurement lasts that is not part of a comparison.
    pub(super) fn side_time(&self) -> Duration {
        self.time / SIDE_DIVISOR
    }

    /// The timeout for posting a fixed number of orders.
    pub(super) fn posting_timeout(&self) -> Duration {
        self.time * POSTING_TIMEOUT_FACTOR
    }

    /// The file to which the generator writes the acknowledged orders.
    pub(super) fn ack_file(&self) -> PathBuf {
        self.file("ack-records")
    }

    /// A file that is removed after the benchmarks.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn report_progress(&self, text: &str) {
        (self.progress)(text);
    }
}
