//! What the servers of a run are started with.

use std::path::PathBuf;
use std::sync::Arc;

use streams::Profile;

use super::progress::ProgressFn;
use super::protection::Protection;
use super::search_paths::SearchPaths;
use crate::reaper::Reaper;

/// How to start the servers.
#[derive(Clone)]
pub struct StartServers {
    /// An existing folder. If this process is root, other accounts must be able to traverse it and
    /// its parents.
    pub folder: PathBuf,
    /// The number of brokers and their fsync policy.
    pub profile: Profile,
    /// What protects them.
    pub protection: Protection,
    /// Whether brokers can be partitioned, which routes their connections through proxies: for
    /// fault injection.
    pub partitionable: bool,
    /// Whether each broker's store is on a file system of its own, which a fault can fill.
    pub store_disks: bool,
    /// Kills the servers if this process dies.
    pub reaper: Reaper,
    /// Where programs are searched and cached.
    pub search_paths: SearchPaths,
    /// Receives download progress; nothing if all programs are found.
    pub progress: Arc<ProgressFn>,
}
