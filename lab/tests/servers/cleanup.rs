//! The servers and their folder are cleaned up even if the process that started them is killed.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use lab::servers::Server;
use streams::Profile;

use crate::test_servers::{TestServers, wait_until};
use crate::time_limit::TimeLimit;

/// The line that the parent prints once its servers run.
const READY: &str = "ready";

#[tokio::test]
async fn a_killed_parent_leaves_no_process_and_no_folder() {
    let _time_limit = TimeLimit::start();
    let mut parent = Command::new(env::current_exe().unwrap())
        .args([
            "--ignored",
            "--exact",
            "servers::cleanup::a_parent_runs_until_it_is_killed",
            "--nocapture",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines().map(Result::unwrap);
    let output: Vec<_> = lines.take_while(|line| line != READY).collect();
    let after = |prefix| output.iter().filter_map(move |line| line.strip_prefix(prefix));
    let mut pids: Vec<_> = after("pid ").map(str::to_owned).collect();
    let folder = PathBuf::from(after("folder ").next().unwrap());
    assert_eq!(pids.len(), 5, "three brokers, Redis and PostgreSQL");
    assert!(folder.exists());
    let exited: Vec<_> = pids.iter().filter(|pid| !is_running(pid)).collect();
    assert!(exited.is_empty(), "{exited:?} of {pids:?} have exited before their parent");
    // A PostgreSQL session may exit at any time; only the servers themselves must be running.
    let children = pids.clone().into_iter().flat_map(|pid| children(&pid));
    pids.extend(children.filter(|pid| is_running(pid)));
    assert!(pids.len() > 6, "PostgreSQL has processes for its log and its checkpoints");

    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("all servers have exited", async || !pids.iter().any(|pid| is_running(pid))).await;
    wait_until("the folder is removed", async || !folder.exists()).await;
}

/// Not a test by itself: the process that the test above kills.
#[tokio::test]
#[ignore = "waits until it is killed"]
async fn a_parent_runs_until_it_is_killed() {
    let servers = TestServers::start(Profile::Durable).await;
    let stores = [&servers.processes.redis, &servers.processes.postgres];
    for pid in stores.into_iter().chain(&servers.processes.brokers.servers).filter_map(Server::pid)
    {
        print_line(&format!("pid {pid}"));
    }
    // A paused process does not notice that its parent has exited.
    servers.processes.postgres.pause().unwrap();
    print_line(&format!("folder {}", servers.folder.path().display()));
    print_line(READY);
    std::future::pending::<()>().await;
}

#[allow(
    clippy::print_stdout,
    reason = "the two processes of this test communicate by standard output"
)]
fn print_line(line: &str) {
    // The test runner has printed the start of a line.
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
