//! The load generator: what `millrace-lab load` runs, a process of its own so that its share of the CPU
//! can be told. It reads a [`Plan`] as JSON from standard input and writes a [`PhaseResult`] for each
//! phase to standard output.
//!
//! Closed loop: each connection posts as soon as it has its last answer. Open loop: orders are due at
//! a constant rate whatever becomes of those before, and latency counts from when an order was due,
//! so that a server which stalls is not let off the orders that it kept waiting.

pub mod ack_record;
mod connection;
mod phase;
mod phase_stats;
pub mod plan;
mod request;
mod schedule;
mod ticks;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;

use anyhow::{Context, Result, ensure};
use tokio::task::LocalSet;

use ack_record::AckRecord;
use millrace::runtime;
use phase::Run;
pub use plan::{Phase, PhaseResult, Plan, Second, Times};
use request::Requests;

/// More connections than this would measure how many files a process may open.
const CONNECTIONS_MAX: usize = 4_096;

/// Runs the plan that standard input brings.
pub fn run() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("no plan can be read")?;
    let plan: Plan = serde_json::from_str(&text).context("this is no plan")?;
    ensure!(!plan.targets.is_empty(), "the plan names no target");
    let connections = plan.phases.iter().map(|phase| phase.connections);
    ensure!(
        connections.clone().all(|count| (1..=CONNECTIONS_MAX).contains(&count)),
        "a phase has 1 to {CONNECTIONS_MAX} connections"
    );
    let results = LocalSet::new().block_on(&runtime()?, all(&plan))?;
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &results)?;
    out.flush().context("nobody takes the results")
}

async fn all(plan: &Plan) -> Result<Vec<PhaseResult>> {
    let run = Rc::new(Run {
        requests: Requests::prepare(plan)?,
        numbered: Cell::new(0),
        promises: RefCell::default(),
    });
    let mut results = Vec::with_capacity(plan.phases.len());
    for phase in &plan.phases {
        results.push(phase::phase(&run, &plan.targets, phase).await?);
    }
    if let Some(file) = &plan.promises {
        AckRecord::write_all(file, &run.promises.borrow())?;
    }
    Ok(results)
}
