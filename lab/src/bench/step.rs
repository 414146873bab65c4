//! `step`: a steady load, then four times as much, then the first again: what the buyers notice, what
//! piles up, and how long it takes to be worked off.

use std::time::Instant;

use anyhow::Result;

use super::load_run::{Load, open};
use super::notes::Notes;
use super::scene::{CONNECTIONS, Scene};
use super::stand::{Shape, Stand};

/// The steady load, of the highest rate with the chain at work: four times as much is beyond it.
const STEADY: f64 = 0.3;
const BURST: f64 = 4.0;
/// Repetitions' times that the burst lasts: a minute, if one lasts two seconds as usual.
const BURST_LASTS: u32 = 30;
/// The same for the steady load before and after it.
const STEADY_LASTS: u32 = 5;
/// Enough for every order that is due while an answer takes a tenth of a second.
const ENOUGH: usize = 4 * CONNECTIONS;

pub(super) async fn run(scene: &Scene, notes: &mut Notes) -> Result<()> {
    let mut stand = Stand::start(scene, "step", Shape::usual(scene.profile())).await?;
    let highest = stand.highest(scene, notes).await?;

    let steady = highest * STEADY;
    let phase =
        |name: &str, rate, lasts: u32| (name.to_owned(), open(ENOUGH, rate, scene.time * lasts));
    let phases = vec![
        phase("before the step", steady, STEADY_LASTS),
        phase("four times as much", steady * BURST, BURST_LASTS),
        phase("after the step", steady, STEADY_LASTS),
    ];
    let names: Vec<String> = phases.iter().map(|(name, _)| name.clone()).collect();
    let load = Load { urls: stand.edge_urls(), bodies: &scene.goods.small, phases };
    let results = stand.load(scene, notes, load).await?;
    let posted = Instant::now();
    stand.drain().await?;
    notes.row("until all was worked off, after the last post", "s", posted.elapsed().as_secs_f64());
    for (name, result) in names.iter().zip(&results) {
        notes.result(name, result);
        notes.row(&format!("{name}: neither 2xx nor 429"), "requests", result.failures() as f64);
        notes.row(&format!("{name}: not even sent"), "orders", result.unsent as f64);
    }
    stand.end(scene, notes).await?;
    let lag = notes.stands.last().map(|stand| stand.seconds.iter().map(|it| it.lag).max());
    notes.row("most orders on their way", "orders", lag.flatten().unwrap_or_default() as f64);
    Ok(())
}
