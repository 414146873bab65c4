//! Intake at full load beside reads of popular SKUs at a constant rate from the same edge, and beside almost none.
//! The generator of reads runs in both cases: its timer alone takes a sixteenth of two cores.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::time::sleep;

use super::super::context::CONNECTIONS;
use super::super::generator::generate;
use super::super::load_run::{Load, closed, open};
use super::StockBench;
use crate::load::Requests;

/// Reads per second.
const READS: f64 = 2_000.0;
/// The same, of a generator that waits.
const ALMOST_NONE: f64 = 1.0;
/// Connections of the readers: enough that an edge at full load delays no read that is due.
const READ_CONNECTIONS: usize = 128;
/// Reads begin this long before the orders, and end as long after them.
const MARGIN: Duration = Duration::from_millis(300);

impl StockBench<'_> {
    /// The rate of orders with reads beside them, over the rate with almost none. Both are measured twice, in an
    /// order in which a machine that becomes slower or faster favours neither.
    pub(super) async fn intake(&mut self) -> Result<()> {
        let (mut alone, mut beside) = (0.0, 0.0);
        for with_reads in [false, true, true, false] {
            self.cluster.drain().await?;
            if with_reads {
                beside += self.post_beside("orders beside reads", READS).await?;
            } else {
                alone += self.post_beside("orders alone", ALMOST_NONE).await?;
            }
        }
        self.measurements.add_figure("intake_under_reads", "ratio", beside / alone);
        self.cluster.drain().await
    }

    /// Posts orders at full load beside `rate` reads a second, and returns their rate.
    async fn post_beside(&mut self, orders: &str, rate: f64) -> Result<f64> {
        let name = format!("{rate} reads/s beside orders");
        let phase = open(READ_CONNECTIONS, rate, self.context.time + 2 * MARGIN);
        let requests = Requests::Reads { paths: self.popular.paths.clone() };
        let urls = self.cluster.edge_urls();
        let load = Load { urls, requests, phases: vec![(name.clone(), phase)] };
        let (program, plan) = (self.context.millrace.clone(), load.plan(None));
        let post = async {
            sleep(MARGIN).await;
            self.post(orders).await
        };
        let (reads, orders) = tokio::join!(generate(&program, &plan), post);
        let reads = reads?.pop().context("the phase has no result")?;
        ensure!(reads.failures() == 0, "{name}: {} reads failed", reads.failures());
        if rate > ALMOST_NONE {
            self.add_reads(&name, &reads);
        }
        orders
    }

    async fn post(&mut self, name: &str) -> Result<f64> {
        let Self { context, measurements, cluster, .. } = self;
        let phase = closed(CONNECTIONS, context.time);
        let bodies = &context.dataset.small;
        let result = cluster.post(context, measurements, bodies, (name, phase)).await?;
        measurements.add_result(name, &result);
        Ok(result.rate())
    }
}
