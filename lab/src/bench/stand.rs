//! A cluster that is measured: loaded, watched once a second, and audited at its end.

mod members;
mod rows;
mod timeline;

use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use millrace::audit::{
    AuditMode, AuditSources, Problem, Report, audit_acknowledged, wait_quiescent,
};
use orders::{OrderId, Timestamp};
use streams::{Pool, Profile, batch};
use tokio::time::sleep;

use super::generator::generate;
use super::goods::stock_up;
use super::load_run::{CpuTimes, Load, closed, used};
use super::notes::Notes;
use super::scene::{CONNECTIONS, Scene};
use crate::load::ack_record::AckRecord;
use crate::load::{Phase, PhaseResult, Plan};
use crate::order_client::new_run;
use crate::up::{self, Cluster, RoleProcess};
use crate::usage::Usage;
pub(super) use timeline::Ended;
use timeline::{MIB, Timeline};
pub use timeline::{Moment, StandReport};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A million orders at a tenth of the rate that is aimed at.
const DRAINED_WITHIN: Duration = Duration::from_mins(10);

/// A worker is one thread, and payment's has twice the work of any other process but the brokers. Where
/// all share two cores in equal parts, one does not get its part.
const PAYMENT_WORKERS: usize = 2;

/// What a cluster is to be made of.
#[derive(Clone)]
pub(super) struct Shape {
    pub(super) profile: Profile,
    pub(super) edges: usize,
    pub(super) workers: Vec<(Pool, usize)>,
    /// Variables that every role gets.
    pub(super) envs: Vec<(&'static str, &'static str)>,
}

/// A cluster that is measured. Dropped, it is killed.
pub(super) struct Stand {
    pub(super) cluster: Cluster,
    pub(super) books: AuditSources,
    /// What is measured beside the cluster.
    pub(super) beside: Vec<RoleProcess>,
    name: String,
    profile: Profile,
    promises: Vec<AckRecord>,
    timeline: Timeline,
}

impl Shape {
    /// One edge, two payment workers, and one worker for each other pool.
    pub(super) fn usual(profile: Profile) -> Self {
        let workers = Pool::ALL.map(|pool| (pool, 1)).to_vec();
        Self { profile, edges: 1, workers, envs: Vec::new() }.with(Pool::Payment, PAYMENT_WORKERS)
    }

    /// The same with so many workers in a pool.
    pub(super) fn with(mut self, pool: Pool, count: usize) -> Self {
        self.workers.retain(|(its_pool, _)| *its_pool != pool);
        self.workers.push((pool, count));
        self
    }

    /// The same without workers; orders may wait for as long as it takes.
    pub(super) fn without_workers(profile: Profile) -> Self {
        let envs = vec![("MILLRACE_BACKLOG_MAX_AGE", "1d")];
        Self { workers: Vec::new(), envs, ..Self::usual(profile) }
    }
}

impl Stand {
    /// Starts a cluster.
    pub(super) async fn start(scene: &Scene, name: &str, shape: Shape) -> Result<Self> {
        let Shape { profile, edges, workers, envs } = shape;
        let mut plan = up::Plan::new(profile)?;
        (plan.edges, plan.workers) = (edges, workers);
        plan.max_batch = batch::RECORDS_MAX;
        plan.envs = envs.into_iter().map(|(name, its)| (name.to_owned(), its.to_owned())).collect();
        scene.say(&format!("{name}: starting a cluster, {profile}"));
        let cluster = Cluster::start(plan, &[]).await?;
        stock_up(&cluster.database, &scene.catalog).await.context("stocking up")?;
        let books = AuditSources::open(&cluster.endpoints().addresses().sources).await?;
        Ok(Self {
            cluster,
            books,
            beside: Vec::new(),
            name: name.to_owned(),
            profile,
            promises: Vec::new(),
            timeline: Timeline::default(),
        })
    }

    /// Posts the orders of `bodies` to all edges in one phase, and tells what it came to.
    pub(super) async fn post(
        &mut self,
        scene: &Scene,
        notes: &mut Notes,
        bodies: &Path,
        (name, phase): (&str, Phase),
    ) -> Result<PhaseResult> {
        let load = Load { urls: self.edge_urls(), bodies, phases: vec![(name.to_owned(), phase)] };
        self.load(scene, notes, load).await?.pop().context("the phase came to nothing")
    }

    /// The rate of small orders at full load with the chain at work, in orders a second. It warms up
    /// what is measured after it, and is not reported.
    pub(super) async fn highest(&mut self, scene: &Scene, notes: &mut Notes) -> Result<f64> {
        let phases = vec![(String::new(), closed(CONNECTIONS, scene.time))];
        let load = Load { urls: self.edge_urls(), bodies: &scene.goods.small, phases };
        let rate = self.load(scene, notes, load).await?.pop().context("no phase")?.rate();
        self.drain().await?;
        Ok(rate)
    }

