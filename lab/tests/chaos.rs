//! Chaos: every kind of fault, and what single faults do. Each audit passes.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::program::{output_within, program};

/// Any seed would do; a fixed one makes a failed run reproducible.
const SEED: &str = "1";
/// Longer than a run of 90 s, its drain and its audit take on a busy machine.
const LIMIT: Duration = Duration::from_mins(8);
/// The least number of faults in a run: each once, but for the three that need five minutes.
const FAULTS_MIN: usize = 44;

/// Runs `chaos` with these options, which must pass, and returns its report.
async fn report_of(options: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let mut chaos = program(["chaos", "--seed", SEED, "--report"]);
    chaos.arg(&report).args(options);
    let output = output_within(LIMIT, chaos).await;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}{stdout}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["passed"], true, "{stdout}");
    report
}

#[tokio::test]
async fn every_fault_within_ninety_seconds_ends_with_an_audit_that_passes() {
    // Slow enough for a machine with two cores.
    let report = report_of(&["--for", "90s", "--rate", "15"]).await;
    assert!(report["acknowledged"].as_u64().unwrap() > 1_000, "{report}");
    assert!(report["faults"].as_array().unwrap().len() >= FAULTS_MIN, "{report}");
}

#[tokio::test]
async fn a_rolling_restart_changes_between_two_versions_and_back() {
    // The same version under another name: what two real versions do to each other, `.ci/full` shows.
    let folder = tempfile::tempdir().unwrap();
    let previous: PathBuf = folder.path().join("millrace-previous");
    std::fs::copy(env!("CARGO_BIN_EXE_millrace-lab"), &previous).unwrap();
    let previous = previous.to_str().unwrap();
    let options = ["--for", "60s", "--rate", "10", "--profile", "single"];
    let faults = ["--faults", "rolling-restart", "--previous-binary", previous];
    let report = report_of(&[options.as_slice(), &faults].concat()).await;
    let restarts = &report["planned_restarts"];
    // Three rolling restarts: to the earlier version half and half, and then back by half.
    let (current, previous) = (restarts["current"].as_u64(), restarts["previous"].as_u64());
    assert!(current > Some(0) && previous == current.map(|count| 2 * count), "{report}");
    assert_eq!(report["restarts"], serde_json::json!({}), "no process exits by itself");
}
