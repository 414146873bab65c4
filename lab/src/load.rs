//! The load generator, `millrace-lab load`. It is a separate process so that its share of the CPU
//! can be measured. It reads a [`Plan`] as JSON from standard input and writes a [`PhaseResult`]
//! for each phase to standard output. It posts orders, or reads resources: what is said of orders here
//! is true of reads.
//!
//! Closed loop: each connection posts as soon as it has the last response. Open loop: orders become
//! due at a constant rate, independent of the responses, and latency counts from when an order was
//! due. This avoids coordinated omission: the orders that a stalled server delays count with their
//! whole delay.

pub mod ack_record;
mod connection;
mod phase;
mod phase_stats;
pub mod plan;
mod request;
mod schedule;
mod tick_timer;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use tokio::task::LocalSet;

use ack_record::AckRecord;
use millrace::runtime;
use phase::RunState;
pub use plan::{Phase, PhaseResult, Plan, Requests, Second, Times};
use request::PreparedRequests;

/// More connections than this would exceed the limit of open files.
const CONNECTIONS_MAX: usize = 4_096;

/// Runs the plan on standard input.
pub fn run() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("cannot read standard input")?;
    let plan: Plan = serde_json::from_str(&text).context("invalid plan on standard input")?;
    ensure!(!plan.targets.is_empty(), "the plan has no targets");
    let connections = plan.phases.iter().map(|phase| phase.connections);
    ensure!(
        connections.clone().all(|count| (1..=CONNECTIONS_MAX).contains(&count)),
        "a phase must have 1 to {CONNECTIONS_MAX} connections"
    );
    let results = LocalSet::new().block_on(&runtime()?, run_plan(&plan))?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &results)?;
    out.flush().context("cannot write the results to standard output")
}

async fn run_plan(plan: &Plan) -> Result<Vec<PhaseResult>> {
    let run = Rc::new(RunState {
        requests: PreparedRequests::prepare(plan)?,
        next_number: Cell::new(0),
        ack_records: RefCell::default(),
    });
    let mut results = Vec::with_capacity(plan.phases.len());
    for phase in &plan.phases {
        results.push(phase::run(&run, &plan.targets, phase).await?);
    }
    if let Some(file) = &plan.ack_file {
        AckRecord::write_all(file, &run.ack_records.borrow())?;
    }
    Ok(results)
}
