//! `millrace up` keeps a cluster up: whatever ends without having been asked to is told of, and started
//! again.

use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use orders::Status;
use streams::{Pool, Profile};

use crate::goods::{basket, item};
use crate::shop::{Shop, plan, until};

/// How often a part is started again.
const RESTARTS_MAX: usize = 5;

#[tokio::test]
async fn a_worker_an_edge_and_a_server_that_die_are_started_again() {
    let (mut shop, told) = shop_that_tells().await;
    shop.sell(&[item("AGAIN", 5)]).await;

    let cluster = &shop.cluster;
    let (_, payment) = cluster.workers.iter().find(|(pool, _)| *pool == Pool::Payment).unwrap();
    for pid in [payment.pid(), cluster.edges[0].pid(), cluster.servers.redis.pid()] {
        die(pid);
    }
    for name in ["payment-1", "edge-1", "redis"] {
        let line = format!("{name} has ended (signal: 9 (SIGKILL)) and is started again");
        shop.tend_until(&told, &line).await;
    }

    let id = shop.place("again", &basket(&[("AGAIN", 1)])).await;
    assert_eq!(shop.until_final(&[id]).await[0].status, Status::Fulfilled);
    shop.close(&[id]).await;
}

#[tokio::test]
async fn what_cannot_stay_up_stays_down_at_last() {
    let (mut shop, told) = shop_that_tells().await;
    let (_, worker) = &mut shop.cluster.workers[0];
    let name = worker.name().to_owned();
    worker.set("DATABASE_URL", "nonsense");
    die(worker.pid());

    shop.tend_until(&told, &format!("{name} has ended too often and stays down")).await;
    shop.cluster.tend().await.unwrap();
    let ends = told.lock().unwrap().iter().filter(|line| line.contains("has ended")).count();
    assert_eq!(ends, RESTARTS_MAX + 1);
    shop.cluster.stop().await.unwrap();
}

type Told = Arc<Mutex<Vec<String>>>;

async fn shop_that_tells() -> (Shop, Told) {
    let (mut plan, told) = (plan(Profile::Single), Told::default());
    let tell = told.clone();
    plan.tell = Arc::new(move |line| tell.lock().unwrap().push(line.to_owned()));
    (Shop::open(plan).await, told)
}

fn die(pid: Option<u32>) {
    kill(Pid::from_raw(pid.unwrap() as i32), Signal::SIGKILL).unwrap();
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
