//! A started program is one with all that it has started itself.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use lab::reaper::Reaper;
use lab::servers::{Process, ProcessSpec, RunFolder};

use super::run::{reaper, until};

/// A shell in `folder` that runs `script`.
fn shell(script: &str, reaper: &Reaper) -> (Process, ProcessSpec, RunFolder) {
    let folder = RunFolder::create(reaper).unwrap();
    let mut launch = ProcessSpec::new("shell", "/bin/sh".into(), folder.path().to_path_buf());
    launch.args.extend(["-c".into(), script.into()]);
    let process = Process::spawn(reaper, &launch).unwrap();
    (process, launch, folder)
}

/// What the program has written, once it has written a line.
async fn first_line(launch: &ProcessSpec) -> String {
    let log = || fs::read_to_string(launch.log()).unwrap();
    until("the program has written a line", async || log().contains('\n')).await;
    log().trim().to_owned()
}

#[tokio::test]
async fn a_killed_program_takes_its_children_along() {
    let reaper = reaper();
    let (mut process, launch, _folder) = shell("sleep 600 & echo $!; wait", &reaper);
    let child = PathBuf::from("/proc").join(first_line(&launch).await).join("cmdline");
    // Between the shell's copy and `sleep` a process has no command line.
    until("the child runs", async || !fs::read(&child).unwrap().is_empty()).await;
    process.kill().await.unwrap();
    until("the child is gone", async || fs::read(&child).unwrap_or_default().is_empty()).await;
}

#[tokio::test]
async fn a_program_that_ends_takes_its_children_along() {
    let reaper = reaper();
    let (mut process, launch, _folder) = shell("sleep 600 & echo $!", &reaper);
    let child = PathBuf::from("/proc").join(first_line(&launch).await).join("cmdline");
    assert!(process.wait().await.unwrap().success());
    until("the child is gone", async || fs::read(&child).unwrap_or_default().is_empty()).await;
}

#[tokio::test]
async fn a_program_that_will_not_stop_is_killed() {
    let reaper = reaper();
    let script = "trap 'echo heard' TERM; echo begun; while :; do sleep 0.01; done";
    let (mut process, launch, _folder) = shell(script, &reaper);
    first_line(&launch).await;
    process.stop(Duration::from_secs(3)).await.unwrap();
    assert!(process.exited().unwrap().is_some());
    assert!(fs::read_to_string(launch.log()).unwrap().contains("heard"));
}

#[tokio::test]
async fn a_program_that_stops_when_asked_is_not_killed() {
    let reaper = reaper();
    let script = "trap 'exit 3' TERM; echo begun; while :; do sleep 0.01; done";
    let (mut process, launch, _folder) = shell(script, &reaper);
    first_line(&launch).await;
    process.pause().unwrap();
    process.stop(Duration::from_secs(30)).await.unwrap();
    assert_eq!(process.exited().unwrap().unwrap().code(), Some(3));
}

#[tokio::test]
async fn a_program_that_does_not_exist_ends_and_its_log_says_why() {
    let reaper = reaper();
    let folder = RunFolder::create(&reaper).unwrap();
    let launch = ProcessSpec::new("absent", "/no/such/program".into(), folder.path().to_path_buf());
    let mut process = Process::spawn(&reaper, &launch).unwrap();
    assert!(!process.wait().await.unwrap().success());
    assert!(fs::read_to_string(launch.log()).unwrap().contains("/no/such/program"));
}
