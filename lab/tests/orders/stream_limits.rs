//! Intake stops before the stream is full and where inventory is far behind, and what is done with
//! is forgotten.

use std::time::Duration;

use orders::Status;
use streams::{
    Pool, Profile, Retention, Topology, names, purge_processed, set_orders_limit, stream_state,
};
use tokio::time::Instant;

use super::fixtures::{basket, item};
use super::test_cluster::{Shop, plan, until};

#[tokio::test]
async fn intake_stops_before_it_is_full_and_where_inventory_is_far_behind() {
    let mut plan = plan(Profile::Single);
    plan.envs.push(("MILLRACE_BACKLOG_MAX_AGE".to_owned(), "1s".to_owned()));
    let mut shop = Shop::open(plan).await;
    shop.sell(&[item("ROOM", 1_000)]).await;
    let first = shop.place("first", &basket(&[("ROOM", 1)])).await;
    shop.until_final(&[first]).await;

    let state = stream_state(&shop.books.connection, names::ORDERS).await.unwrap();
    set_orders_limit(&shop.books.connection, state.bytes as i64 + 1_000).await.unwrap();
    shop.until_refused("/problems/stream-full").await;
    let usual = Topology::new(Profile::Single).orders_bytes_max;
    set_orders_limit(&shop.books.connection, usual).await.unwrap();
    shop.until_taken_in("roomy").await;

    shop.send_home(Pool::Inventory).await;
    shop.until_taken_in("waiting").await;
    shop.until_refused("/problems/far-behind").await;
    shop.call_back(Pool::Inventory).await;
    shop.until_taken_in("caught-up").await;
    shop.cluster.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_done_with_is_forgotten_and_nothing_else() {
    let mut shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("ROOM", 1_000)]).await;
    let done = shop.place("done", &basket(&[("ROOM", 1)])).await;
    shop.books_close(&[done]).await;
    let connection = shop.books.connection.clone();
    let kept = purge_processed(&connection, Retention::default()).await.unwrap();
    assert_eq!(kept, 0, "it is younger than a day");

    let since = Instant::now();
    shop.send_home(Pool::Payment).await;
    let young = shop.place("young", &basket(&[("ROOM", 1)])).await;
    shop.until_stands(young, Status::Reserved).await;
    let before = stream_state(&connection, names::ORDERS).await.unwrap();
    // Old enough is only what was there before; then everything is, but payment has not seen it.
    let retention = |usual| Retention { usual, pressed: usual };
    let forgotten = purge_processed(&connection, retention(since.elapsed())).await.unwrap();
    assert!(forgotten > 0 && forgotten < before.messages, "{forgotten} of {}", before.messages);
    assert_eq!(purge_processed(&connection, retention(Duration::ZERO)).await.unwrap(), 0);

    shop.call_back(Pool::Payment).await;
    assert_eq!(shop.until_final(&[young]).await[0].status, Status::Fulfilled);
    // Of what is forgotten, the rows still know: the audit has less to compare, and nothing to say.
    shop.close(&[done, young]).await;
}

impl Shop {
    async fn until_refused(&self, problem: &str) {
        let mut number = 0;
        until(problem, async || {
            number += 1;
            let key = format!("{problem}-{number}");
            self.post(0, &key, &basket(&[("ROOM", 1)])).await.body["type"] == problem
        })
        .await;
    }

    async fn until_taken_in(&self, key: &str) {
        until("orders are taken in", async || {
            self.post(0, key, &basket(&[("ROOM", 1)])).await.status == 202
        })
        .await;
    }
}
