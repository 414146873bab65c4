//! Fault injection with an audit: orders arrive at a steady rate while servers, workers and the
//! payment provider are killed, paused, partitioned and made to fail, by a schedule drawn from a
//! seed. Then the backlog drains, and the audit checks every guarantee.
//!
//! Two faults are active at a time, one in the brokers and one elsewhere. Killed processes, and
//! roles that exit by themselves, are restarted, as an orchestrator would do.

mod ack_journal;
mod authentication;
mod bad_records;
mod brokers;
mod buyers;
mod command;
mod context;
mod drain;
mod early_expiry;
mod failed_refunds;
mod fault;
mod full_disk;
mod operator_edits;
mod plan;
mod possible_faults;
mod probe;
mod processes;
mod recovery;
mod report;
mod restart;
mod rolling_restart;
mod schedule;
mod workload;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use millrace::audit::{AuditMode, AuditSources, Findings, Problem, Promised, Report, audit};
use millrace::edge_connector::EdgeAuthorities;
use millrace::keys::Role;
use millrace::ledger::{self, Answer, AnswerContent};
use streams::Profile;
use tokio::time::Instant;

use crate::order_client::{OrderClient, new_key_prefix};
use crate::servers::ProgressFn;
use crate::up::Cluster;
use ack_journal::AckJournal;
use bad_records::BadRecords;
use brokers::BrokerFaults;
use buyers::BuyerStats;
pub use command::{ChaosArgs, run};
use context::ChaosContext;
use drain::{DRAIN_TIMEOUT, Drained, drain};
use early_expiry::early_expiries;
pub use fault::{Fault, Link, Target, UnknownFault};
pub(crate) use operator_edits::wait_until_replicated;
pub use plan::{ScheduledFault, plan};
use processes::ProcessFaults;
pub use report::{ChaosReport, FaultReport, PlannedRestarts};
use rolling_restart::RollingRestart;
pub use workload::catalog;

/// How long a buyer retries: longer than any outage of a schedule.
const RETRY_TIMEOUT: Duration = Duration::from_mins(2);

/// The parameters of a chaos run.
#[derive(Debug, Clone)]
pub struct ChaosConfig {
    /// The seed of the schedule and of the orders.
    pub seed: u64,
    /// How long orders arrive and faults are injected.
    pub duration: Duration,
    /// Orders per second.
    pub rate: u32,
    /// The faults to inject.
    pub faults: Vec<Fault>,
    /// The binary of an earlier version, with the commands `edge` and `worker`.
    pub previous_binary: Option<PathBuf>,
}

/// How long a reservation waits for its payment in a chaos run: it expires during some outages, so
/// that cancellations race with late payments.
const PAYMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the provider is asked about a payment that waits for its buyer: the backlog drains only
/// when the last question is answered.
const PAYMENT_POLL_INTERVAL: &str = "2s";

