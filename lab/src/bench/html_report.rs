//! `report.html`: one self-contained file with tables and plots.

use std::collections::BTreeMap;

use super::cluster_report::{ClusterReport, SecondStats};
use super::figure::{Figure, short};
use super::load_run::LoadRun;
use super::plot::{Axes, Series, bars, escaped, lines};
use super::report::{BenchReport, Outcome, Row};
use super::strike_report::StrikeReport;
use super::targets::comparison;

/// The most lines in one plot; more cannot be distinguished.
const LINES_MAX: usize = 8;

const STYLE: &str = "body{font:14px/1.5 sans-serif;max-width:1200px;margin:2em auto;padding:0 1em}\
    table{border-collapse:collapse;margin:1em 0}td,th{padding:2px 12px;border-bottom:1px solid #ddd;\
    text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}svg{margin:8px}";

/// The whole page.
pub(super) fn html(report: &BenchReport) -> String {
    let verdict = if report.passed {
        "All benchmarks finished and all audits passed."
    } else {
        "A benchmark or an audit FAILED."
    };
    let outcomes: String = report.benches.iter().map(outcome).collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Millrace: benchmarks</title>\
         <style>{STYLE}</style><h1>Millrace: benchmarks</h1><p>{verdict}</p>{}{}{outcomes}</html>\n",
        figures(report),
        environment(report),
    )
}

fn figures(report: &BenchReport) -> String {
    let row = |(name, figure): (&String, &Figure)| {
        let cells = number_cells(figure);
        let unit = escaped(&figure.unit);
        let comparison = comparison(name, figure.median);
        format!("<tr><td>{name}</td>{cells}<td>{unit}</td><td>{comparison}</td></tr>")
    };
    let rows: String = report.figures.iter().map(row).collect();
    format!(
        "<h2>Figures</h2><table><tr><th>figure<th>median<th>smallest<th>largest<th>unit\
         <th>threshold; goal</tr>{rows}</table>"
    )
}

/// Median, smallest and largest as cells of a table.
fn number_cells(figure: &Figure) -> String {
    let numbers = [figure.median, figure.min, figure.max].map(short);
    numbers.map(|number| format!("<td class=n>{number}</td>")).concat()
}

/// The machine, the configuration and the limits of admission.
fn environment(report: &BenchReport) -> String {
    let host = &report.host;
    let mut facts = BTreeMap::from([
        ("processor".to_owned(), host.processor.clone()),
        ("cores".to_owned(), host.cores.to_string()),
        ("memory".to_owned(), format!("{:.1} GiB", host.memory_gib)),
        ("kernel".to_owned(), host.kernel.clone()),
        ("written to disks by the kernel".to_owned(), host.writeback.clone()),
        ("commit".to_owned(), host.commit.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("built with --release".to_owned(), host.is_release.to_string()),
    ]);
    facts.extend(host.versions.clone());
    let configuration = report.configuration.iter().chain(&report.admission);
    facts.extend(configuration.map(|(name, value)| ((*name).to_owned(), value.clone())));
    let row = |(name, value): (String, String)| {
        format!("<tr><td>{}</td><td>{}</td></tr>", escaped(&name), escaped(&value))
    };
    let rows: String = facts.into_iter().map(row).collect();
    format!("<h2>Machine, configuration, admission</h2><table>{rows}</table>")
}

fn outcome(outcome: &Outcome) -> String {
    let row = |Row { name, figure }: &Row| {
        let cells = number_cells(figure);
        format!("<tr><td>{}</td>{cells}<td>{}</td></tr>", escaped(name), escaped(&figure.unit))
    };
    let rows: String = outcome.rows.iter().map(row).collect();
    let failed = outcome.clusters.iter().filter(|cluster| !cluster.audit.passed);
    let failed = failed.map(|cluster| cluster.audit.to_string());
    let error = outcome.error.iter().map(|error| format!("benchmark failed: {error}"));
    let failures: Vec<String> = error.chain(failed).collect();
    let failures = escaped(&failures.join("\n"));
    let clusters: String = outcome.clusters.iter().map(cluster).collect();
    format!(
        "<h2>{}</h2><pre>{failures}</pre><table>{rows}</table>{}{}{clusters}",
        outcome.name,
        strikes(&outcome.strikes),
        runs(&outcome.runs)
    )
}

/// One row for each strike; nothing without strikes.
fn strikes(strikes: &[StrikeReport]) -> String {
    if strikes.is_empty() {
        return String::new();
    }
    let titles = StrikeReport::TITLES.map(|title| format!("<th>{title}")).concat();
    let cells = |strike: &StrikeReport| {
        let cells = strike.cells().map(|cell| format!("<td>{}</td>", escaped(&cell)));
        format!("<tr>{}</tr>", cells.concat())
    };
    let rows: String = strikes.iter().map(cells).collect();
    format!("<table><tr>{titles}</tr>{rows}</table>")
}

/// The last repetition of each kind of run; `report.json` has all of them.
fn runs(runs: &[LoadRun]) -> String {
    let mut last: Vec<&LoadRun> = Vec::new();
    for run in runs {
        last.retain(|earlier| earlier.name != run.name);
        last.push(run);
    }
    let curve = |run: &&LoadRun| Series {
        name: format!("{}, {:.0} per second", run.name, run.per_second),
        points: run.result.times.curve.clone(),
    };
    let by_second = |run: &&LoadRun| Series {
        name: run.name.clone(),
        points: from_second_one(run.result.seconds.iter().map(|second| second.p99)),
    };
    let shares = Axes { title: "Response time, ms", x: "share of orders", is_share: true };
    let time = Axes { title: "p99 of each second, ms", x: "seconds", is_share: false };
    let mut plots = String::new();
    for chunk in last.chunks(LINES_MAX) {
        plots += &lines(&shares, &chunk.iter().map(curve).collect::<Vec<_>>());
        plots += &lines(&time, &chunk.iter().map(by_second).collect::<Vec<_>>());
    }
    let parts = |run: &&LoadRun| {
        let parts = run.cpu_micros.iter().map(|(name, micros)| (name.clone(), *micros));
        (run.name.clone(), parts.collect())
    };
    let rows: Vec<_> = last.iter().map(parts).collect();
    if rows.is_empty() { plots } else { plots + &bars("CPU µs per order, by process", &rows) }
}

fn cluster(cluster: &ClusterReport) -> String {
    let series = |name: &str, value: fn(&SecondStats) -> u64| Series {
        name: name.to_owned(),
        points: cluster
            .seconds
            .iter()
            .map(|second| (second.at as f64, value(second) as f64))
            .collect(),
    };
    let over_time = |title| Axes { title, x: "seconds", is_share: false };
    let throughput = [
        series("acknowledged", |second| second.acknowledged),
        series("completed", |second| second.completed),
    ];
    let resident = |(name, points): (&String, &Vec<(f64, f64)>)| Series {
        name: name.clone(),
        points: points.iter().copied().filter(|(at, _)| *at >= 0.0).collect(),
    };
    let memory: Vec<Series> = cluster.memory.iter().map(resident).collect();
    let memory: String = memory
        .chunks(LINES_MAX)
        .map(|chunk| lines(&over_time("Resident memory, MiB"), chunk))
        .collect();
    format!(
        "<h3>{}</h3>{}{}{memory}",
        escaped(&cluster.name),
        lines(&over_time("Orders per second"), &throughput),
        lines(&over_time("Orders in flight"), &[series("lag", |second| second.lag)]),
    )
}

/// Points at 1, 2, 3 and so on.
fn from_second_one(values: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
    values.enumerate().map(|(index, value)| (index as f64 + 1.0, value)).collect()
}
