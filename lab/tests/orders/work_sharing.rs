//! A worker fetches the batch that it processes next and nothing in advance, so that waiting
//! messages go to any free worker, and arrive together.

use std::time::Duration;

use orders::EventKind;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use streams::{Delivery, Fetcher, batch};
use tokio::time::timeout;
use workers::inventory;

use super::events::{created, ndjson_line};
use super::fixtures::basket;
use super::test_cluster::TestCluster;

const FETCH_TIMEOUT: Duration = Duration::from_secs(30);
/// Less than the 30 s after which a message sent to a stopped worker is redelivered.
const BEFORE_ACK_WAIT: Duration = Duration::from_secs(15);
const ROUNDS: u32 = 40;
/// Time by which most messages have arrived, in microseconds.
const DELIVERY_TIME_MAX_US: u64 = 5_000;

#[tokio::test]
async fn a_worker_that_holds_a_batch_leaves_the_others_to_other_workers() {
    let cluster = TestCluster::without_workers().await;
    let batches: [Vec<_>; 4] = std::array::from_fn(|batch| {
        (0..batch::RECORDS_MAX).map(|record| order(&format!("{batch}-{record}"))).collect()
    });
    for batch in &batches {
        cluster.publish(EventKind::Created, batch).await;
    }

    let (mut slow, mut quick) = (fetcher(&cluster), fetcher(&cluster));
    let mut deliveries = Vec::new();
    for fetcher in [&mut slow, &mut quick] {
        for _ in 0..2 {
            let set = next(fetcher, batch::RECORDS_MAX).await;
            assert_eq!(set.len(), 1);
            deliveries.extend(set);
        }
    }

    for delivery in deliveries {
        assert_eq!(delivery.delivered, 1);
        delivery.ack().await;
    }
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn many_small_messages_are_fetched_together() {
    let cluster = TestCluster::without_workers().await;
    for number in 0..100 {
        cluster.publish(EventKind::Created, &[order(&number.to_string())]).await;
    }

    let mut fetcher = fetcher(&cluster);
    // The first message shows how many records each has.
    assert_eq!(next(&mut fetcher, batch::RECORDS_MAX).await.len(), 1);
    assert_eq!(next(&mut fetcher, batch::RECORDS_MAX).await.len(), 64);
    assert_eq!(next(&mut fetcher, batch::RECORDS_MAX).await.len(), 35);

    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn messages_in_flight_to_a_worker_that_stops_are_redelivered_at_once() {
    let seed: u64 = rand::random();
    let mut rng = StdRng::seed_from_u64(seed);
    let cluster = TestCluster::without_workers().await;
    for number in 0..4 * ROUNDS {
        cluster.publish(EventKind::Created, &[order(&number.to_string())]).await;
    }

    let mut remaining = 4 * ROUNDS;
    for _ in 0..ROUNDS {
        let mut stopping = fetcher(&cluster);
        next(&mut stopping, batch::RECORDS_MAX).await.pop().unwrap().ack().await;
        remaining -= 1;
        // A random time between the request and the arrival of its messages.
        let delay = Duration::from_micros(rng.random_range(0..DELIVERY_TIME_MAX_US));
        if let Ok(set) = timeout(delay, stopping.next(batch::RECORDS_MAX)).await {
            for delivery in set.unwrap() {
                delivery.nak().await;
            }
        }
        stopping.nak().await;
    }

    let drain = async {
        let mut running = fetcher(&cluster);
        while remaining > 0 {
            for delivery in running.next(batch::RECORDS_MAX).await.unwrap() {
                delivery.ack().await;
                remaining -= 1;
            }
        }
    };
    timeout(BEFORE_ACK_WAIT, drain)
        .await
        .unwrap_or_else(|_| panic!("a message is not redelivered; seed {seed}"));
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn a_message_larger_than_those_before_it_is_fetched() {
    let cluster = TestCluster::without_workers().await;
    let large = format!("{{\"large\":\"{}\"}}\n", "x".repeat(batch::BYTES_MAX / 2));
    for record in [order("small"), order("small-too"), large.clone().into_bytes()] {
        cluster.publish(EventKind::Created, &[record]).await;
    }

    let mut fetcher = fetcher(&cluster);
    assert_eq!(next(&mut fetcher, 1).await.len(), 1);
    assert_eq!(next(&mut fetcher, 1).await.len(), 1);
    let set = next(&mut fetcher, 1).await;
    assert_eq!(set[0].records[0].line, large.trim_end());

    cluster.processes.stop().await.unwrap();
}

fn order(key: &str) -> Vec<u8> {
    ndjson_line(&created(key, &basket(&[("WAITING", 1)])))
}

fn fetcher(cluster: &TestCluster) -> Fetcher {
    Fetcher::new(cluster.sources.connection.clone(), inventory::RESERVE.events())
}

async fn next(fetcher: &mut Fetcher, records_wanted: usize) -> Vec<Delivery> {
    timeout(FETCH_TIMEOUT, fetcher.next(records_wanted)).await.expect("fetch timed out").unwrap()
}
