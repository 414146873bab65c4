//! Brokers, Redis and PostgreSQL for one test, without workers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lab::reaper::Reaper;
use lab::servers::{Protection, RunFolder, SearchPaths, Servers, StartServers};
use lab::up::Plan;
use streams::Profile;
use tokio::time::{sleep, timeout};

use crate::run_folders::run_folders;
use crate::time_limit::TimeLimit;

/// Timeout for conditions that should hold at once; longer than any busy machine needs.
const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Running servers, and their folder, which is removed after they have stopped.
pub(crate) struct TestServers {
    pub(crate) processes: Servers,
    pub(crate) profile: Profile,
    pub(crate) folder: RunFolder,
    _time_limit: Option<TimeLimit>,
}

impl TestServers {
    /// Starts servers of `profile`, whose brokers have no streams yet.
    pub(crate) async fn start(profile: Profile) -> Self {
        Self::start_with(profile, |_| ()).await
    }

    /// Starts servers of `profile` with other options.
    pub(crate) async fn start_with(
        profile: Profile,
        set_options: impl FnOnce(&mut StartServers),
    ) -> Self {
        let time_limit = Some(TimeLimit::start());
        let reaper = reaper();
        let folder = RunFolder::create(run_folders(), &reaper).unwrap();
        let mut start = start_servers(profile, &folder, reaper);
        set_options(&mut start);
        let processes = Servers::start(start).await.unwrap();
        Self { processes, profile, folder, _time_limit: time_limit }
    }

    /// The same servers for more than one test: they run until the process ends.
    pub(crate) fn without_time_limit(self) -> Self {
        Self { _time_limit: None, ..self }
    }
}

/// A cluster of `profile` whose roles run the binary under test.
pub(crate) fn plan(profile: Profile) -> Plan {
    let mut plan = Plan::new(profile).unwrap();
    plan.executable = env!("CARGO_BIN_EXE_millrace-lab").into();
    plan.run_folders = run_folders().to_path_buf();
    plan
}

pub(crate) fn reaper() -> Reaper {
    Reaper::start(Path::new(env!("CARGO_BIN_EXE_millrace-lab"))).unwrap()
}

/// The options to start servers of `profile` in `folder`.
pub(crate) fn start_servers(profile: Profile, folder: &RunFolder, reaper: Reaper) -> StartServers {
    StartServers {
        folder: folder.path().to_path_buf(),
        profile,
        protection: Protection::Full,
        partitionable: false,
        store_disks: false,
        reaper,
        search_paths: SearchPaths::from_environment(),
        progress: Arc::new(|_| ()),
    }
}

/// Waits until `condition` holds; panics with its `description` after [`WAIT_TIMEOUT`].
pub(crate) async fn wait_until(description: &str, condition: impl AsyncFnMut() -> bool) {
    wait_until_within(WAIT_TIMEOUT, description, condition).await;
}

/// The same within `limit`, also if `condition` does not return.
pub(crate) async fn wait_until_within(
    limit: Duration,
    description: &str,
    mut condition: impl AsyncFnMut() -> bool,
) {
    let wait = async {
        while !condition().await {
            sleep(POLL_INTERVAL).await;
        }
    };
    let waited = timeout(limit, wait).await;
    waited.unwrap_or_else(|_| panic!("timed out waiting until {description}"));
}
