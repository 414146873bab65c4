//! A minute in which everything happens that may happen, and a clean verdict at its end.

use std::process::Command;

use serde_json::Value;

/// Any seed will do; this one stays, so that a run that failed can be had again.
const SEED: &str = "1";
/// Slow enough for a machine of two cores that does all of it at once.
const RATE: &str = "50";
const FAULTS: usize = 26;

#[test]
fn a_minute_of_every_fault_ends_with_a_clean_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let ran = Command::new(env!("CARGO_BIN_EXE_millrace-lab"))
        .args(["chaos", "--seed", SEED, "--for", "60s", "--rate", RATE, "--report"])
        .arg(&report)
        .output()
        .unwrap();
    let (told, said) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}{told}");
    let report: Value = serde_json::from_slice(&std::fs::read(report).unwrap()).unwrap();
    assert_eq!(report["passed"], true);
    assert!(report["acknowledged"].as_u64().unwrap() > 1_000, "{told}");
    assert!(report["faults"].as_array().unwrap().len() >= FAULTS, "{told}");
}
