//! An event that is stored twice, as when a publisher sends it again after a lost ack: its copies have
//! places of their own in the stream, and come to two workers at once.

use bytes::Bytes;
use orders::{Event, EventKind, OrderId, Status};
use streams::{
    Lane, OutboundMessage, Profile, Publisher, batch, consumer_progress, stream_state, subjects,
};
use workers::{fulfilment, inventory, payment};

use super::events::{PUBLISH_TIMEOUT, ndjson_line, unprocessable};
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
        cluster.store_again(&[id], EventKind::Reserved).await;
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
async fn a_copy_has_no_outcome_of_its_own_unless_it_is_asked_for_or_the_row_does_not_say_who_wrote_it()
 {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("COPY", 100)]).await;
    let paid = basket(&[("COPY", 1)]);
    let declined = with_payment_token(paid.clone(), "tok_chargeDeclined");
    let mut ids = Vec::new();
    for (key, body) in [("one", &paid), ("two", &paid), ("three", &declined), ("four", &declined)] {
        ids.push(cluster.place(key, body).await);
        // One by one, so that the outcome of copies in one message is not a message that is there.
        cluster.wait_until_final(&ids).await;
    }
    let (fulfilled, cancelled) = ids.split_at(2);
    cluster.store_again(fulfilled, EventKind::Created).await;
    cluster.store_again(fulfilled, EventKind::Reserved).await;
    cluster.store_again(fulfilled, EventKind::Paid).await;
    cluster.store_again(cancelled, EventKind::Reserved).await;
    cluster.store_again(cancelled, EventKind::Declined).await;
    cluster.assert_quiescent_and_consistent(&ids).await;
    let stored = [EventKind::Created, EventKind::Reserved, EventKind::Paid, EventKind::Fulfilled];
    assert_eq!(cluster.numbers(fulfilled, stored).await, [2, 2, 2, 1]);
    let stored = [EventKind::Reserved, EventKind::Declined, EventKind::Cancelled];
    assert_eq!(cluster.numbers(cancelled, stored).await, [2, 2, 1]);

    let asking = cluster.copies(fulfilled, EventKind::Created).await.asking_for_answer();
    cluster.publish_message(&asking).await;
    cluster.assert_quiescent_and_consistent(&ids).await;
    // What is asked of the first step is not asked of the next one.
    let stored = [EventKind::Created, EventKind::Reserved, EventKind::Paid];
    assert_eq!(cluster.numbers(fulfilled, stored).await, [3, 3, 2]);

    let connection = cluster.sources.database.connection().await.unwrap();
    let forget = "UPDATE fulfilment.shipments SET written_by = NULL";
    connection.execute(forget, &[]).await.unwrap();
    cluster.store_again(fulfilled, EventKind::Paid).await;
    cluster.assert_quiescent_and_consistent(&ids).await;
    assert_eq!(cluster.numbers(fulfilled, [EventKind::Fulfilled]).await, [2]);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn after_a_crash_before_its_outcome_is_stored_a_message_is_answered_although_a_copy_comes_first()
 {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("COPY", 100)]).await;
    let mut ids = Vec::new();
    for (step, kind) in [
        (inventory::RESERVE, EventKind::Created),
        (payment::CHARGE, EventKind::Reserved),
        (fulfilment::SHIP, EventKind::Paid),
    ] {
        let failpoint = format!("{step}.committed");
        cluster.restart_worker_with_failpoint(step.pool, &failpoint).await;
        let id = cluster.place(&failpoint, &basket(&[("COPY", 1)])).await;
        cluster.wait_for_worker_crash(step.pool).await;
        cluster.store_again(&[id], kind).await;
        cluster.start_worker(step.pool).await;
        let view = cluster.wait_until_final(&[id]).await.remove(0);
        assert_eq!(view.status, Status::Fulfilled, "after a crash at {failpoint}");
        ids.push(id);
    }
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn two_copies_of_a_record_that_no_step_can_process_make_one_dead_letter() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    let poison = unprocessable("poison", &basket(&[("COPY", 1)]));
    let line = Bytes::from(ndjson_line(&poison));
    for _ in 0..2 {
        cluster.publish_message(&batch::republish(EventKind::Created, line.clone())).await;
    }
    let connection = &cluster.sources.connection;
    wait_until("both copies are processed", async || {
        let orders = stream_state(connection, Lane::FIRST.stream()).await.unwrap();
        let reserve = consumer_progress(connection, &inventory::RESERVE.events()).await.unwrap();
        orders.messages == 2 && reserve.is_at_end()
    })
    .await;
    assert_eq!(cluster.messages(subjects::DEAD_LETTERS).await.len(), 1);
    assert_eq!(cluster.dead_letters().await.len(), 1);
    cluster.processes.stop().await.unwrap();
}

impl TestCluster {
    /// Stores these orders' events of this kind again: the same lines, in a message of their own.
    async fn store_again(&self, ids: &[OrderId], kind: EventKind) {
        self.publish_message(&self.copies(ids, kind).await).await;
    }

    pub(crate) async fn publish_message(&self, message: &OutboundMessage) {
        let publisher = Publisher::new(self.sources.connection.clone());
        publisher.publish(message, PUBLISH_TIMEOUT).await.unwrap();
    }

    /// A message with these orders' events of this kind, which are stored already.
    pub(crate) async fn copies(&self, ids: &[OrderId], kind: EventKind) -> OutboundMessage {
        let messages = self.order_messages().await;
        let lines = || messages.iter().flat_map(|message| &message.lines);
        let line = |id: &OrderId| {
            let is_wanted = |line: &&Bytes| {
                let event = serde_json::from_slice::<Event>(line);
                event.is_ok_and(|event| event.order_id == *id && event.body.kind() == kind)
            };
            [&lines().find(is_wanted).unwrap()[..], b"\n"].concat()
        };
        let copies: Vec<Vec<u8>> = ids.iter().map(line).collect();
        batch::republish(kind, copies.concat().into())
    }

    /// How often events of each kind are stored, equally often for each order.
    async fn numbers<const N: usize>(&self, ids: &[OrderId], kinds: [EventKind; N]) -> [usize; N] {
        let mut numbers = Vec::new();
        for id in ids {
            let events = self.events_of(*id).await;
            numbers.push(kinds.map(|kind| events.iter().filter(|event| **event == kind).count()));
        }
        assert!(numbers.iter().all(|of_order| *of_order == numbers[0]), "{numbers:?}");
        numbers[0]
    }
}
