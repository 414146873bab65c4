//! Chaos with a verdict: orders keep coming while servers and workers are killed, paused and filled
//! up, by a plan that a seed gives; then the backlog drains and the books are audited.
//!
//! Two faults happen at a time, one to the brokers and one to something else. What was killed is
//! started again, and so is what ended by itself, as an orchestrator would do.

mod brokers;
mod buyers;
mod command;
mod fault;
mod members;
mod plan;
mod promises;
mod recovery;
mod report;
mod strike;
mod wishes;

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use millrace::audit::{AuditMode, AuditSources, Problem, Report, audit, wait_quiescent};
use millrace::ledger;
use tokio::time::Instant;
use workers::database::Database;

use crate::order_client::{OrderClient, new_run};
use crate::servers::ProgressFn;
use crate::up::Cluster;
use brokers::BrokersLine;
pub use command::{ChaosArgs, run};
pub use fault::{Fault, Target, UnknownFault};
use members::MembersLine;
pub use plan::{Strike, plan};
use promises::Promises;
pub use report::{ChaosReport, FaultReport};
use strike::Line;
pub use wishes::catalog;

/// How long a buyer goes on repeating: longer than any outage that a plan makes.
const PATIENCE: Duration = Duration::from_mins(2);

/// What waits is worked through in seconds; what a worker held that was killed comes again after
/// 30 s, and a record that has failed often waits for up to a minute.
const DRAINED_WITHIN: Duration = Duration::from_mins(4);

/// What is to happen.
#[derive(Debug, Clone)]
pub struct Chaos {
    /// What the plan and the orders are drawn from.
    pub seed: u64,
    /// How long orders come and faults happen.
    pub lasts: Duration,
    /// Orders a second.
    pub rate: u32,
    /// What may happen.
    pub faults: Vec<Fault>,
}

/// How long a reservation waits for its payment in a run: it runs out during some outages, so that
/// cancellations meet late payments.
const PAYMENT_TIMEOUT: &str = "10s";

/// The variables of every role in a run: what is rare elsewhere happens now and then.
pub fn environment() -> Vec<(String, String)> {
    let variables = [
        ("MILLRACE_PAYMENT_TIMEOUT", PAYMENT_TIMEOUT),
        ("MILLRACE_UNSHIPPABLE", wishes::UNSHIPPABLE),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// What all who take part in a run share.
#[derive(Clone)]
struct Scene {
    seed: u64,
    /// What all keys of this run begin with.
    run: String,
    checkout: OrderClient,
    promises: Promises,
    database: Database,
    begun: Instant,
}

/// Lets `chaos` happen to `cluster`, which has the [`catalog`] and the [`environment`], and tells what came of it.
pub async fn chaos(cluster: &mut Cluster, chaos: &Chaos, tell: &ProgressFn) -> Result<ChaosReport> {
    let endpoints = cluster.endpoints();
    let books = AuditSources::open(&endpoints.addresses().sources).await?;
    let profile = endpoints.profile;
    let book = cluster.folder.path().join("ledger.jsonl");
    let (promises, writer) = Promises::open(&book)?;
    let scene = Scene {
        seed: chaos.seed,
        run: new_run(),
        checkout: OrderClient::new(&endpoints.edge_urls, PATIENCE),
        promises,
        database: books.database.clone(),
        begun: Instant::now(),
    };
    let begun = SystemTime::now().into();
    let [of_brokers, of_others] = plan(chaos.seed, chaos.lasts, &chaos.faults);
    let mut brokers = BrokersLine::new(&mut cluster.servers.brokers, &books.connection, profile);
    let mut members = MembersLine {
        edges: &mut cluster.edges,
        workers: &mut cluster.workers,
        provider_url: cluster.provider.url(),
        redis: &mut cluster.servers.redis,
        postgres: &mut cluster.servers.postgres,
        restarts: BTreeMap::new(),
    };
    let (bought, of_brokers, of_others) = tokio::try_join!(
        buyers::come(&scene, chaos.rate, scene.begun + chaos.lasts),
        strike::all(&mut brokers, &of_brokers, &scene, tell),
        strike::all(&mut members, &of_others, &scene, tell),
    )?;
    drop(scene);
    tell("all is healed; waiting until the backlog has drained");
    let recover = async {
        let recovered = recovery::all(of_brokers.into_iter().chain(of_others)).await?;
        Ok::<_, anyhow::Error>((recovered, wait_quiescent(&books.connection, DRAINED_WITHIN).await))
    };
    let (recovered, drained) = tokio::select! {
        recovered = recover => recovered?,
        never = members.keep_up() => match never? {},
    };
    writer.await.context("the ledger's writer panicked")??;

    tell("auditing");
    let ledger = ledger::read(&book)?;
    let mode = if drained { AuditMode::Quiesced } else { AuditMode::Live };
    let mut audit = audit(&books, Report::new(profile), &ledger, mode).await?.report;
    audit.refused = bought.refused;
    audit.add(bought.problems);
    if !drained {
        let detail = format!("did not drain within {} s", DRAINED_WITHIN.as_secs());
        audit.add([Problem { subject: "the backlog".to_owned(), detail }]);
    }
    Ok(ChaosReport {
        seed: chaos.seed,
        seconds: chaos.lasts.as_secs(),
        rate: chaos.rate,
        came: bought.came,
        seconds_without_intake: recovery::seconds_without_intake(&ledger, begun, chaos.lasts),
        faults: recovered.into_iter().map(|it| it.report(begun, &ledger)).collect(),
        restarts: members.restarts,
        audit,
    })
}
