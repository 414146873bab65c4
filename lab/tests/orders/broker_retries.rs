//! A record that waits for a retry waits at the broker, not in a worker.

use std::time::Duration;

use bytes::Bytes;
use orders::Timestamp;
use streams::{
    Connection, DeliveryHistory, Fetcher, Lane, Origin, Publisher, Record, retry, stream_state,
    subjects,
};
use tokio::time::{Instant, timeout};
use workers::payment;

use super::events::{PUBLISH_TIMEOUT, created, ndjson_line};
use super::fixtures::basket;
use super::test_cluster::{TestCluster, wait_until};

const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Attempts after which the next backoff is at most 200 ms · 2⁴ = 3.2 s.
const ATTEMPTS: u32 = 4;
/// Attempts after which the next backoff is at least half a minute.
const ATTEMPTS_MANY: u32 = 10;
/// The longest backoff after [`ATTEMPTS`].
const BACKOFF_MAX: Duration = Duration::from_millis(3_200);

fn record(key: &str, attempts: u32) -> Record {
    let origin = Origin { stream: Lane::FIRST.stream().to_owned(), sequence: 1 };
    let line = Bytes::from(ndjson_line(&created(key, &basket(&[("RETRY", 1)]))));
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let first_at = Timestamp::from_millis(now as i64);
    let history = DeliveryHistory { attempts, ..DeliveryHistory::new(origin, first_at) };
    Record { line, history, stored_at: first_at }
}

async fn schedule(connection: &Connection, key: &str, attempts: u32) {
    let publisher = Publisher::new(connection.clone());
    let now = publisher.broker_time(subjects::RETRIES, PUBLISH_TIMEOUT).await.unwrap();
    let record = record(key, attempts);
    let message = retry::schedule(&payment::CHARGE, &record, "it failed", now).unwrap();
    publisher.publish(&message, PUBLISH_TIMEOUT).await.unwrap();
}

async fn pending_retries(connection: &Connection) -> u64 {
    streams::consumer_progress(connection, &payment::CHARGE.retries())
        .await
        .unwrap()
        .messages_waiting
}

#[tokio::test]
async fn a_retry_is_delivered_once_when_it_is_due_with_its_record_unchanged() {
    let cluster = TestCluster::without_workers().await;
    let connection = &cluster.sources.connection;
    let start = Instant::now();
    for number in 0..10 {
        schedule(connection, &format!("retry-{number}"), ATTEMPTS).await;
    }
    // No client fetches; the broker moves them to the step's subject all the same.
    wait_until("all ten retries are due", async || pending_retries(connection).await == 10).await;
    assert!(start.elapsed() < BACKOFF_MAX + Duration::from_mins(1));

    let mut fetcher = Fetcher::new(connection.clone(), payment::CHARGE.retries());
    let mut delivered = Vec::new();
    while delivered.len() < 10 {
        for delivery in timeout(FETCH_TIMEOUT, fetcher.next(10)).await.unwrap().unwrap() {
            delivered.extend(delivery.records.clone());
            delivery.ack().await;
        }
    }
    delivered.sort_by(|one, two| one.line.cmp(&two.line));
    let mut scheduled: Vec<_> =
        (0..10).map(|number| record(&format!("retry-{number}"), ATTEMPTS).line).collect();
    for line in &mut scheduled {
        line.truncate(line.len() - 1);
    }
    scheduled.sort();
    assert_eq!(delivered.iter().map(|record| record.line.clone()).collect::<Vec<_>>(), scheduled);
    assert!(delivered.iter().all(|record| record.history.attempts == ATTEMPTS + 1));
    wait_until("nothing is left at the broker", async || {
        stream_state(connection, subjects::RETRIES).await.unwrap().messages == 0
    })
    .await;
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn a_record_that_is_scheduled_again_replaces_its_earlier_retry() {
    let cluster = TestCluster::without_workers().await;
    let connection = &cluster.sources.connection;
    schedule(connection, "again", ATTEMPTS_MANY).await;
    schedule(connection, "again", ATTEMPTS_MANY).await;
    assert_eq!(stream_state(connection, subjects::RETRIES).await.unwrap().messages, 1);
    cluster.processes.stop().await.unwrap();
}
