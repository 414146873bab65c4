//! Killed without warning in mid-run, and started again: workers, the database, the broker that
//! leads the stream; or away for a while, as the payment provider. Every order that was accepted
//! ends, and the books balance to the last penny.

use std::sync::atomic::AtomicU64;

use futures_util::future::join;
use hyper::{Request, StatusCode};
use lab::up::Plan;
use orders::OrderId;
use serde_json::Value;
use streams::Profile;
use workers::status_counts::status_counts;

use super::fixtures::{basket, item, paid_with, rows};
use super::http_client::place_over;
use super::test_cluster::{Shop, plan, until};

const ORDERS: usize = 900;
/// Small batches make many messages, so that something is in hand wherever it is interrupted.
const SMALL_BATCH: usize = 8;

#[tokio::test]
async fn every_worker() {
    let mut plan = small_batches(Profile::Single);
    // Here, what dead workers held comes again after the 30 s of production.
    plan.ack_wait = None;
    let mut shop = Shop::open(plan).await;
    let ids = run(&mut shop, async |shop| {
        for (_, worker) in &mut shop.cluster.workers {
            worker.kill().await.unwrap();
        }
        for (_, worker) in &mut shop.cluster.workers {
            worker.start().await.unwrap();
        }
    })
    .await;
    shop.close(&ids).await;
}

#[tokio::test]
async fn the_database() {
    let mut shop = open(Profile::Single).await;
    let ids = run(&mut shop, async |shop| {
        shop.cluster.servers.postgres.kill().await.unwrap();
        shop.cluster.servers.postgres.start().await.unwrap();
    })
    .await;
    shop.close(&ids).await;
}

#[tokio::test]
async fn the_broker_that_leads_the_stream() {
    let mut shop = open(Profile::Durable).await;
    let ids = run(&mut shop, async |shop| {
        let leader = shop.leader().await;
        let brokers = &mut shop.cluster.servers.brokers;
        brokers.servers[leader].kill().await.unwrap();
    })
    .await;
    // All of it ends on the two brokers that are left.
    shop.until_final(&ids).await;
    shop.cluster.servers.brokers.start().await.unwrap();
    shop.close(&ids).await;
}

#[tokio::test]
async fn the_payment_provider_that_goes_away_and_comes_back_in_ill_health() {
    let mut shop = open(Profile::Single).await;
    let ids = run(&mut shop, async |shop| {
        shop.set_provider("away_ms=2000&fail=close&rate=0.05").await;
    })
    .await;
    // All of it ends while it is ill.
    shop.until_final(&ids).await;
    shop.set_provider("fail=none").await;
    shop.close(&ids).await;
}

async fn open(profile: Profile) -> Shop {
    Shop::open(small_batches(profile)).await
}

fn small_batches(profile: Profile) -> Plan {
    let mut plan = plan(profile);
    plan.max_batch = SMALL_BATCH;
    plan
}

/// Places orders of every kind and interrupts the shop when some have ended and some have not.
async fn run(shop: &mut Shop, interrupt: impl AsyncFnOnce(&mut Shop)) -> Vec<OrderId> {
    shop.sell(&[item("MANY", 10_000), item("FEW", 20)]).await;
    let orders = rows("run", ORDERS, |number| match number % 10 {
        0 => paid_with(basket(&[("MANY", 1)]), "tok_chargeDeclined"),
        5 => basket(&[("FEW", 1), ("MANY", 2)]),
        _ => basket(&[("MANY", 1)]),
    });
    let accepted = AtomicU64::new(0);
    let placing = place_over(shop.edges(), &orders, &accepted);
    let interrupting = async {
        until("some orders have ended", async || shop.ended().await > 20).await;
        assert!(shop.ended().await < ORDERS as u64, "the run is over before it is interrupted");
        interrupt(shop).await;
    };
    let (ids, ()) = join(placing, interrupting).await;
    assert_eq!(ids.len(), ORDERS);
    ids
}

impl Shop {
    async fn ended(&self) -> u64 {
        status_counts(&self.books.database).await.unwrap().finals()
    }

    /// Tells the provider how to behave.
    async fn set_provider(&self, form: &'static str) {
        let url = format!("{}/control", self.cluster.provider.url());
        let answer = self.http.send(Request::post(url).body(form.into()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    }

    /// The number of the broker that leads the stream of orders.
    async fn leader(&self) -> usize {
        let url = format!("{}/jsz?streams=true", self.cluster.servers.brokers.monitor_urls()[0]);
        let answer = self.http.get(&url).await.body;
        let streams = answer["account_details"][0]["stream_detail"].as_array().unwrap();
        let is_ours = |stream: &&Value| stream["name"] == streams::names::ORDERS;
        let stream = streams.iter().find(is_ours).unwrap();
        let leader = stream["cluster"]["leader"].as_str().unwrap();
        let servers = &self.cluster.servers.brokers.servers;
        servers.iter().position(|server| server.name() == leader).unwrap()
    }
}
