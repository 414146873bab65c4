//! A cluster that is measured: started, loaded, sampled once a second, and audited at its end.

mod completions;
mod cpu;
mod processes;
mod sampling;
mod spec;
mod timeline;

use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use millrace::audit::{AuditMode, AuditSources, Problem, Promised, Report, audit, wait_quiescent};
use millrace::keys::Role;
use orders::Timestamp;
use streams::{Profile, batch};
use workers::stages;

use super::context::{BenchContext, CONNECTIONS};
use super::dataset::load_catalog;
use super::generator::generate;
use super::load_run::{Load, closed, orders, used};
use super::measurements::Measurements;
use crate::load::ack_record::AckRecord;
use crate::load::{Phase, PhaseResult, Requests};
use crate::up::{self, Cluster, RoleProcess};
pub(super) use spec::ClusterSpec;
use timeline::Timeline;
pub(super) use timeline::{Completed, CompletionTimes};

/// A million orders at a tenth of the target rate.
const DRAIN_TIMEOUT: Duration = Duration::from_mins(10);
/// No quota for an address: all orders come from one.
const ANY_RATE: &str = "0";

/// A cluster that is measured. Dropping it kills its processes.
pub(super) struct BenchCluster {
    pub(super) inner: Cluster,
    pub(super) sources: AuditSources,
    /// Processes that are not part of the cluster and are measured on the same machine.
    pub(super) companions: Vec<RoleProcess>,
    name: String,
    profile: Profile,
    /// Every order that the edges acknowledged.
    ack_records: Vec<AckRecord>,
    timeline: Timeline,
}

impl BenchCluster {
    /// Starts a cluster and loads the catalogue.
    pub(super) async fn start(
        context: &BenchContext,
        name: &str,
        spec: ClusterSpec,
    ) -> Result<Self> {
        let ClusterSpec { profile, lanes, edges, workers, protection, token_keys, envs } = spec;
        let envs = envs.into_iter();
        let mut plan = up::Plan::new(profile)?;
        plan.lanes = lanes;
        plan.edges = edges;
        plan.workers = workers;
        plan.protection = protection;
        plan.max_batch = batch::RECORDS_MAX;
        plan.envs = envs.map(|(variable, value)| (variable.to_owned(), value.to_owned())).collect();
        if let Some(file) = token_keys {
            plan.envs.extend([
                ("MILLRACE_IDENTITY".to_owned(), "keys".to_owned()),
                ("MILLRACE_TOKEN_KEYS".to_owned(), file.display().to_string()),
                ("MILLRACE_ADDRESS_RATE".to_owned(), ANY_RATE.to_owned()),
            ]);
        }
        context.report_progress(&format!("{name}: starting a cluster, {profile}"));
        let inner = Cluster::start(plan, &[]).await?;
        let loaded = load_catalog(&inner.database, &context.catalog).await;
        loaded.context("cannot load the catalogue")?;
        let sources = AuditSources::open(&inner.endpoints().addresses().sources, Role::Lab).await?;
        Ok(Self {
            inner,
            sources,
            companions: Vec::new(),
            name: name.to_owned(),
            profile,
            ack_records: Vec::new(),
            timeline: Timeline::default(),
        })
    }

    /// Posts the orders of `bodies` to all edges in one phase, and returns its result.
    pub(super) async fn post(
        &mut self,
        context: &BenchContext,
        measurements: &mut Measurements,
        bodies: &Path,
        (name, phase): (&str, Phase),
    ) -> Result<PhaseResult> {
        let (urls, phases) = (self.edge_urls(), vec![(name.to_owned(), phase)]);
        let load = Load { urls, requests: orders(bodies), phases };
        self.load(context, measurements, load).await?.pop().context("the phase has no result")
    }

