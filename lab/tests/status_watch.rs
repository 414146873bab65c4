//! `millrace status --watch`, where its output is not a terminal.

use std::fs;
use std::process::Stdio;

use millrace::keys::Role;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::timeout;

use crate::program::{COMMAND_LIMIT, program};
use crate::test_servers::{TestServers, wait_until_within};

#[tokio::test]
async fn it_shows_the_status_until_it_is_interrupted_and_says_so_while_the_brokers_are_lost() {
    let mut servers = TestServers::start_with_streams().await;
    let output = tempfile::NamedTempFile::new().unwrap();
    let mut command = program(["status", "--watch", "--profile", "single"]);
    command.envs(servers.processes.brokers.environment(Role::Viewer));
    let mut watching =
        command.stdout(output.reopen().unwrap()).stderr(Stdio::inherit()).spawn().unwrap();
    let count = |text: &str| fs::read_to_string(output.path()).unwrap().matches(text).count();
    wait_until_within(COMMAND_LIMIT, "it shows the status twice", async || {
        count("brokers sync: ") >= 2
    })
    .await;
    assert_eq!(count("NO STATUS"), 0);
    servers.processes.brokers.stop().await.unwrap();
    wait_until_within(COMMAND_LIMIT, "it says that the brokers are lost", async || {
        count("NO STATUS at 2") >= 1
    })
    .await;
    servers.processes.brokers.start().await.unwrap();
    let before = count("brokers sync: ");
    wait_until_within(COMMAND_LIMIT, "it shows the status again", async || {
        count("brokers sync: ") > before
    })
    .await;
    kill(Pid::from_raw(watching.id().unwrap() as i32), Signal::SIGINT).unwrap();
    let exit = timeout(COMMAND_LIMIT, watching.wait()).await.unwrap().unwrap();
    assert!(exit.success(), "{exit}");
    assert_eq!(count("\x1b"), 0, "only a terminal is cleared");
}
