//! A set of servers for one test.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lab::reaper::Reaper;
use lab::servers::{RunFolder, SearchPaths, Servers, StartServers};
use streams::Profile;
use tokio::time::{Instant, sleep};

/// How long a test waits for what should happen at once; longer than any busy machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// Running servers, and the folder that is removed after them.
pub(crate) struct Run {
    pub(crate) servers: Servers,
    pub(crate) folder: RunFolder,
}

pub(crate) fn reaper() -> Reaper {
    Reaper::start(Path::new(env!("CARGO_BIN_EXE_millrace-lab"))).unwrap()
}

/// What starts servers of `profile` in `folder`.
pub(crate) fn start(profile: Profile, folder: &RunFolder, reaper: Reaper) -> StartServers {
    let folder = folder.path().to_path_buf();
    let search_paths = SearchPaths::from_environment();
    StartServers {
        folder,
        profile,
        partitionable: false,
        reaper,
        search_paths,
        tell: Arc::new(|_| ()),
    }
}

impl Run {
    pub(crate) async fn of(profile: Profile) -> Self {
        let reaper = reaper();
        let folder = RunFolder::create(&reaper).unwrap();
        let servers = Servers::start(start(profile, &folder, reaper)).await.unwrap();
        Self { servers, folder }
    }
}

/// Waits until `condition` holds; `what` says what it is for when it never does.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "never came true: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}
