//! A record that kills every worker that takes it: the third that dies of it alone is the last, it
//! becomes a dead letter, and the orders around it go on.

use std::time::Duration;

use millrace::dead_letters::{ResolveRequest, resolve};
use orders::{Event, EventBody, EventKind, OrderId, Status};
use streams::dead_letter::{Reason, ResolutionKind};
use streams::{Connection, Fetcher, Pool, Profile, Step};
use tokio::time::timeout;

use super::events::{created, id, line};
use super::fixtures::{basket, item};
use super::test_cluster::{Shop, plan};

const PATIENCE: Duration = Duration::from_secs(30);
/// How often a worker may die of a record that it has alone in work.
const DEATHS: usize = 3;

#[tokio::test]
async fn after_three_workers_have_died_of_it() {
    let mut shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("KILL", 10)]).await;
    shop.send_home(Pool::Inventory).await;
    shop.cluster.workers[0].1.set("MILLRACE_CRASH_ON", "deadly");
    let batch = ["kill-first", "kill-itself", "kill-last"].map(|key| line(&order(key)));
    shop.publish(EventKind::Created, &batch).await;
    give_back_twice(&shop.books.connection).await;

    for death in 1..=DEATHS {
        shop.call_back(Pool::Inventory).await;
        shop.until_crashed(Pool::Inventory).await;
        assert_eq!(shop.dead_letters().await, [], "after {death} deaths");
    }
    shop.call_back(Pool::Inventory).await;
    let good: Vec<OrderId> = ["kill-first", "kill-last"].map(id).to_vec();
    let views = shop.until_final(&good).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    let letters = shop.dead_letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].content.reason, Reason::Poison);
    assert_eq!(letters[0].order_id(), Some(id("kill-itself")));
    let connection = shop.books.database.connection().await.unwrap();
    let marks = connection.query("SELECT record FROM workers.taken_alone", &[]).await.unwrap();
    assert_eq!(marks.len(), 1, "the good records leave no mark");
    assert!(!shop.cluster.workers[0].1.has_ended().unwrap());

    // With the fault mended, the order goes on.
    shop.cluster.workers[0].1.set("MILLRACE_CRASH_ON", "");
    shop.call_back(Pool::Inventory).await;
    let replay = ResolveRequest { action: ResolutionKind::Replayed, by: "Ada", why: "mended" };
    resolve(&shop.books.connection, &letters[0], replay).await.unwrap();
    shop.close(&[good[0], good[1], id("kill-itself")]).await;
}

fn order(key: &str) -> Event {
    let mut event = created(key, &basket(&[("KILL", 1)]));
    if let EventBody::Created(created) = &mut event.body {
        created.order.reference = (key == "kill-itself").then(|| "deadly".to_owned());
    }
    event
}

/// As two workers do that take the batch and come to nothing.
async fn give_back_twice(connection: &Connection) {
    let mut puller = Fetcher::new(connection.clone(), Step::Reserve.events());
    for delivered in 1..=2 {
        let deliveries = timeout(PATIENCE, puller.next(1)).await.unwrap().unwrap();
        // What is given back to one who still pulls would come here again.
        puller.nak().await;
        for delivery in deliveries {
            assert_eq!(delivery.delivered, delivered);
            delivery.nak().await;
        }
    }
    connection.flush().await;
}
