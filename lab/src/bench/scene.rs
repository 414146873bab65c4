//! What all benches share: how long they measure, what is ordered, and who hears of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use streams::Profile;
use tempfile::TempDir;
use workers::inventory::stock::CatalogItem;

use super::goods::{Goods, catalog};
use crate::servers::ProgressFn;

/// Each comparison is made so often: the least that has a middle.
pub(super) const REPETITIONS: usize = 3;
/// Connections at the edge's full load.
pub(super) const CONNECTIONS: usize = 256;
/// The largest part of its time that a side measurement takes.
const SIDE: u32 = 3;

/// Times that a repetition lasts until orders that were counted beforehand are given up.
const PATIENCE: u32 = 100;

/// What all benches share.
pub(super) struct Scene {
    /// How long one repetition of what is compared lasts.
    pub(super) time: Duration,
    /// The one profile to measure, where one was named.
    pub(super) only: Option<Profile>,
    pub(super) goods: Goods,
    pub(super) catalog: Vec<CatalogItem>,
    pub(super) tell: Arc<ProgressFn>,
    pub(super) millrace: PathBuf,
    folder: TempDir,
}

/// What a run is asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) time: Duration,
    pub(super) profile: Option<Profile>,
    pub(super) orders: Option<PathBuf>,
    pub(super) catalog: Option<PathBuf>,
}

impl Scene {
    pub(super) fn prepare(wanted: &Wanted, tell: Arc<ProgressFn>) -> Result<Self> {
        let folder = tempfile::tempdir().context("no folder for the bodies")?;
        Ok(Self {
            time: wanted.time,
            only: wanted.profile,
            goods: Goods::write(folder.path(), wanted.orders.as_deref())?,
            catalog: catalog(wanted.catalog.as_deref())?,
            tell,
            millrace: std::env::current_exe().context("this program's own file")?,
            folder,
        })
    }

    /// The profile to measure where one is enough.
    pub(super) fn profile(&self) -> Profile {
        self.only.unwrap_or(Profile::Durable)
    }

    /// How long a measurement lasts that is compared with nothing.
    pub(super) fn side_time(&self) -> Duration {
        self.time / SIDE
    }

    /// How long a counted number of orders may take to be posted.
    pub(super) fn patience(&self) -> Duration {
        self.time * PATIENCE
    }

    /// A new file for what the generator was promised.
    pub(super) fn promises(&self) -> PathBuf {
        self.folder.path().join("promises")
    }

    pub(super) fn say(&self, text: &str) {
        (self.tell)(text);
    }
}
