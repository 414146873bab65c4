//! A worker whose provider is slow asks for no more than it works on, so that what waits is there for
//! the workers that are started to help it.

use std::time::Duration;

use orders::EventKind;
use streams::{Delivery, Profile, Puller, Step, batch};
use tokio::time::timeout;
use workers::{RECORDS_AHEAD, SET_RECORDS_MAX};

use crate::events::{created, line};
use crate::goods::{basket, item};
use crate::shop::{Shop, plan};

const PATIENCE: Duration = Duration::from_secs(30);
const MESSAGES: usize = 4;

#[tokio::test]
async fn a_puller_that_holds_back_has_one_batch_and_the_next_one_has_the_rest() {
    let mut plan = plan(Profile::Single);
    plan.workers.clear();
    let shop = Shop::open(plan).await;
    shop.sell(&[item("SLOW", 1)]).await;
    for message in 0..MESSAGES {
        let order =
            |record| line(&created(&format!("slow-{message}-{record}"), &basket(&[("SLOW", 1)])));
        let lines: Vec<_> = (0..batch::RECORDS_MAX).map(order).collect();
        shop.publish(EventKind::Created, &lines).await;
    }
    let open = || Puller::new(shop.books.connection.clone(), Step::Reserve.events(), RECORDS_AHEAD);

    let (mut slow, mut quick) = (open(), open());
    slow.hold_back(true);
    let held = next(&mut slow).await;
    assert_eq!(held.len(), 1);
    let mut rest = Vec::new();
    while rest.len() < MESSAGES - 1 {
        rest.extend(next(&mut quick).await);
    }

    for delivery in held.into_iter().chain(rest) {
        assert_eq!(delivery.delivered, 1);
        delivery.ack().await;
    }
    shop.cluster.stop().await.unwrap();
}

async fn next(puller: &mut Puller) -> Vec<Delivery> {
    timeout(PATIENCE, puller.next(SET_RECORDS_MAX))
        .await
        .expect("what waits is with the other one")
        .unwrap()
}
