//! `failover`: what a checkout notices when a broker dies, hangs, returns or is restarted. Orders
//! arrive at a constant rate, and none is repeated.

mod arrivals;
mod copies;
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
use copies::CopyShares;
use schedule::{Extent, schedule};
pub(super) use settled::wait_until_settled;
use striker::Striker;
use windows::{Figures, Windows};

const EDGES: usize = 2;
/// The row that is left out if the leaders did not settle before the first strike.
const SETTLED_ROW: &str = "until each lane was on a broker of its own";
/// The load before the first strike, for comparison.
const QUIET: Duration = Duration::from_secs(5);
/// Shorter repetitions than this make a short run, with the strikes that matter most.
const FULL_FROM: Duration = Duration::from_secs(2);

/// Orders per second, over all edges.
const RATE: f64 = 200.0;
/// Under full load: this share of the rate at which the edges have just acknowledged as many orders as they could.
/// The rest is what the processes that start again and catch up take.
const FULL_LOAD: f64 = 0.75;

pub(super) async fn run(context: &BenchContext, measurements: &mut Measurements) -> Result<()> {
    let profile = context.profile();
    if profile.brokers() == 1 {
        context.report_progress("failover: left out, one broker has none to fail over to");
        return Ok(());
    }
    context.report_progress(&format!("failover: seed {}", context.seed));
    measurements.add_row("seed of the last strikes", "", context.seed as f64);
    if context.time < FULL_FROM {
        return measure(context, measurements, Load::Light, Extent::Short).await;
    }
    measure(context, measurements, Load::Light, Extent::Full).await?;
    measure(context, measurements, Load::Full, Extent::Short).await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    /// [`RATE`]. The figures are measured under it.
    Light,
    /// [`FULL_LOAD`].
    Full,
}

impl Load {
    /// What the names of its rows begin with.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Light => "",
            Self::Full => "full load, ",
        }
    }
}

/// Strikes the brokers of a new cluster under a load.
async fn measure(
    context: &BenchContext,
    measurements: &mut Measurements,
    load: Load,
    extent: Extent,
) -> Result<()> {
    let spec = ClusterSpec { edges: EDGES, ..ClusterSpec::default_for(context.profile()) };
    let mut cluster = BenchCluster::start(context, "failover", spec).await?;
    let rate = match load {
        Load::Light => RATE,
        Load::Full => FULL_LOAD * cluster.peak_rate(context, measurements).await?,
    };
    let row = |name: &str| format!("{}{name}", load.prefix());
    measurements.add_row(&row("rate"), "orders/s", rate);
    let connection = cluster.sources.connection.clone();
    context.report_progress("failover: waiting until the leaders are settled");
    match wait_until_settled(&connection).await {
        Some(took) => measurements.add_row(&row(SETTLED_ROW), "s", took.as_secs_f64()),
        None => context.report_progress("failover: the leaders did not settle in time"),
    }
    let (stop, stopped) = oneshot::channel();
    let arrivals = Arrivals::prepare(&cluster.edge_urls(), &context.dataset.small, rate)?;
    let posting = tokio::spawn(arrivals.post_until(stopped));
    sleep(QUIET).await;
    let mut striker =
        Striker::new(&mut cluster.inner, connection.clone(), context.progress.as_ref());
    let struck = striker.strike_all(&schedule(context.seed, extent)).await?;
    let ended_at_ms = now_ms();
    drop(stop);
    let (responses, acknowledged) = posting.await.context("the load panicked")?;

    let first = struck.first().map_or(i64::MAX, |struck| struck.at_ms);
    // An audit says later that it did not drain.
    if cluster.drain().await.is_ok() {
        let copies = CopyShares::read(&connection, &acknowledged, first).await?;
        let names =
            ["orders stored twice, before the first strike", "orders stored twice, from then on"];
        for (name, share) in names.into_iter().zip([copies.before, copies.after]) {
            measurements.add_row(&row(name), "%", share);
        }
    }
    cluster.add_acknowledged(acknowledged);
    let completions = cluster.finish(context, measurements).await?;
    let windows = Windows { responses: &responses, completions: &completions, ended_at_ms };
    let mut reports = windows.reports(&struck);
    for report in &mut reports {
        report.strike = row(&report.strike);
        measurements.add_row(&format!("{}: longest answer", report.strike), "s", report.longest_s);
    }
    if load == Load::Light {
        add_figures(measurements, &Figures::of(&reports));
    }
    add_totals(measurements, load, &responses, first);
    measurements.strikes.extend(reports);
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

/// What all orders of the run were answered, and the times before the first strike.
fn add_totals(measurements: &mut Measurements, load: Load, responses: &[Response], first: i64) {
    let row = |name: &str| format!("{}{name}", load.prefix());
    let refused = responses.iter().filter(|response| !response.is_accepted()).count() as f64;
    if load == Load::Light {
        measurements.add_figure("failover_refused", "answers", refused);
    }
    let percent = 100.0 * refused / responses.len() as f64;
    measurements.add_row(&row("answers other than 202, share"), "%", percent);
    for (answer, count) in arrivals::refusals(responses) {
        let name = row(&format!("answers other than 202: {answer}"));
        measurements.add_row(&name, "answers", count as f64);
    }
    let quiet = responses.iter().filter(|response| response.answered_at_ms() < first);
    if let Some(times) = Percentiles::of(quiet.map(|response| response.took)) {
        measurements.add_row(&row("before the first strike: p50"), "ms", times.p50);
        measurements.add_row(&row("before the first strike: p99"), "ms", times.p99);
    }
}
