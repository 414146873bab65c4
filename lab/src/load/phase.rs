//! One phase: connections take orders from the schedule until it is exhausted.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use orders::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::ack_record::AckRecord;
use super::connection::{Connection, Response};
use super::phase_stats::PhaseStats;
use super::plan::{Phase, PhaseResult};
use super::request::PreparedRequests;
use super::schedule::Schedule;
use crate::proc_usage::Usage;

/// How long responses are awaited after the end of posting: an edge responds within 5 s.
const FINAL_RESPONSE_TIMEOUT: Duration = Duration::from_secs(6);
/// The delay before a broken connection is opened again.
const RECONNECT_DELAY: Duration = Duration::from_millis(50);

/// The state that all phases of a run share.
pub(super) struct RunState {
    pub(super) requests: PreparedRequests,
    /// The number of the next order. It never repeats, so no idempotency key is used twice.
    pub(super) next_number: Cell<u64>,
    pub(super) ack_records: RefCell<Vec<AckRecord>>,
}

/// The state that all connections of a phase share.
struct PhaseState {
    run: Rc<RunState>,
    schedule: Schedule,
    stats: RefCell<PhaseStats>,
    /// Requests without a response yet.
    in_flight: Cell<u64>,
    started_at: Timestamp,
}

/// Opens the connections, posts the orders of `phase`, and returns the counts.
pub(super) async fn run(
    run: &Rc<RunState>,
    targets: &[String],
    phase: &Phase,
) -> Result<PhaseResult> {
    let targets = targets.iter().cycle().take(phase.connections);
    let mut connections = Vec::with_capacity(phase.connections);
    for target in targets {
        let connection = Connection::open(target).await;
        let connection = connection.with_context(|| format!("cannot connect to {target}"))?;
        connections.push((connection, target.clone()));
    }
    let cpu_before = Usage::own().cpu;
    let schedule = Schedule::start(phase);
    let state = Rc::new(PhaseState {
        run: run.clone(),
        stats: RefCell::new(PhaseStats::new(schedule.started())),
        schedule,
        in_flight: Cell::new(0),
        started_at: SystemTime::now().into(),
    });
    let mut tasks = JoinSet::new();
    for (connection, target) in connections {
        tasks.spawn_local(post(state.clone(), connection, target));
    }
    state.schedule.release().await?;
    let time_left =
        Duration::from_millis(phase.duration_ms).saturating_sub(state.schedule.started().elapsed());
    let all_finished = async { while tasks.join_next().await.is_some() {} };
    timeout(time_left + FINAL_RESPONSE_TIMEOUT, all_finished).await.ok();
    tasks.shutdown().await;
    let state = Rc::into_inner(state).context("a connection is still posting")?;
    Ok(state.into_result(phase, Usage::own().cpu.saturating_sub(cpu_before)))
}

/// Posts orders over one connection until the schedule is exhausted.
async fn post(state: Rc<PhaseState>, connection: Connection, target: String) {
    let mut connection = Some(connection);
    let mut request = Vec::new();
    while let Some(due) = state.schedule.next().await {
        state.run.requests.write(state.run.take_number(), &mut request);
        let Some(open) = &mut connection else {
            state.stats.borrow_mut().broken += 1;
            sleep(RECONNECT_DELAY).await;
            connection = Connection::open(&target).await.ok();
            continue;
        };
        state.in_flight.update(|count| count + 1);
        let response = open.exchange(&request).await;
        state.in_flight.update(|count| count - 1);
        if let Ok(response) = response {
            state.record(&response, due, Instant::now());
        } else {
            state.stats.borrow_mut().broken += 1;
            connection = Connection::open(&target).await.ok();
        }
    }
}

impl RunState {
    fn take_number(&self) -> u64 {
        self.next_number.replace(self.next_number.get() + 1)
    }
}

impl PhaseState {
    /// Counts a response; a 2xx is recorded with its times and its order id.
    fn record(&self, response: &Response, due: Instant, now: Instant) {
        let mut stats = self.stats.borrow_mut();
        *stats.statuses.entry(response.status).or_default() += 1;
        if !(200..300).contains(&response.status) {
            return;
        }
        stats.record_acknowledged(due, now);
        if let Some(id) = response.id {
            let since = due.saturating_duration_since(self.schedule.started()).as_millis() as i64;
            let posted_at = Timestamp::from_millis(self.started_at.as_millis() + since);
            self.run.ack_records.borrow_mut().push(AckRecord {
                id,
                digest: response.digest,
                posted_at,
            });
        }
    }

    fn into_result(self, phase: &Phase, cpu: Duration) -> PhaseResult {
        let mut stats = self.stats.into_inner();
        let started = self.schedule.started();
        let planned = Duration::from_millis(phase.duration_ms);
        let may_finish_early = phase.orders_max.is_some();
        let lasted = if may_finish_early { started.elapsed().min(planned) } else { planned };
        let finished = started + lasted;
        self.schedule.unissued().for_each(|due| stats.record_unsent(due, finished));
        let answered_within = stats.last_acknowledged.max(finished) - started;
        let acknowledged = stats.acknowledged;
        let unsent = stats.unsent;
        let broken = stats.broken + self.in_flight.get();
        let statuses = std::mem::take(&mut stats.statuses);
        let (times, seconds) = stats.into_times(finished);
        PhaseResult {
            begun_at_ms: self.started_at.as_millis(),
            ended_at_ms: self.started_at.as_millis() + lasted.as_millis() as i64,
            answered_within: answered_within.as_secs_f64(),
            acknowledged,
            statuses,
            broken,
            unsent,
            cpu_seconds: cpu.as_secs_f64(),
            times,
            seconds,
        }
    }
}
