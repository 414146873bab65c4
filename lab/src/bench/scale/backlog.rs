//! A backlog of a million orders: does the last one take as long as the first?

use anyhow::Result;
use streams::Pool;

use super::super::load_run::closed;
use super::super::notes::Notes;
use super::super::scene::{CONNECTIONS, Scene};
use super::super::stand::{Stand, now_ms};
use crate::load::Phase;

/// Orders for each second that a repetition lasts: a million, if it lasts two as usual.
const ORDERS_A_SECOND: f64 = 500_000.0;
/// Parts of the time that the work takes; the first and the last begin and end with few orders in
/// the pools' hands, and do not count.
const PARTS: i64 = 20;
/// Parts at the start that are compared with as many at the end.
const COMPARED: i64 = 3;

/// Lets orders pile up, and then all workers loose on them.
pub(super) async fn work_off(scene: &Scene, notes: &mut Notes, stand: &mut Stand) -> Result<()> {
    let orders = (ORDERS_A_SECOND * scene.time.as_secs_f64()) as u64;
    let phase = Phase { orders_max: Some(orders), ..closed(CONNECTIONS, scene.patience()) };
    let name = "a backlog piles up";
    let posted = stand.post(scene, notes, &scene.goods.small, (name, phase)).await?;
    notes.result(name, &posted);
    let begun = now_ms();
    stand.start_workers().await?;
    stand.drain().await?;
    let ended = stand.last_end().await?;
    let part = ((ended - begun) / PARTS).max(1);
    let rate = async |from: i64| {
        let count = stand.ended_between(from, from + part).await?;
        Ok::<_, anyhow::Error>(count as f64 * 1_000.0 / part as f64)
    };
    for index in 1..=COMPARED {
        let first = rate(begun + index * part).await?;
        let last = rate(ended - (index + 1) * part).await?;
        notes.row("backlog: rate at the start", "orders/s", first);
        notes.row("backlog: rate at the end", "orders/s", last);
        notes.figure("backlog_end_vs_start", "ratio", last / first);
    }
    let took = (ended - begun).max(1) as f64 / 1_000.0;
    notes.row("backlog: worked off in", "s", took);
    notes.row("backlog: orders", "orders", posted.acknowledged as f64);
    let kinds = Pool::ALL.map(Pool::as_str);
    for third in 0..3 {
        let from = begun + (ended - begun) * third / 3;
        let to = begun + (ended - begun) * (third + 1) / 3 + 1_000;
        notes.figure("worker_rss_mib", "MiB", stand.peak_mib(&kinds, from, to));
    }
    Ok(())
}
