//! `millrace-lab up` keeps a cluster up: whatever ends without having been asked to is told of, and started
//! again.

use std::sync::{Arc, Mutex};

use hyper::StatusCode;
use lab::servers::Servers;
use lab::up::Cluster;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use orders::Status;
use streams::{Pool, Profile};
use tokio::net::TcpStream;

use super::fixtures::{basket, item};
use super::test_cluster::{Shop, plan, until};

#[tokio::test]
async fn workers_edges_and_servers_that_die_are_started_again() {
    let told = Told::default();
    let mut shop = shop_that_tells(&told).await;
    shop.sell(&[item("AGAIN", 5)]).await;

    let before = pids(&shop);
    for (_, pid) in &before {
        kill_at_once(*pid);
    }
    for (name, _) in &before {
        let line = format!("{name} has ended (signal: 9 (SIGKILL)) and is started again");
        shop.tend_until(&told, &line).await;
    }
    let mut placed = None;
    until("an edge takes orders", async || {
        shop.cluster.tend().await.unwrap();
        let address = shop.cluster.edges[0].url().strip_prefix("http://").unwrap();
        if TcpStream::connect(address).await.is_ok() {
            let answer = shop.post(0, "again", &basket(&[("AGAIN", 1)])).await;
            placed = (answer.status == StatusCode::ACCEPTED).then(|| answer.order_id());
        }
        placed.is_some()
    })
    .await;
    let id = placed.unwrap();
    assert_eq!(shop.until_final(&[id]).await[0].status, Status::Fulfilled);
    until("redis answers", async || {
        let client = redis::Client::open(shop.cluster.servers.redis.url()).unwrap();
        client.get_multiplexed_async_connection().await.is_ok()
    })
    .await;
    let after = pids(&shop);
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    shop.close(&[id]).await;
}

#[tokio::test]
async fn a_provider_that_dies_is_not_replaced_by_one_with_empty_books() {
    let told = Told::default();
    let mut shop = shop_that_tells(&told).await;
    kill_at_once(shop.cluster.provider.pid().unwrap());

    shop.tend_until(&told, "provider has ended (signal: 9 (SIGKILL)) and is gone").await;
    shop.cluster.tend().await.unwrap();
    assert_eq!(told.lock().unwrap().iter().filter(|line| line.contains("has ended")).count(), 1);
    assert!(shop.cluster.provider.has_ended().unwrap());
    shop.cluster.stop().await.unwrap();
}

type Told = Arc<Mutex<Vec<String>>>;

async fn shop_that_tells(told: &Told) -> Shop {
    let mut plan = plan(Profile::Single);
    let tell = told.clone();
    plan.tell = Arc::new(move |line| tell.lock().unwrap().push(line.to_owned()));
    Shop::open(plan).await
}

/// One of each kind that may die.
fn pids(shop: &Shop) -> [(String, u32); 5] {
    let Cluster { servers: Servers { brokers, redis, postgres }, edges, workers, .. } =
        &shop.cluster;
    let (_, payment) = workers.iter().find(|(pool, _)| *pool == Pool::Payment).unwrap();
    let servers = [&brokers.servers[0], redis, postgres];
    let [broker, redis, postgres] = servers.map(|it| (it.name().to_owned(), it.pid().unwrap()));
    let [payment, edge] = [payment, &edges[0]].map(|it| (it.name().to_owned(), it.pid().unwrap()));
    [broker, redis, postgres, payment, edge]
}

fn kill_at_once(pid: u32) {
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).unwrap();
}

impl Shop {
    async fn tend_until(&mut self, told: &Told, begins: &str) {
        until(begins, async || {
            self.cluster.tend().await.unwrap();
            told.lock().unwrap().iter().any(|line| line.starts_with(begins))
        })
        .await;
    }
}