    /// Runs the generator and takes note of what it tells.
    pub(super) async fn load(
        &mut self,
        scene: &Scene,
        notes: &mut Notes,
        load: Load<'_>,
    ) -> Result<Vec<PhaseResult>> {
        let said = |name: &str| if name.is_empty() { "warming up" } else { name }.to_owned();
        let names: Vec<String> = load.phases.iter().map(|(name, _)| said(name)).collect();
        scene.say(&format!("{}: {}", self.name, names.join(", ")));
        let target = |url: &String| url.trim_start_matches("http://").to_owned();
        let plan = Plan {
            targets: load.urls.iter().map(target).collect(),
            path: "/v1/orders".to_owned(),
            run: new_run(),
            bodies: load.bodies.to_path_buf(),
            promises: Some(scene.promises()),
            phases: load.phases.iter().map(|(_, phase)| *phase).collect(),
        };
        let before = self.cpu_times();
        let results = self.watch(generate(&scene.millrace, &plan)).await?;
        let runs = load.runs(&results, &used(&before, &self.cpu_times()));
        notes.runs.extend(runs);
        self.promises.extend(AckRecord::read_all(&scene.promises())?);
        Ok(results)
    }

    /// Where the edges are.
    pub(super) fn edge_urls(&self) -> Vec<String> {
        self.cluster.endpoints().edge_urls
    }

    /// Waits until nothing is on its way any more.
    pub(super) async fn drain(&mut self) -> Result<()> {
        let connection = self.books.connection.clone();
        let quiet = async { Ok(wait_quiescent(&connection, DRAINED_WITHIN).await) };
        let is_quiet = self.watch(quiet).await?;
        ensure!(is_quiet, "orders do not come to rest within {} s", DRAINED_WITHIN.as_secs());
        Ok(())
    }

    /// Lets what waits be carried to its end, audits, and stops the cluster. Nothing else that was
    /// measured counts unless this audit passes.
    pub(super) async fn end(mut self, scene: &Scene, notes: &mut Notes) -> Result<Ended> {
        if self.cluster.workers.is_empty() {
            for pool in Pool::ALL {
                self.cluster.add_worker(pool).await?;
            }
        }
        scene.say(&format!("{}: draining", self.name));
        let drained = self.drain().await;
        scene.say(&format!("{}: auditing {} orders", self.name, self.promises.len()));
        let promised: BTreeSet<OrderId> =
            self.promises.iter().map(|ack_record| ack_record.id).collect();
        let mode = if drained.is_ok() { AuditMode::Quiesced } else { AuditMode::Live };
        let report = Report::new(self.profile);
        let mut findings = audit_acknowledged(&self.books, report, &promised, mode).await?;
        if let Err(err) = drained {
            let subject = "the backlog".to_owned();
            findings.report.add([Problem { subject, detail: err.to_string() }]);
        }
        let ended = Ended::of(&self.promises, &findings.views);
        notes.stands.push(self.timeline.report(
            &self.name,
            findings.report,
            &self.promises,
            &ended,
        ));
        for member in &mut self.beside {
            member.stop().await?;
        }
        self.cluster.stop().await?;
        Ok(ended)
    }

    /// The most memory that a process of these kinds had between two moments, in MiB.
    pub(super) fn peak_mib(&self, kinds: &[&str], from: i64, to: i64) -> f64 {
        self.timeline.peak_mib(kinds, from, to)
    }

    /// The memory of all processes of the cluster itself but PostgreSQL, in MiB.
    pub(super) fn resident_mib(&self) -> f64 {
        let foreign = ["postgres", "provider"];
        let usages = self.usages().into_iter().filter(|(name, _)| !foreign.contains(&&name[..]));
        usages.map(|(_, usage)| usage.resident_bytes() as f64 / MIB).sum()
    }

    /// Does `work`, looking at all processes once a second, and at its end.
    pub(super) async fn watch<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let mut work = pin!(work);
        loop {
            self.look();
            tokio::select! {
                done = &mut work => {
                    self.look();
                    return done;
                }
                () = sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// Takes note of the memory of all processes.
    pub(super) fn look(&mut self) {
        let now = now_ms();
        for (process, usage) in self.usages() {
            self.timeline.remember(process, now, usage);
        }
    }

    fn cpu_times(&self) -> CpuTimes {
        self.usages().into_iter().map(|(name, usage)| (name, usage.cpu_in_all())).collect()
    }

    fn usages(&self) -> Vec<(String, Usage)> {
        let Cluster { servers, provider, edges, workers, .. } = &self.cluster;
        let workers = workers.iter().map(|(_, worker)| worker);
        let members = edges.iter().chain(workers).chain([provider]).chain(&self.beside);
        let members = members.map(|it| (it.name(), it.pid().and_then(Usage::of)));
        let brokers = servers.brokers.servers.iter().chain([&servers.redis]);
        let brokers = brokers.map(|it| (it.name(), it.pid().and_then(Usage::of)));
        let postgres = servers.postgres.pid().and_then(Usage::of_family);
        let all = members.chain(brokers).chain([("postgres", postgres)]);
        all.filter_map(|(name, usage)| Some((name.to_owned(), usage?))).collect()
    }
}

/// Now, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    Timestamp::from(SystemTime::now()).as_millis()
}
