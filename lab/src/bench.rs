//! Reproducible benchmarks. The result that matters is a ratio of two things that were measured in
//! the same run, alternately, three times or more; it is reported as median, smallest and largest.
//! Every benchmark ends with the audit, and one whose audit fails reports no figures.
//!
//! Each benchmark is a file of this folder. `docs/BENCHMARKS.md` says what each measures.

mod baselines;
mod batch;
mod bench_name;
mod broker_baseline;
mod broker_pipeline;
mod burst;
mod cluster;
mod cluster_report;
mod command;
mod context;
mod cost;
mod dataset;
mod end_to_end;
mod failover;
mod figure;
mod generator;
mod host_info;
mod hot_sku;
mod html_report;
mod identity;
mod intake;
mod isolation;
mod lanes;
mod load_run;
mod measurements;
mod plot;
mod postgres_baseline;
mod protection;
mod report;
mod report_files;
mod scale;
mod stock;
mod strike_report;
mod synchronous;
mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;

use crate::servers::ProgressFn;
pub use bench_name::{BenchName, UnknownBench};
pub use cluster_report::{ClusterReport, SecondStats};
pub use command::{BenchArgs, run};
use context::{BenchContext, BenchOptions};
pub use figure::Figure;
pub use host_info::HostInfo;
pub use load_run::LoadRun;
use measurements::Measurements;
pub use report::{BenchReport, Outcome, Row};
pub use strike_report::StrikeReport;

/// Runs the named benchmarks one after the other. A failure of one does not stop the others.
async fn bench(
    names: &[BenchName],
    options: &BenchOptions,
    progress: Arc<ProgressFn>,
) -> Result<BenchReport> {
    let context = BenchContext::prepare(options, progress)?;
    let host = tokio::task::block_in_place(|| HostInfo::detect(&context));
    let mut report = BenchReport {
        passed: true,
        host,
        configuration: host_info::configuration(&context),
        admission: host_info::admission(),
        figures: BTreeMap::new(),
        benches: Vec::new(),
    };
    for name in names {
        let mut measurements = Measurements::default();
        let started = Instant::now();
        let result = match name {
            BenchName::Baselines => baselines::run(&context, &mut measurements).await,
            BenchName::Intake => intake::run(&context, &mut measurements).await,
            BenchName::Cost => cost::run(&context, &mut measurements).await,
            BenchName::Lanes => lanes::run(&context, &mut measurements).await,
            BenchName::Identity => identity::run(&context, &mut measurements).await,
            BenchName::Protection => protection::run(&context, &mut measurements).await,
            BenchName::EndToEnd => end_to_end::run(&context, &mut measurements).await,
            BenchName::Isolation => isolation::run(&context, &mut measurements).await,
            BenchName::Burst => burst::run(&context, &mut measurements).await,
            BenchName::Synchronous => synchronous::run(&context, &mut measurements).await,
            BenchName::Scale => scale::run(&context, &mut measurements).await,
            BenchName::Batch => batch::run(&context, &mut measurements).await,
            BenchName::Stock => stock::run(&context, &mut measurements).await,
            BenchName::Failover => failover::run(&context, &mut measurements).await,
            BenchName::HotSku => hot_sku::run(&context, &mut measurements).await,
        };
        let error = result.err();
        if let Some(err) = &error {
            context.report_progress(&format!("{name}: benchmark failed: {err:#}"));
        }
        let took = started.elapsed().as_secs_f64();
        let (outcome, figures) = Outcome::of(name.as_str(), took, measurements, error.as_ref());
        report.passed &= outcome.passed;
        report.figures.extend(figures);
        report.benches.push(outcome);
    }
    Ok(report)
}
