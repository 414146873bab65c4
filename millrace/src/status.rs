//! `millrace status`: workers, consumer lag, streams, brokers and dead letters of a cluster.

mod intake;
pub(crate) mod pools;
mod text;
mod watch;

use std::collections::BTreeMap;
use std::time::SystemTime;

use anyhow::{Result, ensure};
use clap::Args;
use futures_util::future::join_all;
use serde::Serialize;
use streams::{
    Connection, ConsumerProgress, Difference, FsyncPolicy, Inspection, Lag, Profile, Step,
    StreamState, Topology, WorkerPresence, batch_sizes, dead_letter, find_progress,
    find_stream_state, fsync_report, inspect_topology, lag, lanes, subjects, worker_presence,
};
use workers::stages;

use crate::addresses::{BrokersAddress, ProfileOption};
use crate::keys::Role;
pub use intake::IntakeStatus;
pub use pools::PoolStatus;

/// Options of `millrace status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    brokers: BrokersAddress,
    #[command(flatten)]
    profile: ProfileOption,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Show it again every second, until Ctrl-C; as --json, one object in each line
    #[arg(long)]
    watch: bool,
}

/// The status of a cluster.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Workers of each pool that respond, and the states of their circuit breakers.
    #[serde(flatten)]
    pub present: WorkerPresence,
    /// The settings of those pools that have one, by pool.
    pub settings: BTreeMap<&'static str, PoolStatus>,
    /// The setting of the intake, if it has one.
    pub intake: Option<IntakeStatus>,
    /// The progress of every step, by step name.
    pub steps: BTreeMap<&'static str, StepStatus>,
    /// Number of unresolved dead letters, by pool.
    pub dead_letters: BTreeMap<String, u64>,
    /// The state of every stream, by name, with its leader and followers.
    pub streams: BTreeMap<&'static str, StreamState>,
    /// Streams and durable consumers that are missing, settings that differ, and what an operator may
    /// have wanted: a pause, a larger limit, another consumer.
    pub differences: Vec<Difference>,
    /// What could not be read at the brokers, and why.
    pub unread: Vec<String>,
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
    /// Progress of its durable consumers, in messages.
    #[serde(flatten)]
    pub consumer_progress: ConsumerProgress,
}

/// Prints the status of the cluster.
pub(crate) fn run(args: &StatusArgs) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let connection = Connection::open(&args.brokers.access(Role::Viewer)?, "status").await?;
        let profile = args.profile.get_or_default()?;
        if args.watch {
            let query = async || Status::query(&connection, profile).await;
            return watch::watch(args.json, query).await;
        }
        let status = Status::query(&connection, profile).await?;
        print(&if args.json { serde_json::to_string(&status)? + "\n" } else { status.to_string() });
        Ok(())
    })
}

impl Status {
    /// Queries the status of a cluster of `profile`. What is missing is left out, and is among the
    /// differences; what cannot be read now does not hide the rest.
    ///
    /// # Errors
    /// No stream can be read.
    pub async fn query(connection: &Connection, profile: Profile) -> Result<Self> {
        let mut unread = Vec::new();
        let all_steps = stages::steps();
        let steps = all_steps.iter().map(|step| async move {
            // An observer that was never started has no consumer; another one was deleted.
            Ok(StepStatus::query(connection, step).await?.map(|status| (step.name, status)))
        });
        let steps = keep_read(&mut unread, join_all(steps).await);
        let lanes = keep_read(&mut unread, [lanes(connection).await.map(Some).map_err(Into::into)]);
        let lanes = lanes.iter().flatten().map(|lane| lane.stream());
        let names: Vec<_> = lanes.chain([subjects::RETRIES, subjects::DEAD_LETTERS]).collect();
        let streams = names.iter().copied().map(|name| async move {
            Ok(find_stream_state(connection, name).await?.map(|state| (name, state)))
        });
        let streams: Vec<Result<_>> = join_all(streams).await;
        let is_any_read = streams.iter().any(Result::is_ok);
        let streams = keep_read(&mut unread, streams);
        ensure!(is_any_read, "the brokers do not reply: {}", unread.join("; "));
        let Inspection { differences, errors } =
            inspect_topology(connection, &Topology::new(profile), &all_steps).await;
        unread.extend(errors.into_iter().map(|err| format!("{:#}", anyhow::Error::from(err))));
        let sizes = batch_sizes(connection).await.map_err(anyhow::Error::from).map(Some);
        let sizes = keep_read(&mut unread, [sizes]).into_iter().flatten();
        let dead_letters = keep_read(&mut unread, [dead_letters(connection).await.map(Some)]);
        let present = worker_presence(connection, &stages::pools()).await?;
        let settings = stages::pools().into_iter().map(|pool| {
            let present = &present;
            async move {
                let status = PoolStatus::query(connection, pool, present).await?;
                Ok(status.map(|status| (pool.as_str(), status)))
            }
        });
        let settings = keep_read(&mut unread, join_all(settings).await).into_iter().collect();
        let intake = IntakeStatus::query(connection, &present).await;
        let intake = keep_read(&mut unread, [intake]).into_iter().next();
        Ok(Self {
            settings,
            intake,
            dead_letters: dead_letters.into_iter().flatten().collect(),
            present,
            steps: steps.into_iter().collect(),
            streams: streams.into_iter().collect(),
            differences,
            unread,
            broker_syncs: fsync_report(connection).await?.brokers,
            batch_sizes: sizes.map(|(kind, size)| (kind.as_str(), size)).collect(),
        })
    }
}

/// What could be read; the errors of the rest are added to `unread`.
fn keep_read<T>(
    unread: &mut Vec<String>,
    results: impl IntoIterator<Item = Result<Option<T>>>,
) -> Vec<T> {
    let mut kept = Vec::new();
    for result in results {
        match result {
            Ok(read) => kept.extend(read),
            Err(err) => unread.push(format!("{err:#}")),
        }
    }
    kept
}

/// The number of unresolved dead letters, by pool.
async fn dead_letters(connection: &Connection) -> Result<BTreeMap<String, u64>> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for letter in dead_letter::unresolved(connection).await? {
        let step = stages::step_named(&letter.content.step);
        let pool = step.map_or("unknown", |step| step.pool.as_str());
        *counts.entry(pool.to_owned()).or_default() += 1;
    }
    Ok(counts)
}

impl StepStatus {
    async fn query(connection: &Connection, step: &Step) -> Result<Option<Self>> {
        let events = step.events();
        let Some(consumer_progress) = find_progress(connection, &events).await? else {
            return Ok(None);
        };
        let Lag { orders, oldest_at_ms } = lag(connection, &events).await?;
        let retries = find_progress(connection, &step.retries()).await?;
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis() as i64;
        let lag_ms = oldest_at_ms.map_or(0, |oldest| (now - oldest.as_millis()).max(0));
        Ok(Some(Self {
            pool: step.pool.as_str(),
            lag_orders: orders,
            lag_seconds: lag_ms as f64 / 1_000.0,
            retries_due: retries.map_or(0, |it| it.messages_waiting + it.messages_held),
            consumer_progress,
        }))
    }
}

#[expect(clippy::print_stdout, reason = "the status is the command's output")]
fn print(text: &str) {
    print!("{text}");
}
