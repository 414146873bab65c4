//! `report.html`: one file that needs no other, with tables and plots.

use std::collections::BTreeMap;

use super::load_run::LoadRun;
use super::plot::{Axes, Series, bars, escaped, lines};
use super::report::{BenchReport, Outcome, Row, marks, short};
use super::stand::StandReport;

/// Lines that one plot has at most; more cannot be told apart.
const LINES_MAX: usize = 8;

const STYLE: &str = "body{font:14px/1.5 sans-serif;max-width:1200px;margin:2em auto;padding:0 1em}\
    table{border-collapse:collapse;margin:1em 0}td,th{padding:2px 12px;border-bottom:1px solid #ddd;\
    text-align:left}td.n{text-align:right;font-variant-numeric:tabular-nums}svg{margin:8px}";

/// The whole page.
pub(super) fn page(report: &BenchReport) -> String {
    let verdict = if report.passed {
        "All benches ended and all audits passed."
    } else {
        "A bench or an audit FAILED."
    };
    let outcomes: String = report.benches.iter().map(outcome).collect();
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Millrace: benchmarks</title>\
         <style>{STYLE}</style><h1>Millrace: benchmarks</h1><p>{verdict}</p>{}{}{outcomes}</html>\n",
        figures(report),
        surroundings(report),
    )
}

fn figures(report: &BenchReport) -> String {
    let row = |(name, figure): (&String, &super::notes::Figure)| {
        let numbers = [figure.median, figure.min, figure.max].map(short);
        let cells = numbers.map(|number| format!("<td class=n>{number}</td>")).concat();
        let (unit, marks) = (escaped(&figure.unit), marks(name, figure.median));
        format!("<tr><td>{name}</td>{cells}<td>{unit}</td><td>{marks}</td></tr>")
    };
    let rows: String = report.figures.iter().map(row).collect();
    format!(
        "<h2>Figures</h2><table><tr><th>figure<th>median<th>smallest<th>largest<th>unit\
         <th>first mark; goal</tr>{rows}</table>"
    )
}

fn surroundings(report: &BenchReport) -> String {
    let machine = &report.machine;
    let mut about = BTreeMap::from([
        ("processor".to_owned(), machine.processor.clone()),
        ("cores".to_owned(), machine.cores.to_string()),
        ("memory".to_owned(), format!("{:.1} GiB", machine.memory_gib)),
        ("kernel".to_owned(), machine.kernel.clone()),
        ("commit".to_owned(), machine.commit.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("built with --release".to_owned(), machine.is_release.to_string()),
    ]);
    about.extend(machine.versions.clone());
    let configuration = report.configuration.iter().chain(&report.admission);
    about.extend(configuration.map(|(name, value)| ((*name).to_owned(), value.clone())));
    let row = |(name, value): (String, String)| {
        format!("<tr><td>{}</td><td>{}</td></tr>", escaped(&name), escaped(&value))
    };
    let rows: String = about.into_iter().map(row).collect();
    format!("<h2>Machine, configuration, admission</h2><table>{rows}</table>")
}

fn outcome(outcome: &Outcome) -> String {
    let row = |Row { name, figure }: &Row| {
        let numbers = [figure.median, figure.min, figure.max].map(short);
        let cells = numbers.map(|number| format!("<td class=n>{number}</td>")).concat();
        format!("<tr><td>{}</td>{cells}<td>{}</td></tr>", escaped(name), escaped(&figure.unit))
    };
    let rows: String = outcome.rows.iter().map(row).collect();
    let failed = outcome.stands.iter().filter(|stand| !stand.audit.passed);
    let failed = failed.map(|stand| stand.audit.to_string());
    let error = outcome.error.iter().map(|error| format!("could not be measured: {error}"));
    let failed: Vec<String> = error.chain(failed).collect();
    let failed = escaped(&failed.join("\n"));
    let stands: String = outcome.stands.iter().map(stand).collect();
    format!(
        "<h2>{}</h2><pre>{failed}</pre><table>{rows}</table>{}{stands}",
        outcome.name,
        runs(&outcome.runs)
    )
}

/// The last repetition of each kind of run; `report.json` has all of them.
fn runs(runs: &[LoadRun]) -> String {
    let mut last: Vec<&LoadRun> = Vec::new();
    for run in runs {
        last.retain(|it| it.name != run.name);
        last.push(run);
    }
    let curve = |run: &&LoadRun| Series {
        name: format!("{}, {:.0} a second", run.name, run.per_second),
        points: run.result.times.curve.clone(),
    };
    let by_second = |run: &&LoadRun| Series {
        name: run.name.clone(),
        points: numbered(run.result.seconds.iter().map(|second| second.p99)),
    };
    let mut plots = String::new();
    for some in last.chunks(LINES_MAX) {
        let shares = Axes { title: "Time to the answer, ms", x: "share of orders", is_share: true };
        plots += &lines(&shares, &some.iter().map(curve).collect::<Vec<_>>());
        let time = Axes { title: "p99 of each second, ms", x: "seconds", is_share: false };
        plots += &lines(&time, &some.iter().map(by_second).collect::<Vec<_>>());
    }
    let parts = |run: &&LoadRun| {
        let parts = run.cpu_micros.iter().map(|(name, micros)| (name.clone(), *micros));
        (run.name.clone(), parts.collect())
    };
    let rows: Vec<_> = last.iter().map(parts).collect();
    if rows.is_empty() { plots } else { plots + &bars("CPU µs an order, by process", &rows) }
}

fn stand(stand: &StandReport) -> String {
    let of = |name: &str, value: fn(&super::stand::Moment) -> u64| Series {
        name: name.to_owned(),
        points: stand.seconds.iter().map(|it| (it.at as f64, value(it) as f64)).collect(),
    };
    let over_time = |title| Axes { title, x: "seconds", is_share: false };
    let throughput = [of("acknowledged", |it| it.acknowledged), of("ended", |it| it.ended)];
    let resident = |(name, points): (&String, &Vec<(f64, f64)>)| Series {
        name: name.clone(),
        points: points.iter().copied().filter(|(at, _)| *at >= 0.0).collect(),
    };
    let memory: Vec<Series> = stand.memory.iter().map(resident).collect();
    let memory: String = memory
        .chunks(LINES_MAX)
        .map(|some| lines(&over_time("Resident memory, MiB"), some))
        .collect();
    format!(
        "<h3>{}</h3>{}{}{memory}",
        escaped(&stand.name),
        lines(&over_time("Orders a second"), &throughput),
        lines(&over_time("Orders on their way"), &[of("lag", |it| it.lag)]),
    )
}

fn numbered(values: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
    values.enumerate().map(|(index, value)| (index as f64 + 1.0, value)).collect()
}
