//! Without Redis, be it dead, hung or full of what is not readable, stock is looked up in the database, and orders
//! are acknowledged as before.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::raw_http::ORDER;
use super::stock_lookup::{answer_stock, stock};
use super::test_edge::{DEADLINE, fresh_key};
use crate::test_servers::TestServers;

/// Orders that are placed one after the other.
const ORDERS: usize = 50;
/// The time for all of them, on a busy machine.
const ORDERS_WITHIN: Duration = Duration::from_secs(10);
/// Clients that read stock in the meantime.
const READERS: usize = 8;

#[tokio::test]
async fn what_redis_has_that_is_not_readable_is_looked_up() {
    let servers = TestServers::start_with_streams().await;
    let (_, answering) = answer_stock(&servers).await;
    let edge = servers.start_edge().await;
    let other = stock("OTHER", 9, 3).to_string();
    for (number, entry) in ["garbage", "{}", "[]", "3", "\u{1}", &other].into_iter().enumerate() {
        for left in [Some(1_500), None] {
            let sku = format!("SKU {number} {left:?}");
            servers.set_stock_entry(&sku, entry, left).await;
            let path = format!("/v1/stock/{}", sku.replace(' ', "%20"));
            let found = edge.connect().await.get(&path).await.json();
            assert_eq!((&found["sku"], &found["on_hand"]), (&json!(sku), &json!(5)), "{entry}");
        }
    }
    answering.abort();
    edge.stop().await;
}

#[tokio::test]
async fn reads_do_not_fail_and_orders_do_not_wait_while_redis_hangs_or_is_dead() {
    let mut servers = TestServers::start_with_streams().await;
    let (_, answering) = answer_stock(&servers).await;
    let edge = servers.start_edge().await;
    for dies in [false, true] {
        let redis = &mut servers.processes.redis;
        if dies {
            redis.kill().await.unwrap();
        } else {
            redis.pause().unwrap();
        }
        let is_over = AtomicBool::new(false);
        let reading = (0..READERS).map(async |reader| {
            let mut client = edge.connect().await;
            let mut reads = 0;
            while !is_over.load(Ordering::Relaxed) {
                let reply = client.get(&format!("/v1/stock/{reader}-{reads}")).await;
                assert_eq!(reply.json()["on_hand"], 5, "{reply:?}");
                reads += 1;
            }
            assert!(reads > 0);
        });
        let posting = async {
            let mut client = edge.connect().await;
            let started = Instant::now();
            for _ in 0..ORDERS {
                assert_eq!(client.post(&fresh_key(), ORDER).await.status, 202);
            }
            is_over.store(true, Ordering::Relaxed);
            started.elapsed()
        };
        let (_, took) = timeout(DEADLINE, join(join_all(reading), posting)).await.unwrap();
        assert!(took < ORDERS_WITHIN, "{ORDERS} orders took {took:?}");
        if !dies {
            servers.processes.redis.resume().unwrap();
        }
    }
    answering.abort();
    edge.stop().await;
}
