//! A program and all of its descendants are one process group: they end together.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use lab::reaper::Reaper;
use lab::servers::{Process, ProcessSpec, RunFolder};

use crate::run_folders::run_folders;
use crate::test_servers::{reaper, wait_until};

/// A shell that runs `script`, with its specification and its folder.
fn shell(script: &str, reaper: &Reaper) -> (Process, ProcessSpec, RunFolder) {
    let folder = RunFolder::create(run_folders(), reaper).unwrap();
    let mut spec = ProcessSpec::new("shell", "/bin/sh".into(), folder.path().to_path_buf());
    spec.args.extend(["-c".into(), script.into()]);
    let process = Process::spawn(reaper, &spec).unwrap();
    (process, spec, folder)
}

/// The program's log, once it has a line.
async fn first_line(spec: &ProcessSpec) -> String {
    let log = || fs::read_to_string(spec.log()).unwrap();
    wait_until("the program has written a line", async || log().contains('\n')).await;
    log().trim().to_owned()
}

#[tokio::test]
async fn killing_a_program_kills_its_children() {
    let reaper = reaper();
    let (mut process, spec, _folder) = shell("sleep 600 & echo $!; wait", &reaper);
    let child = PathBuf::from("/proc").join(first_line(&spec).await).join("cmdline");
    // Between fork and exec the command line may be empty.
    wait_until("the child runs", async || !fs::read(&child).unwrap().is_empty()).await;
    process.kill().await.unwrap();
    wait_until("the child has exited", async || fs::read(&child).unwrap_or_default().is_empty())
        .await;
}

#[tokio::test]
async fn the_children_of_a_program_that_exits_are_killed() {
    let reaper = reaper();
    let (mut process, spec, _folder) = shell("sleep 600 & echo $!", &reaper);
    let child = PathBuf::from("/proc").join(first_line(&spec).await).join("cmdline");
    assert!(process.wait().await.unwrap().success());
    wait_until("the child has exited", async || fs::read(&child).unwrap_or_default().is_empty())
        .await;
}

#[tokio::test]
async fn a_program_that_ignores_sigterm_is_killed() {
    let reaper = reaper();
    let script = "trap 'echo received' TERM; echo started; while :; do sleep 0.01; done";
    let (mut process, spec, _folder) = shell(script, &reaper);
    first_line(&spec).await;
    process.stop(Duration::from_secs(3)).await.unwrap();
    assert!(process.exited().unwrap().is_some());
    assert!(fs::read_to_string(spec.log()).unwrap().contains("received"));
}

#[tokio::test]
async fn a_paused_program_that_handles_sigterm_is_not_killed() {
    let reaper = reaper();
    let script = "trap 'exit 3' TERM; echo started; while :; do sleep 0.01; done";
    let (mut process, spec, _folder) = shell(script, &reaper);
    first_line(&spec).await;
    process.pause().unwrap();
    process.stop(Duration::from_secs(30)).await.unwrap();
    assert_eq!(process.exited().unwrap().unwrap().code(), Some(3));
}

#[tokio::test]
async fn a_program_that_does_not_exist_fails_with_the_reason_in_its_log() {
    let reaper = reaper();
    let folder = RunFolder::create(run_folders(), &reaper).unwrap();
    let spec = ProcessSpec::new("absent", "/no/such/program".into(), folder.path().to_path_buf());
    let mut process = Process::spawn(&reaper, &spec).unwrap();
    assert!(!process.wait().await.unwrap().success());
    assert!(fs::read_to_string(spec.log()).unwrap().contains("/no/such/program"));
}
