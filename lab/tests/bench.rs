//! A short benchmark reports its figures, plots them, and ends with an audit that passes.

use std::process::Command;

use serde_json::Value;

#[test]
fn a_short_bench_reports_its_figures_and_passes_its_audit() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_millrace-lab"))
        .args(["bench", "intake", "--profile", "single", "--for", "300ms", "--report"])
        .arg(folder.path())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}{stdout}");

    let report = std::fs::read(folder.path().join("report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["passed"], true);
    let audit = &report["benches"][0]["stands"][0]["audit"];
    assert_eq!((&audit["passed"], &audit["lost"]), (&true.into(), &0.into()), "{audit}");
    assert!(audit["acknowledged"].as_u64().unwrap() > 100, "{audit}");
    let figure = &report["figures"]["intake_single_vs_http"];
    let [min, median, max] = ["min", "median", "max"].map(|name| figure[name].as_f64().unwrap());
    assert!(0.0 < min && min <= median && median <= max, "{figure}");
    assert_eq!(figure["unit"], "ratio");

    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("intake_single_vs_http"));
    let external_references = ["src=", "href=", "@import", "url("];
    assert!(!external_references.iter().any(|marker| page.contains(marker)), "{page}");
}
