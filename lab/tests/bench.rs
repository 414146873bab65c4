//! A short benchmark reports its figures, plots them, and ends with an audit that passes.

use serde_json::Value;

use crate::program::{COMMAND_LIMIT, output_within, program};

#[tokio::test]
async fn a_short_bench_reports_its_figures_and_passes_its_audit() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench =
        program(["bench", "intake", "--profile", "single", "--for", "100ms", "--report"]);
    bench.arg(folder.path());
    let output = output_within(COMMAND_LIMIT, bench).await;
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