    /// The rate of small orders at full load with the workers running, in orders per second. It
    /// warms up the cluster for the measurements that follow, and is not reported.
    pub(super) async fn peak_rate(
        &mut self,
        context: &BenchContext,
        measurements: &mut Measurements,
    ) -> Result<f64> {
        let phases = vec![(String::new(), closed(CONNECTIONS, context.time))];
        let requests = orders(&context.dataset.small);
        let load = Load { urls: self.edge_urls(), requests, phases };
        let mut results = self.load(context, measurements, load).await?;
        let rate = results.pop().context("the phase has no result")?.rate();
        self.drain().await?;
        Ok(rate)
    }

    /// Runs the generator and records its results.
    pub(super) async fn load(
        &mut self,
        context: &BenchContext,
        measurements: &mut Measurements,
        load: Load,
    ) -> Result<Vec<PhaseResult>> {
        let title = |name: &str| if name.is_empty() { "warming up" } else { name }.to_owned();
        let titles: Vec<String> = load.phases.iter().map(|(name, _)| title(name)).collect();
        context.report_progress(&format!("{}: {}", self.name, titles.join(", ")));
        let is_of_orders = matches!(load.requests, Requests::Orders { .. });
        let ack_file = is_of_orders.then(|| context.ack_file());
        let plan = load.plan(ack_file.clone());
        let before = self.cpu_times();
        let results = self.while_sampling(generate(&context.millrace, &plan)).await?;
        let runs = load.runs(&results, &used(&before, &self.cpu_times()));
        measurements.runs.extend(runs);
        if let Some(file) = &ack_file {
            self.ack_records.extend(AckRecord::read_all(file)?);
        }
        Ok(results)
    }

    /// The name under which it is reported.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Adds orders that were acknowledged to another client than the generator, for the audit.
    pub(super) fn add_acknowledged(&mut self, ack_records: Vec<AckRecord>) {
        self.ack_records.extend(ack_records);
    }

    /// The URLs of all edges.
    pub(super) fn edge_urls(&self) -> Vec<String> {
        self.inner.endpoints().edge_urls
    }

    /// Waits until no order is in flight.
    pub(super) async fn drain(&mut self) -> Result<()> {
        let connection = self.sources.connection.clone();
        let wait = async { Ok(wait_quiescent(&connection, DRAIN_TIMEOUT).await) };
        let is_quiescent = self.while_sampling(wait).await?;
        ensure!(is_quiescent, "orders still in flight after {} s", DRAIN_TIMEOUT.as_secs());
        Ok(())
    }

    /// Waits until every order is complete, audits, and stops the cluster. Nothing else that was
    /// measured counts unless this audit passes.
    pub(super) async fn finish(
        mut self,
        context: &BenchContext,
        measurements: &mut Measurements,
    ) -> Result<CompletionTimes> {
        if self.inner.workers.is_empty() {
            for pool in stages::order_pools() {
                self.inner.add_worker(pool).await?;
            }
        }
        context.report_progress(&format!("{}: draining", self.name));
        let drained = self.drain().await;
        let count = self.ack_records.len();
        context.report_progress(&format!("{}: auditing {count} orders", self.name));
        let promised =
            Promised::new(self.ack_records.iter().map(|record| (record.id, record.digest)));
        let mode = if drained.is_ok() { AuditMode::Quiesced } else { AuditMode::Live };
        let report = Report::new(self.profile);
        let mut findings = audit(&self.sources, report, Some(&promised), mode).await?;
        if let Err(err) = drained {
            let subject = "the backlog".to_owned();
            findings.report.add([Problem { subject, detail: err.to_string() }]);
        }
        let completions = CompletionTimes::of(&self.ack_records, &findings.views);
        measurements.clusters.push(self.timeline.report(
            &self.name,
            findings.report,
            &self.ack_records,
            &completions,
        ));
        for companion in &mut self.companions {
            companion.stop().await?;
        }
        self.inner.stop().await?;
        Ok(completions)
    }
}

/// The current time in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    Timestamp::from(SystemTime::now()).as_millis()
}
