//! `millrace status`: workers, consumer lag, streams, brokers and dead letters of a cluster.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use anyhow::Result;
use clap::Args;
use serde::Serialize;
use streams::{
    Connection, ConsumerProgress, FsyncPolicy, Lag, Step, StreamState, WorkerPresence, batch_sizes,
    dead_letter, find_progress, fsync_report, lag, stream_state, subjects, worker_presence,
};
use workers::stages;

use crate::addresses::BrokersAddress;

/// Options of `millrace status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    brokers: BrokersAddress,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The status of a cluster.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Workers of each pool that respond, and the states of their circuit breakers.
    #[serde(flatten)]
    pub present: WorkerPresence,
    /// The progress of every step, by step name.
    pub steps: BTreeMap<&'static str, StepStatus>,
    /// Number of unresolved dead letters, by pool.
    pub dead_letters: BTreeMap<String, u64>,
    /// The state of every stream, by name, with its leader and followers.
    pub streams: BTreeMap<&'static str, StreamState>,
    /// The fsync policy of each broker that responds: `always`, or an interval.
    pub broker_syncs: BTreeMap<String, FsyncPolicy>,
    /// Mean number of orders per message among the latest messages, by event.
    pub batch_sizes: BTreeMap<&'static str, f64>,
}

/// The progress of one step.
#[derive(Debug, Clone, Serialize)]
pub struct StepStatus {
    /// The pool that runs the step.
    pub pool: &'static str,
    /// Orders that it has not processed yet.
    pub lag_orders: u64,
    /// Age of the oldest unprocessed order, in seconds.
    pub lag_seconds: f64,
    /// Retries of single orders that are due.
    pub retries_due: u64,
    /// Progress of its durable consumer, in messages.
    #[serde(flatten)]
    pub consumer_progress: ConsumerProgress,
}

/// Prints the status of the cluster.
pub(crate) fn run(args: &StatusArgs) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let connection = Connection::open(&args.brokers.url()?, "status").await?;
        let status = Status::query(&connection).await?;
        print(&if args.json { serde_json::to_string(&status)? + "\n" } else { status.to_string() });
        Ok(())
    })
}

impl Status {
    /// Queries the status of a cluster.
    pub async fn query(connection: &Connection) -> Result<Self> {
        let mut steps = BTreeMap::new();
        for step in stages::steps() {
            // An observer that was never started has no consumer.
            if let Some(status) = StepStatus::query(connection, &step).await? {
                steps.insert(step.name, status);
            }
        }
        let mut streams = BTreeMap::new();
        for name in [subjects::ORDERS, subjects::RETRIES, subjects::DEAD_LETTERS] {
            streams.insert(name, stream_state(connection, name).await?);
        }
        let sizes = batch_sizes(connection).await?;
        let mut dead_letters: BTreeMap<String, u64> = BTreeMap::new();
        for letter in dead_letter::unresolved(connection).await? {
            let step = stages::step_named(&letter.content.step);
            let pool = step.map_or("unknown", |step| step.pool.as_str());
            *dead_letters.entry(pool.to_owned()).or_default() += 1;
        }
        Ok(Self {
            dead_letters,
            present: worker_presence(connection, &stages::pools()).await?,
            steps,
            streams,
            broker_syncs: fsync_report(connection).await?.brokers,
            batch_sizes: sizes.into_iter().map(|(kind, size)| (kind.as_str(), size)).collect(),
        })
    }
}

impl StepStatus {
    async fn query(connection: &Connection, step: &Step) -> Result<Option<Self>> {
        let events = step.events();
        let Some(consumer_progress) = find_progress(connection, &events).await? else {
            return Ok(None);
        };
        let Lag { orders, oldest_at_ms } = lag(connection, &events, &consumer_progress).await?;
        let retries = streams::consumer_progress(connection, &step.retries()).await?;
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as i64;
        let lag_ms = oldest_at_ms.map_or(0, |oldest| (now - oldest.as_millis()).max(0));
        Ok(Some(Self {
            pool: step.pool.as_str(),
            lag_orders: orders,
            lag_seconds: lag_ms as f64 / 1_000.0,
            retries_due: retries.messages_waiting + retries.messages_held,
            consumer_progress,
        }))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<12}{:<12}{:>8}{:>13}{:>14}{:>10}{:>14}",
            "POOL", "STEP", "WORKERS", "LAG (ORDERS)", "LAG (SECONDS)", "RETRIES", "REDELIVERED"
        )?;
        let steps = stages::steps();
        for (step, status) in steps.iter().filter_map(|step| self.steps.get_key_value(step.name)) {
            let workers = self.present.workers.get(status.pool).copied().unwrap_or_default();
            let StepStatus { pool, lag_orders, lag_seconds, retries_due, consumer_progress } =
                status;
            let redelivered = consumer_progress.messages_redelivered;
            writeln!(
                f,
                "{pool:<12}{step:<12}{workers:>8}{lag_orders:>13}{lag_seconds:>14.1}\
                {retries_due:>10}{redelivered:>14}"
            )?;
        }
        writeln!(f, "\n{:<14}{:>10}{:>12}{:>8}  BROKERS", "STREAM", "MESSAGES", "MIB", "FULL")?;
        for (name, state) in &self.streams {
            let messages = state.messages;
            let mebibytes = state.bytes as f64 / f64::from(1 << 20);
            let full = state.bytes_max.map_or_else(String::new, |max| {
                format!("{:.0} %", 100.0 * state.bytes as f64 / max as f64)
            });
            writeln!(f, "{name:<14}{messages:>10}{mebibytes:>12.1}{full:>8}  {}", brokers(state))?;
        }
        let policies =
            self.broker_syncs.iter().map(|(broker, policy)| format!("{broker} {policy}"));
        writeln!(f, "\nbrokers sync: {}", policies.collect::<Vec<_>>().join(", "))?;
        let breakers =
            self.present.breakers.iter().map(|(state, count)| format!("{count} {state}"));
        let breakers = breakers.collect::<Vec<_>>().join(", ");
        writeln!(f, "circuit breakers (payment provider): {breakers}")?;
        if !self.dead_letters.is_empty() {
            let counts = self.dead_letters.iter().map(|(pool, count)| format!("{pool} {count}"));
            let counts = counts.collect::<Vec<_>>().join(", ");
            writeln!(f, "dead letters: {counts} (millrace dead list)")?;
        }
        let sizes = self.batch_sizes.iter().map(|(kind, size)| format!("{kind} {size:.1}"));
        writeln!(f, "mean orders per message: {}", sizes.collect::<Vec<_>>().join(", "))
    }
}

fn brokers(state: &StreamState) -> String {
    let leader = match &state.leader {
        Some(leader) => format!("{leader} (leader)"),
        None if state.followers.is_empty() => "standalone".to_owned(),
        None => "NO LEADER".to_owned(),
    };
    let followers = state.followers.iter().map(|(name, is_current)| {
        if *is_current { name.clone() } else { format!("{name} (behind)") }
    });
    std::iter::once(leader).chain(followers).collect::<Vec<_>>().join(", ")
}

#[expect(clippy::print_stdout, reason = "the status is the command's output")]
fn print(text: &str) {
    print!("{text}");
}
