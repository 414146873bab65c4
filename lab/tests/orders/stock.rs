//! What buyers see of the stock.

use std::time::Duration;

use super::fixtures::{basket, item};
use super::test_cluster::{wait_until, with_shared_cluster};
use crate::test_servers::wait_until_within;

/// The age that stock may have when it is shown.
const AGE_MAX: Duration = Duration::from_secs(2);
/// For a busy machine.
const MARGIN: Duration = Duration::from_secs(2);

#[test]
fn a_sale_shows_at_each_edge_within_two_seconds() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("SHOWN", 3)]).await;
        let is_shown = async |on_hand: i64| {
            let mut shown = Vec::new();
            for edge in cluster.edge_urls() {
                let response = cluster.http.get(&format!("{edge}/v1/stock/SHOWN")).await;
                shown.push(response.body["on_hand"] == on_hand);
            }
            shown.into_iter().all(|is_shown| is_shown)
        };
        for left in (0..3).rev() {
            // It has just been looked up, so it would be shown for as long as any is.
            wait_until("the stock is shown", async || is_shown(left + 1).await).await;
            cluster.place(&format!("shown-{left}"), &basket(&[("SHOWN", 1)])).await;
            wait_until("it is sold", async || cluster.on_hand("SHOWN").await == left).await;
            let is_sale_shown = async || is_shown(left).await;
            wait_until_within(AGE_MAX + MARGIN, "the sale shows", is_sale_shown).await;
        }
    });
}
