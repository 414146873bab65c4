//! `scale`: more payment workers before a slow provider, a second edge, and a backlog of a million
//! orders that is worked off.

mod backlog;

use anyhow::Result;
use streams::Pool;
use workers::SET_RECORDS;

use super::chain::carry;
use super::load_run::{Load, closed};
use super::notes::Notes;
use super::scene::{CONNECTIONS, REPETITIONS, Scene};
use super::stand::{Shape, Stand, now_ms};

/// How long the provider takes for a call, in milliseconds.
const LATENCY: u32 = 200;
const WORKERS: [usize; 3] = [1, 2, 4];
/// Sets of orders for each worker, of two seconds each: the last of them, when some workers have nothing
/// left to do, weigh little.
const SETS_EACH: u64 = 8;

pub(super) async fn run(scene: &Scene, notes: &mut Notes) -> Result<()> {
    payment(scene, notes).await?;
    let shape = Shape {
        edges: 2,
        envs: vec![("MILLRACE_BACKLOG_MAX_AGE", "1d")],
        ..Shape::usual(scene.profile())
    };
    let mut stand = Stand::start(scene, "scale, edges and backlog", shape).await?;
    for _ in 0..REPETITIONS {
        tokio::time::sleep(scene.side_time()).await;
        notes.figure("idle_rss_mib", "MiB", stand.resident_mib());
    }
    stand.stop_workers().await?;
    for _ in 0..REPETITIONS {
        let begun = now_ms();
        edges(scene, notes, &mut stand).await?;
        notes.figure("edge_rss_mib", "MiB", stand.peak_mib(&["edge"], begun, now_ms()));
    }
    backlog::work_off(scene, notes, &mut stand).await?;
    stand.end(scene, notes).await?;
    Ok(())
}

async fn payment(scene: &Scene, notes: &mut Notes) -> Result<()> {
    let shape =
        Shape { envs: vec![("MILLRACE_PROVIDER_TIMEOUT", "4s")], ..Shape::usual(scene.profile()) };
    let shape = shape.with(Pool::Payment, 0);
    let mut stand = Stand::start(scene, "scale, payment", shape).await?;
    stand.provider(&format!("latency_ms={LATENCY}")).await?;
    for _ in 0..REPETITIONS {
        let mut one = None;
        for count in WORKERS {
            stand.keep(Pool::Payment, count).await?;
            let orders = SETS_EACH * (SET_RECORDS * count) as u64;
            let name = format!("provider at {LATENCY} ms, {count} payment workers");
            let small = (name.as_str(), scene.goods.small.as_path());
            let rate = carry(scene, notes, &mut stand, small, orders).await?;
            let alone = *one.get_or_insert(rate);
            if count > 1 {
                notes.row(&format!("{count} payment workers ÷ one"), "ratio", rate / alone);
            }
        }
    }
    stand.provider("latency_ms=0").await?;
    stand.end(scene, notes).await?;
    Ok(())
}

async fn edges(scene: &Scene, notes: &mut Notes, stand: &mut Stand) -> Result<()> {
    let urls = stand.edge_urls();
    let mut rates = Vec::new();
    for count in [1, 2] {
        let name = format!("{count} of 2 edges, {CONNECTIONS} connections");
        let phases = vec![(name.clone(), closed(CONNECTIONS, scene.side_time()))];
        let load = Load { urls: urls[..count].to_vec(), bodies: &scene.goods.small, phases };
        for result in stand.load(scene, notes, load).await? {
            notes.result(&name, &result);
            rates.push(result.rate());
        }
    }
    notes.row("two edges ÷ one", "ratio", rates[1] / rates[0]);
    Ok(())
}
