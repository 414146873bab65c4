//! A worker asks for what it works on next and for nothing in advance, so that what waits is there for
//! whoever is free, and comes together.

use std::time::Duration;

use orders::EventKind;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use streams::{Delivery, Fetcher, Step, batch};
use tokio::time::timeout;

use super::events::{created, line};
use super::fixtures::basket;
use super::test_cluster::Shop;

const PATIENCE: Duration = Duration::from_secs(30);
/// What was sent to somebody who has gone comes again after 30 s.
const BEFORE_ACK_WAIT: Duration = Duration::from_secs(15);
const ROUNDS: u32 = 40;
/// By then messages have come, mostly.
const BROUGHT_WITHIN_US: u64 = 5_000;

#[tokio::test]
async fn who_has_a_set_leaves_the_rest_to_the_next_one() {
    let shop = Shop::without_workers().await;
    let batches: [Vec<_>; 4] = std::array::from_fn(|batch| {
        (0..batch::RECORDS_MAX).map(|record| order(&format!("{batch}-{record}"))).collect()
    });
    for batch in &batches {
        shop.publish(EventKind::Created, batch).await;
    }

    let (mut slow, mut quick) = (pull(&shop), pull(&shop));
    let mut taken = Vec::new();
    for puller in [&mut slow, &mut quick] {
        for _ in 0..2 {
            let set = next(puller, batch::RECORDS_MAX).await;
            assert_eq!(set.len(), 1);
            taken.extend(set);
        }
    }

    for delivery in taken {
        assert_eq!(delivery.delivered, 1);
        delivery.ack().await;
    }
    shop.cluster.stop().await.unwrap();
}

#[tokio::test]
async fn many_small_messages_come_together() {
    let shop = Shop::without_workers().await;
    for number in 0..100 {
        shop.publish(EventKind::Created, &[order(&number.to_string())]).await;
    }

    let mut puller = pull(&shop);
    // The first one shows how large they are.
    assert_eq!(next(&mut puller, batch::RECORDS_MAX).await.len(), 1);
    assert_eq!(next(&mut puller, batch::RECORDS_MAX).await.len(), 64);
    assert_eq!(next(&mut puller, batch::RECORDS_MAX).await.len(), 35);

    shop.cluster.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_on_its_way_to_one_who_gives_back_is_with_the_next_one_in_no_time() {
    let seed: u64 = rand::random();
    let mut chance = StdRng::seed_from_u64(seed);
    let shop = Shop::without_workers().await;
    for number in 0..4 * ROUNDS {
        shop.publish(EventKind::Created, &[order(&number.to_string())]).await;
    }

    let mut left = 4 * ROUNDS;
    for _ in 0..ROUNDS {
        let mut leaving = pull(&shop);
        next(&mut leaving, batch::RECORDS_MAX).await.pop().unwrap().ack().await;
        left -= 1;
        // Somewhere between the request and the messages that it brings.
        let moment = Duration::from_micros(chance.random_range(0..BROUGHT_WITHIN_US));
        if let Ok(set) = timeout(moment, leaving.next(batch::RECORDS_MAX)).await {
            for delivery in set.unwrap() {
                delivery.nak().await;
            }
        }
        leaving.nak().await;
    }

    let all_come = async {
        let mut staying = pull(&shop);
        while left > 0 {
            for delivery in staying.next(batch::RECORDS_MAX).await.unwrap() {
                delivery.ack().await;
                left -= 1;
            }
        }
    };
    timeout(BEFORE_ACK_WAIT, all_come)
        .await
        .unwrap_or_else(|_| panic!("one is with nobody; seed {seed}"));
    shop.cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_larger_than_those_before_comes_too() {
    let shop = Shop::without_workers().await;
    let large = format!("{{\"large\":\"{}\"}}\n", "x".repeat(batch::BYTES_MAX / 2));
    for record in [order("small"), order("small-too"), large.clone().into_bytes()] {
        shop.publish(EventKind::Created, &[record]).await;
    }

    let mut puller = pull(&shop);
    assert_eq!(next(&mut puller, 1).await.len(), 1);
    assert_eq!(next(&mut puller, 1).await.len(), 1);
    let set = next(&mut puller, 1).await;
    assert_eq!(set[0].records[0].line, large.trim_end());

    shop.cluster.stop().await.unwrap();
}

fn order(key: &str) -> Vec<u8> {
    line(&created(key, &basket(&[("WAITS", 1)])))
}

fn pull(shop: &Shop) -> Fetcher {
    Fetcher::new(shop.books.connection.clone(), Step::Reserve.events())
}

async fn next(puller: &mut Fetcher, records_wanted: usize) -> Vec<Delivery> {
    timeout(PATIENCE, puller.next(records_wanted)).await.expect("it is with nobody else").unwrap()
}
