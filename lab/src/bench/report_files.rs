//! The files of a report: `report.json` for programs, `report.html` for people.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::html_report::html;
use super::report::BenchReport;

/// Writes both files into `folder`, which is created if necessary.
pub(super) fn write(report: &BenchReport, folder: &Path) -> Result<()> {
    let write = |name: &str, text: String| {
        let file = folder.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    };
    let created = fs::create_dir_all(folder);
    created.with_context(|| format!("cannot create {}", folder.display()))?;
    write("report.json", serde_json::to_string_pretty(report)? + "\n")?;
    write("report.html", html(report))
}
