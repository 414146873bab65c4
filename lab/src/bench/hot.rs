//! `hot`: one SKU on every order and stock for nine of ten of them, against SKUs by chance. Nothing may
//! be oversold, and it should cost no time: a batch sums up what it takes of a SKU.

use anyhow::{Context, Result};
use workers::inventory::stock;

use super::chain::carry;
use super::goods::hot_sku;
use super::notes::Notes;
use super::scene::{REPETITIONS, Scene};
use super::stand::{Shape, Stand};

/// Of all orders, in percent, there is stock for so many.
const STOCKED: u64 = 90;
/// Repetitions' times for which there are orders.
const LONGER: f64 = 2.0;

pub(super) async fn run(scene: &Scene, notes: &mut Notes) -> Result<()> {
    let mut stand = Stand::start(scene, "hot", Shape::usual(scene.profile())).await?;
    let rate = stand.highest(scene, notes).await?;
    let orders = (rate * scene.time.as_secs_f64() * LONGER).max(100.0) as u64;
    for repetition in 0..REPETITIONS as u32 {
        let small = ("SKUs by chance", scene.goods.small.as_path());
        let uniform = carry(scene, notes, &mut stand, small, orders).await?;
        let sku = hot_sku(repetition).parse().context("a made-up SKU")?;
        let stocked = (orders * STOCKED / 100) as i64;
        stock::add(&stand.books.database, &sku, stocked).await?.context("an unknown SKU")?;
        let bodies = scene.goods.hot(repetition)?;
        let hot = ("one SKU on every order", bodies.as_path());
        let hot = carry(scene, notes, &mut stand, hot, orders).await?;
        notes.figure("hot_vs_uniform", "ratio", hot / uniform);
    }
    stand.end(scene, notes).await?;
    let audit = notes.stands.last().map(|stand| stand.audit.clone()).unwrap_or_default();
    notes.figure("hot_oversold", "SKUs", audit.oversold_skus.len() as f64);
    let out_of_stock = audit.rejected.values().sum::<u64>();
    notes.row("rejected for want of stock, over all", "orders", out_of_stock as f64);
    Ok(())
}
