//! `failover`: what a checkout notices when a broker dies, hangs, returns or is restarted. Orders
//! arrive at a constant rate, and none is repeated.

mod arrivals;
mod schedule;
mod settled;
mod striker;
mod windows;

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::cluster::{BenchCluster, ClusterSpec, now_ms};
use super::context::BenchContext;
use super::measurements::Measurements;
use crate::percentiles::Percentiles;
use arrivals::{Arrivals, Response};
use schedule::{Extent, schedule};
pub(super) use settled::wait_until_settled;
use striker::{Striker, Struck};
use windows::{Figures, Windows};

const EDGES: usize = 2;
/// The row that is left out if the leaders did not settle before the first strike.
const SETTLED_ROW: &str = "until each lane was on a broker of its own";
/// The load before the first strike, for comparison.
const QUIET: Duration = Duration::from_secs(5);
/// Shorter repetitions than this make a short run, with the strikes that matter most.
const FULL_FROM: Duration = Duration::from_secs(2);

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let profile = context.profile();
    if profile.brokers() == 1 {
        context.report_progress("failover: left out, one broker has none to fail over to");
        return Ok(());
    }
    let spec = ClusterSpec { edges: EDGES, ..ClusterSpec::default_for(profile) };
    let mut cluster = BenchCluster::start(context, "failover", spec).await?;
    let extent = if context.time < FULL_FROM { Extent::Short } else { Extent::Full };
    context.report_progress(&format!("failover: seed {}", context.seed));
    measurements.add_row("seed of the last strikes", "", context.seed as f64);

    let connection = cluster.sources.connection.clone();
    context.report_progress("failover: waiting until the leaders are settled");
    match wait_until_settled(&connection).await {
        Some(took) => measurements.add_row(SETTLED_ROW, "s", took.as_secs_f64()),
        None => context.report_progress("failover: the leaders did not settle in time"),
    }
    let (stop, stopped) = oneshot::channel();
    let arrivals = Arrivals::prepare(&cluster.edge_urls(), &context.dataset.small)?;
    let posting = tokio::spawn(arrivals.post_until(stopped));
    sleep(QUIET).await;
    let mut striker = Striker::new(&mut cluster.inner, connection, context.progress.as_ref());
    let struck = striker.strike_all(&schedule(context.seed, extent)).await?;
    let ended_at_ms = now_ms();
    drop(stop);
    let (responses, acknowledged) = posting.await.context("the load panicked")?;

    cluster.add_acknowledged(acknowledged);
    let completions = cluster.finish(context, measurements).await?;
    let windows = Windows { responses: &responses, completions: &completions, ended_at_ms };
    let reports = windows.reports(&struck);
    add_figures(measurements, &Figures::of(&reports));
    for report in &reports {
        measurements.add_row(&format!("{}: longest answer", report.strike), "s", report.longest_s);
    }
    add_totals(measurements, &responses, &struck);
    measurements.strikes = reports;
    Ok(())
}

fn add_figures(measurements: &mut Measurements, figures: &Figures) {
    let longest = [
        ("failover_longest_killed_s", figures.killed),
        ("failover_longest_stopped_s", figures.stopped),
        ("failover_longest_resumed_s", figures.resumed),
        ("failover_longest_restart_s", figures.restarted),
        ("failover_longest_final_s", figures.until_final),
    ];
    for (name, seconds) in longest {
        if let Some(seconds) = seconds {
            measurements.add_figure(name, "s", seconds);
        }
    }
}

/// What all orders of the run were answered, and the times without a strike.
fn add_totals(measurements: &mut Measurements, responses: &[Response], struck: &[Struck]) {
    let refused = responses.iter().filter(|response| !response.is_accepted()).count() as f64;
    measurements.add_figure("failover_refused", "answers", refused);
    let percent = 100.0 * refused / responses.len() as f64;
    measurements.add_row("answers other than 202, share", "%", percent);
    for (answer, count) in arrivals::refusals(responses) {
        measurements.add_row(&format!("answers other than 202: {answer}"), "answers", count as f64);
    }
    let first = struck.first().map_or(i64::MAX, |struck| struck.at_ms);
    let quiet = responses.iter().filter(|response| response.answered_at_ms() < first);
    if let Some(times) = Percentiles::of(quiet.map(|response| response.took)) {
        measurements.add_row("before the first strike: p50", "ms", times.p50);
        measurements.add_row("before the first strike: p99", "ms", times.p99);
    }
}
