//! A worker asks for what it works on next and for nothing in advance, so that what waits is there for
//! whoever is free, and comes together.

use std::time::Duration;

use orders::EventKind;
use streams::{Delivery, Puller, Step, batch};
use tokio::time::timeout;

use crate::events::{created, line};
use crate::goods::basket;
use crate::shop::Shop;

const PATIENCE: Duration = Duration::from_secs(30);

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

fn pull(shop: &Shop) -> Puller {
    Puller::new(shop.books.connection.clone(), Step::Reserve.events())
}

async fn next(puller: &mut Puller, records_wanted: usize) -> Vec<Delivery> {
    timeout(PATIENCE, puller.next(records_wanted)).await.expect("it is with nobody else").unwrap()
}
