//! One phase: connections that take orders from the schedule until it has no more.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use orders::Timestamp;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::ack_record::AckRecord;
use super::connection::{Answer, Connection};
use super::phase_stats::PhaseStats;
use super::plan::{Phase, PhaseResult};
use super::request::Requests;
use super::schedule::Schedule;
use crate::usage::Usage;

/// After the end, for answers that are on their way: an edge answers within 5 s.
const LAST_ANSWERS: Duration = Duration::from_secs(6);
/// Before a connection that broke is opened again.
const REOPEN_AFTER: Duration = Duration::from_millis(50);

/// What outlives a phase.
pub(super) struct Run {
    pub(super) requests: Requests,
    /// Orders so far: no key is used twice.
    pub(super) numbered: Cell<u64>,
    pub(super) promises: RefCell<Vec<AckRecord>>,
}

/// What all connections of a phase share.
struct Shared {
    run: Rc<Run>,
    schedule: Schedule,
    phase_stats: RefCell<PhaseStats>,
    /// Requests without an answer yet.
    in_hand: Cell<u64>,
    begun_at: Timestamp,
}

/// Lets `phase` happen.
pub(super) async fn phase(run: &Rc<Run>, targets: &[String], phase: &Phase) -> Result<PhaseResult> {
    let targets = targets.iter().cycle().take(phase.connections);
    let mut connections = Vec::with_capacity(phase.connections);
    for target in targets {
        let connection = Connection::open(target).await;
        connections.push((connection.with_context(|| format!("no {target}"))?, target.clone()));
    }
    let (cpu_before, schedule) = (Usage::own().cpu, Schedule::begin(phase));
    let shared = Rc::new(Shared {
        run: run.clone(),
        phase_stats: RefCell::new(PhaseStats::new(schedule.begun())),
        schedule,
        in_hand: Cell::new(0),
        begun_at: SystemTime::now().into(),
    });
    let mut posting = JoinSet::new();
    for (connection, target) in connections {
        posting.spawn_local(post(shared.clone(), connection, target));
    }
    shared.schedule.release().await?;
    let time_left =
        Duration::from_millis(phase.lasts_ms).saturating_sub(shared.schedule.begun().elapsed());
    let all_ended = async { while posting.join_next().await.is_some() {} };
    timeout(time_left + LAST_ANSWERS, all_ended).await.ok();
    posting.shutdown().await;
    let shared = Rc::into_inner(shared).context("a connection goes on")?;
    Ok(shared.close(phase, Usage::own().cpu.saturating_sub(cpu_before)))
}

/// Posts orders over one connection for as long as there are any.
async fn post(shared: Rc<Shared>, connection: Connection, target: String) {
    let (mut connection, mut request) = (Some(connection), Vec::new());
    while let Some(due) = shared.schedule.next().await {
        shared.run.requests.write(shared.run.number(), &mut request);
        let Some(open) = &mut connection else {
            shared.phase_stats.borrow_mut().broken += 1;
            sleep(REOPEN_AFTER).await;
            connection = Connection::open(&target).await.ok();
            continue;
        };
        shared.in_hand.update(|count| count + 1);
        let answer = open.exchange(&request).await;
        shared.in_hand.update(|count| count - 1);
        if let Ok(answer) = answer {
            shared.hear(&answer, due, Instant::now());
        } else {
            shared.phase_stats.borrow_mut().broken += 1;
            connection = Connection::open(&target).await.ok();
        }
    }
}

impl Run {
    fn number(&self) -> u64 {
        self.numbered.replace(self.numbered.get() + 1)
    }
}

impl Shared {
    fn hear(&self, answer: &Answer, due: Instant, now: Instant) {
        let mut phase_stats = self.phase_stats.borrow_mut();
        *phase_stats.statuses.entry(answer.status).or_default() += 1;
        if !(200..300).contains(&answer.status) {
            return;
        }
        phase_stats.acknowledge(due, now);
        if let Some(id) = answer.id {
            let since = due.saturating_duration_since(self.schedule.begun()).as_millis() as i64;
            let posted_at = Timestamp::from_millis(self.begun_at.as_millis() + since);
            self.run.promises.borrow_mut().push(AckRecord { id, posted_at });
        }
    }

    fn close(self, phase: &Phase, cpu: Duration) -> PhaseResult {
        let (mut phase_stats, lasted) =
            (self.phase_stats.into_inner(), Duration::from_millis(phase.lasts_ms));
        let counted = phase.orders_max.is_some();
        let lasted = if counted { self.schedule.begun().elapsed().min(lasted) } else { lasted };
        let ended = self.schedule.begun() + lasted;
        self.schedule.untaken().for_each(|due| phase_stats.leave_unsent(due, ended));
        let answered_within = phase_stats.last_answer.max(ended) - self.schedule.begun();
        let (acknowledged, unsent) = (phase_stats.acknowledged, phase_stats.unsent);
        let (statuses, broken) = (std::mem::take(&mut phase_stats.statuses), phase_stats.broken);
        let (times, seconds) = phase_stats.close(ended);
        PhaseResult {
            begun_at_ms: self.begun_at.as_millis(),
            ended_at_ms: self.begun_at.as_millis() + lasted.as_millis() as i64,
            answered_within: answered_within.as_secs_f64(),
            acknowledged,
            statuses,
            broken: broken + self.in_hand.get(),
            unsent,
            cpu_seconds: cpu.as_secs_f64(),
            times,
            seconds,
        }
    }
}
