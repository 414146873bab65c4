//! `chain`: orders carried to their end a second while they keep coming, and the time from the post
//! of an order to its end.

use std::path::Path;

use anyhow::{Context, Result};
use streams::Profile;

use super::load_run::{Load, closed, open};
use super::notes::Notes;
use super::scene::{CONNECTIONS, REPETITIONS, Scene};
use super::stand::{Shape, Stand};
use crate::load::{Phase, PhaseResult};
use crate::percentiles::Percentiles;

/// Times as long as other measurements: what is sustained goes on for many times the half second that an
/// order waits, which rises and falls.
const LONGER: u32 = 4;

const SMALL: &str = "small orders, 256 connections";
const BASKETS: &str = "real baskets, 256 connections";

pub(super) async fn run(scene: &Scene, notes: &mut Notes) -> Result<()> {
    let is_durable = scene.profile() == Profile::Durable;
    let mut stand = Stand::start(scene, "chain", Shape::usual(scene.profile())).await?;
    for _ in 0..REPETITIONS {
        let Carried { posted, rate } =
            sustained(scene, notes, &mut stand, (SMALL, &scene.goods.small)).await?;
        notes.figure("chain_keeps_up", "ratio", rate / posted.rate());
        if is_durable {
            notes.figure("chain_durable_per_s", "orders/s", rate);
        }
    }
    let small =
        at_half(scene, notes, &mut stand, SMALL, ("small orders", &scene.goods.small)).await?;
    for _ in 0..REPETITIONS {
        let baskets = sustained(scene, notes, &mut stand, (BASKETS, &scene.goods.baskets)).await?;
        if is_durable {
            notes.figure("chain_baskets_per_s", "orders/s", baskets.rate);
        }
    }
    let baskets =
        at_half(scene, notes, &mut stand, BASKETS, ("real baskets", &scene.goods.baskets)).await?;
    let ended = stand.end(scene, notes).await?;
    let times =
        |(from, to)| Percentiles::of(ended.times(from, to)).context("no order came to its end");
    for times in small.into_iter().map(times) {
        let times = times?;
        notes.row("small orders, from post to end at half the chain's rate: p50", "ms", times.p50);
        notes.figure("final_p99_ms", "ms", times.p99);
    }
    for times in baskets.into_iter().map(times) {
        let times = times?;
        notes.row("real baskets, from post to end at half the chain's rate: p50", "ms", times.p50);
        notes.row("real baskets, from post to end at half the chain's rate: p99", "ms", times.p99);
    }
    Ok(())
}

/// Posts at half of the rate at which orders were carried under the name `carried`. Gives when each
/// repetition began and ended, in milliseconds since 1970.
async fn at_half(
    scene: &Scene,
    notes: &mut Notes,
    stand: &mut Stand,
    carried: &str,
    (kind, bodies): (&str, &Path),
) -> Result<Vec<(i64, i64)>> {
    let half = notes.median_carried(carried) / 2.0;
    let name = format!("{kind}, half the chain's rate");
    let mut windows = Vec::new();
    for _ in 0..REPETITIONS {
        let phase = open(CONNECTIONS, half, scene.time * LONGER);
        let result = stand.post(scene, notes, bodies, (&name, phase)).await?;
        notes.result(&name, &result);
        windows.push((result.begun_at_ms, result.ended_at_ms));
        stand.drain().await?;
    }
    Ok(windows)
}

/// What a chain did while orders kept coming.
pub(super) struct Carried {
    pub(super) posted: PhaseResult,
    /// Orders that came to their end a second, as long as others were posted.
    pub(super) rate: f64,
}

/// Full load on a chain that is at work already, then until all is at its end.
pub(super) async fn sustained(
    scene: &Scene,
    notes: &mut Notes,
    stand: &mut Stand,
    (name, bodies): (&str, &Path),
) -> Result<Carried> {
    let phases = vec![
        (String::new(), closed(CONNECTIONS, scene.time)),
        (name.to_owned(), closed(CONNECTIONS, scene.time * LONGER)),
    ];
    let load = Load { urls: stand.edge_urls(), bodies, phases };
    let posted = stand.load(scene, notes, load).await?.pop().context("no phase")?;
    stand.drain().await?;
    let ended = stand.ended_between(posted.begun_at_ms, posted.ended_at_ms).await?;
    let rate = ended as f64 / posted.lasted();
    notes.result(name, &posted);
    notes.carried(name, rate);
    Ok(Carried { posted, rate })
}

/// Posts so many orders and waits for the end of each: orders a second, from the first post to the
/// last end.
pub(super) async fn carry(
    scene: &Scene,
    notes: &mut Notes,
    stand: &mut Stand,
    (name, bodies): (&str, &Path),
    orders: u64,
) -> Result<f64> {
    let phase = Phase { orders_max: Some(orders), ..closed(CONNECTIONS, scene.patience()) };
    let posted = stand.post(scene, notes, bodies, (name, phase)).await?;
    stand.drain().await?;
    let took = (stand.last_end().await? - posted.begun_at_ms).max(1) as f64 / 1_000.0;
    let rate = posted.acknowledged as f64 / took;
    notes.result(name, &posted);
    notes.carried(name, rate);
    Ok(rate)
}
