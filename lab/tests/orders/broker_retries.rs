//! A record that waits for another try waits at the broker, not in a worker.

use std::time::Duration;

use bytes::Bytes;
use orders::Timestamp;
use streams::{
    Connection, DeliveryHistory, Fetcher, Origin, Publisher, Record, Step, names, retry,
    stream_state,
};
use tokio::time::{Instant, timeout};

use super::events::{created, id, line};
use super::fixtures::basket;
use super::test_cluster::{Shop, until};

const PATIENCE: Duration = Duration::from_secs(30);
/// The tries behind a record whose next wait is at most 200 ms · 2⁴ = 3.2 s, and behind one that waits for half
/// a minute at least.
const TRIES: u32 = 4;
const TRIES_MANY: u32 = 10;
const WAIT_MAX: Duration = Duration::from_millis(3_200);

fn record(key: &str, attempts: u32) -> Record {
    let origin = Origin { stream: names::ORDERS.to_owned(), sequence: 1 };
    let line = Bytes::from(line(&created(key, &basket(&[("RETRY", 1)]))));
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let first_at = Timestamp::from_millis(now as i64);
    Record { line, history: DeliveryHistory { origin, first_at, attempts, replays: 0 } }
}

async fn schedule(connection: &Connection, key: &str, attempts: u32) {
    let message =
        retry::schedule(Step::Charge, id(key), &record(key, attempts), "it failed").unwrap();
    Publisher::new(connection.clone()).publish(&message, PATIENCE).await.unwrap();
}

async fn waiting(connection: &Connection) -> u64 {
    streams::position(connection, &Step::Charge.retries()).await.unwrap().messages_waiting
}

#[tokio::test]
async fn it_comes_back_when_it_is_due_once_and_as_it_was() {
    let shop = Shop::without_workers().await;
    let connection = &shop.books.connection;
    let begun = Instant::now();
    for number in 0..10 {
        schedule(connection, &format!("retry-{number}"), TRIES).await;
    }
    // Nobody pulls; the broker brings them to the step's subject all the same.
    until("all ten are due", async || waiting(connection).await == 10).await;
    assert!(begun.elapsed() < WAIT_MAX + Duration::from_mins(1));

    let mut puller = Fetcher::new(connection.clone(), Step::Charge.retries());
    let mut back = Vec::new();
    while back.len() < 10 {
        for delivery in timeout(PATIENCE, puller.next(10)).await.unwrap().unwrap() {
            back.extend(delivery.records.clone());
            delivery.ack().await;
        }
    }
    back.sort_by(|one, two| one.line.cmp(&two.line));
    let mut sent: Vec<_> =
        (0..10).map(|number| record(&format!("retry-{number}"), TRIES).line).collect();
    for line in &mut sent {
        line.truncate(line.len() - 1);
    }
    sent.sort();
    assert_eq!(back.iter().map(|record| record.line.clone()).collect::<Vec<_>>(), sent);
    assert!(back.iter().all(|record| record.history.attempts == TRIES + 1));
    until("nothing is left at the broker", async || {
        stream_state(connection, names::RETRIES).await.unwrap().messages == 0
    })
    .await;
    shop.cluster.stop().await.unwrap();
}

#[tokio::test]
async fn one_that_is_scheduled_again_replaces_itself() {
    let shop = Shop::without_workers().await;
    let connection = &shop.books.connection;
    schedule(connection, "again", TRIES_MANY).await;
    schedule(connection, "again", TRIES_MANY).await;
    assert_eq!(stream_state(connection, names::RETRIES).await.unwrap().messages, 1);
    shop.cluster.stop().await.unwrap();
}
