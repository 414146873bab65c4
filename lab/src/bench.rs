//! Benchmarks that anyone can check: what matters is a ratio of two things that were measured in the
//! same run, in turns, three times or more, and is told with its median, smallest and largest. Every
//! bench ends with the audit, and one whose audit fails tells no figure.
//!
//! Each bench is a file of this folder. `docs/BENCHMARKS.md` says what each measures.

mod batch;
mod batches;
mod chain;
mod command;
mod generator;
mod goods;
mod hot;
mod intake;
mod isolation;
mod limits;
mod load_run;
mod machine;
mod marks;
mod name;
mod notes;
mod page;
mod plot;
mod publishing;
mod relay;
mod report;
mod scale;
mod scene;
mod stand;
mod step;
mod sync;

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;

use crate::servers::ProgressFn;
pub use command::{BenchArgs, run};
pub use load_run::LoadRun;
pub use machine::Machine;
pub use name::{BenchName, UnknownBench};
pub use notes::Figure;
use notes::Notes;
pub use report::{BenchReport, Outcome, Row};
use scene::{Scene, Wanted};
pub use stand::{Moment, StandReport};

/// Runs the benches that are named, one after the other; what one cannot do stops no other.
async fn bench(names: &[BenchName], wanted: &Wanted, tell: Arc<ProgressFn>) -> Result<BenchReport> {
    let scene = Scene::prepare(wanted, tell)?;
    let machine = tokio::task::block_in_place(|| Machine::look(&scene));
    let mut report = BenchReport {
        passed: true,
        machine,
        configuration: machine::configuration(&scene),
        admission: machine::admission(),
        figures: std::collections::BTreeMap::new(),
        benches: Vec::new(),
    };
    for name in names {
        let (mut notes, begun) = (Notes::default(), Instant::now());
        let ran = match name {
            BenchName::Limits => limits::run(&scene, &mut notes).await,
            BenchName::Admission => intake::run(&scene, &mut notes).await,
            BenchName::Chain => chain::run(&scene, &mut notes).await,
            BenchName::Isolation => isolation::run(&scene, &mut notes).await,
            BenchName::Step => step::run(&scene, &mut notes).await,
            BenchName::Sync => sync::run(&scene, &mut notes).await,
            BenchName::Scale => scale::run(&scene, &mut notes).await,
            BenchName::Batch => batch::run(&scene, &mut notes).await,
            BenchName::Hot => hot::run(&scene, &mut notes).await,
        };
        let error = ran.err();
        if let Some(err) = &error {
            scene.say(&format!("{name} could not be measured: {err:#}"));
        }
        let took = begun.elapsed().as_secs_f64();
        let (outcome, figures) = Outcome::of(name.as_str(), took, notes, error.as_ref());
        report.passed &= outcome.passed;
        report.figures.extend(figures);
        report.benches.push(outcome);
    }
    Ok(report)
}