/// Environment variables for every role of a chaos run, which make rare events frequent.
pub fn environment() -> Vec<(String, String)> {
    let payment_timeout = format!("{}s", PAYMENT_TIMEOUT.as_secs());
    let variables = [
        ("MILLRACE_PAYMENT_TIMEOUT", payment_timeout.as_str()),
        ("MILLRACE_PAYMENT_POLL_INTERVAL", PAYMENT_POLL_INTERVAL),
        ("MILLRACE_UNSHIPPABLE", workload::UNSHIPPABLE),
    ];
    variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Runs `config` on `cluster`, which must have the [`catalog`] and the [`environment`], and reports
/// the findings of the audit and the recovery times.
///
/// # Errors
/// A fault cannot be injected or healed, a process cannot be restarted, or the audit cannot be run.
pub async fn run_chaos(
    cluster: &mut Cluster,
    config: &ChaosConfig,
    progress: &ProgressFn,
) -> Result<ChaosReport> {
    let endpoints = cluster.endpoints();
    let sources = AuditSources::open(&endpoints.addresses().sources, Role::Lab).await?;
    let profile = endpoints.profile;
    let ledger_path = cluster.folder.path().join("ledger.jsonl");
    let (journal, writer) = AckJournal::create(&ledger_path)?;
    let context = context(config, &endpoints.edge_urls, &sources, journal)?;
    let started_at = SystemTime::now().into();
    let [broker_schedule, process_schedule] = plan(config.seed, config.duration, &config.faults);
    let redis_login = cluster.servers.redis_login()?;
    let mut brokers = BrokerFaults::new(
        &mut cluster.servers.brokers,
        &sources.connection,
        profile,
        &context.client,
    );
    let mut processes = ProcessFaults {
        edges: &mut cluster.edges,
        workers: &mut cluster.workers,
        provider_url: cluster.provider.url(),
        redis_login,
        redis: &mut cluster.servers.redis,
        postgres: &mut cluster.servers.postgres,
        rolling_restart: RollingRestart::new(config.previous_binary.clone()),
        bad_records: BadRecords::new(&sources.connection, &context.key_prefix),
        refunds_failed: false,
        restarts: BTreeMap::new(),
    };
    let (stats, broker_faults, process_faults) = tokio::try_join!(
        buyers::run_buyers(&context, config.rate, context.started + config.duration),
        schedule::execute(&mut brokers, &broker_schedule, &context, progress),
        schedule::execute(&mut processes, &process_schedule, &context, progress),
    )?;
    drop(context);
    progress("all faults healed; waiting for the backlog to drain");
    let injected = broker_faults.into_iter().chain(process_faults);
    let (recovered, drained) = drain(&sources, injected, &mut processes).await?;
    writer.await.context("ledger writer panicked")??;

    progress("auditing");
    let ledger::Entries { acknowledged: ledger, answers } = ledger::read(&ledger_path)?;
    let promised = Promised::of_ledger(&ledger)?.with_answers(&answers)?;
    let mut audit = audit_run(&sources, profile, &promised, &drained, &stats).await?;
    audit.refused = stats.refused;
    Ok(ChaosReport {
        seed: config.seed,
        seconds: config.duration.as_secs(),
        rate: config.rate,
        buyers: stats.buyers,
        refused_bodies: answers.iter().filter(|answer| is_refused_body(answer)).count() as u64,
        bad_records: drained.bad_records,
        failed_refunds: drained.failed_refunds,
        seconds_without_intake: recovery::seconds_without_intake(
            &ledger,
            started_at,
            config.duration,
        ),
        faults: recovered.iter().map(|fault| fault.report(started_at, &ledger)).collect(),
        restarts: processes.restarts,
        planned_restarts: processes.rolling_restart.restarts(),
        audit,
    })
}

fn context(
    config: &ChaosConfig,
    edge_urls: &[String],
    sources: &AuditSources,
    journal: AckJournal,
) -> Result<ChaosContext> {
    Ok(ChaosContext {
        seed: config.seed,
        // Workers of a version without that status cannot read an order that has it.
        authenticates: config.previous_binary.is_none(),
        key_prefix: new_key_prefix(),
        client: OrderClient::new(edge_urls, &EdgeAuthorities::default(), RETRY_TIMEOUT)?,
        journal,
        database: sources.database.clone(),
        started: Instant::now(),
    })
}

/// What the audit finds, and what buyers and dead letters showed; a backlog that has not drained is a
/// problem, too.
async fn audit_run(
    sources: &AuditSources,
    profile: Profile,
    promised: &Promised,
    drained: &Drained,
    stats: &BuyerStats,
) -> Result<Report> {
    let mode = if drained.in_time { AuditMode::Quiesced } else { AuditMode::Live };
    let Findings { mut report, views, .. } =
        audit(sources, Report::new(profile), Some(promised), mode).await?;
    report.add(early_expiries(&views, PAYMENT_TIMEOUT));
    report.add(stats.problems.clone());
    report.add(drained.problems.clone());
    if !drained.in_time {
        let detail = format!("did not drain within {} s", DRAIN_TIMEOUT.as_secs());
        report.add([Problem { subject: "the backlog".to_owned(), detail }]);
    }
    Ok(report)
}

const fn is_refused_body(answer: &Answer) -> bool {
    matches!(answer.content, AnswerContent::KeyReused { .. })
}
