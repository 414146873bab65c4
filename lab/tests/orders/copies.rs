//! An event that is stored twice, as when a publisher sends it again after a lost ack: its copies have
//! places of their own in the stream, and come to two workers at once.

use bytes::Bytes;
use orders::{Event, EventBody, EventKind, OrderId, Status};
use streams::{Profile, Publisher, batch, consumer_progress, stream_state, subjects};
use workers::{fulfilment, inventory, payment};

use super::events::{PUBLISH_TIMEOUT, created, ndjson_line};
use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::{TestCluster, plan, wait_until};

/// Long enough for both copies to be in work at once.
const SLOW_PROVIDER: &str = "latency_ms=1000";
const ORDERS: usize = 5;

#[tokio::test]
async fn copies_that_two_workers_charge_at_once_spend_a_single_use_token_once() {
    let mut plan = plan(Profile::Single);
    plan.workers = vec![(inventory::POOL, 1), (payment::POOL, 2), (fulfilment::POOL, 1)];
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("COPY", 100)]).await;
    cluster.set_provider_faults(SLOW_PROVIDER).await;
    let mut ids = Vec::new();
    for number in 0..ORDERS {
        // The response to the call that spends the token is lost.
        let token = format!("tok_once_lost_copy_{number}");
        let order = with_payment_token(basket(&[("COPY", 1)]), &token);
        let id = cluster.place(&format!("copy-{number}"), &order).await;
        cluster.wait_for_event(id, EventKind::Reserved).await;
        cluster.store_again(id, EventKind::Reserved).await;
        ids.push(id);
    }
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled), "{views:?}");
    for id in &ids {
        let events = cluster.events_of(*id).await;
        assert!(!events.contains(&EventKind::Declined), "{events:?}");
    }
    let intents = cluster.sources.provider.list_intents(None).await.unwrap().data;
    let charged = intents.iter().filter(|intent| intent.amount_received > 0).count();
    assert_eq!((intents.len(), charged), (ORDERS, ORDERS));
    cluster.set_provider_faults("latency_ms=0").await;
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn two_copies_of_a_record_that_no_step_can_process_make_one_dead_letter() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    let mut poison = created("poison", &basket(&[("COPY", 1)]));
    if let EventBody::Created(created) = &mut poison.body {
        created.order.reference = Some("PostgreSQL rejects a \0".to_owned());
    }
    let line = Bytes::from(ndjson_line(&poison));
    let publisher = Publisher::new(cluster.sources.connection.clone());
    let copy = batch::republish(EventKind::Created, line);
    for _ in 0..2 {
        publisher.publish(&copy, PUBLISH_TIMEOUT).await.unwrap();
    }
    let connection = &cluster.sources.connection;
    wait_until("both copies are processed", async || {
        let orders = stream_state(connection, subjects::ORDERS).await.unwrap();
        let reserve = consumer_progress(connection, &inventory::RESERVE.events()).await.unwrap();
        orders.messages == 2 && reserve.ack_floor == orders.last_sequence
    })
    .await;
    assert_eq!(cluster.messages(subjects::DEAD_LETTERS).await.len(), 1);
    assert_eq!(cluster.dead_letters().await.len(), 1);
    cluster.processes.stop().await.unwrap();
}

impl TestCluster {
    /// Stores the order's event of this kind again: the same bytes, in a message of its own.
    async fn store_again(&self, id: OrderId, kind: EventKind) {
        let messages = self.messages(subjects::ORDERS).await;
        let is_wanted = |line: &&Bytes| {
            let event = serde_json::from_slice::<Event>(line);
            event.is_ok_and(|event| event.order_id == id && event.body.kind() == kind)
        };
        let line = messages.iter().flat_map(|message| &message.lines).find(is_wanted).unwrap();
        let line = Bytes::from([&line[..], b"\n"].concat());
        let publisher = Publisher::new(self.sources.connection.clone());
        publisher.publish(&batch::republish(kind, line), PUBLISH_TIMEOUT).await.unwrap();
    }
}
