//! A minute of chaos with every kind of fault, and an audit that passes.

use std::process::Command;

use serde_json::Value;

/// Any seed would do; a fixed one makes a failed run reproducible.
const SEED: &str = "1";
/// Orders per second, slow enough for a machine with two cores.
const RATE: &str = "50";
/// The least number of faults in a run.
const FAULTS_MIN: usize = 26;

#[test]
fn a_minute_of_every_fault_ends_with_an_audit_that_passes() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_millrace-lab"))
        .args(["chaos", "--seed", SEED, "--for", "60s", "--rate", RATE, "--report"])
        .arg(&report)
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}{stdout}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["passed"], true);
    assert!(report["acknowledged"].as_u64().unwrap() > 1_000, "{stdout}");
    assert!(report["faults"].as_array().unwrap().len() >= FAULTS_MIN, "{stdout}");
}
