//! Nothing stays behind, however the process ends that has started the servers.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lab::servers::Server;
use streams::Profile;

use super::run::{Run, until};

/// What the parent writes before it waits for its end.
const READY: &str = "ready";

#[tokio::test]
async fn a_killed_parent_leaves_no_process_and_no_folder() {
    let mut parent = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "servers::cleanup::a_parent_that_never_ends", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told: Vec<_> = lines.take_while(|line| line != READY).collect();
    let after = |what| told.iter().filter_map(move |line| line.strip_prefix(what));
    let mut pids: Vec<_> = after("pid ").map(str::to_owned).collect();
    let folder = PathBuf::from(after("folder ").next().unwrap());
    assert_eq!(pids.len(), 5, "three brokers, Redis and PostgreSQL");
    assert!(folder.exists());
    let ended: Vec<_> = pids.iter().filter(|pid| !is_running(pid)).collect();
    assert!(ended.is_empty(), "{ended:?} of {pids:?} have ended before their parent");
    // A session may end while it is looked at: only of the servers is it a promise that they run.
    let children = pids.clone().into_iter().flat_map(|pid| children(&pid));
    pids.extend(children.filter(|pid| is_running(pid)));
    assert!(pids.len() > 6, "PostgreSQL has processes for its log and its checkpoints");

    parent.kill().unwrap();
    parent.wait().unwrap();
    until("all servers are gone", async || !pids.iter().any(|pid| is_running(pid))).await;
    until("the folder is gone", async || !folder.exists()).await;
}

/// No test by itself: the process that the test above kills.
#[tokio::test]
#[ignore = "waits until it is killed"]
async fn a_parent_that_never_ends() {
    let run = Run::of(Profile::Durable).await;
    let servers = [&run.servers.redis, &run.servers.postgres];
    for pid in servers.into_iter().chain(&run.servers.brokers.servers).filter_map(Server::pid) {
        tell(&format!("pid {pid}"));
    }
    // Frozen processes do not notice that their parent is gone.
    run.servers.postgres.pause().unwrap();
    tell(&format!("folder {}", run.folder.path().display()));
    tell(READY);
    std::future::pending::<()>().await;
}

#[allow(clippy::print_stdout, reason = "the two processes of this test speak by standard output")]
fn tell(line: &str) {
    // The test runner has begun a line of its own.
    println!("\n{line}");
}

fn is_running(pid: &str) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid).join("status"));
    status.is_ok_and(|status| !status.contains("\nState:\tZ"))
}

fn children(pid: &str) -> Vec<String> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}
