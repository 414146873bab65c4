//! What a broker refuses for good holds back nothing else.

use millrace::keys::Role;
use orders::{EventKind, OrderId, Status};
use serde_json::json;
use streams::{Lane, Profile, consumer_progress, stream_state, subjects};
use workers::inventory;

use super::events::{created, ndjson_line, order_id};
use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::raw_nats::RawNats;

/// Its JSON text is six times as long, and longer than any message.
const UNPRINTABLE_BYTES: usize = 200_000;

#[tokio::test]
async fn a_record_whose_dead_letter_is_longer_than_any_message_holds_back_no_neighbour() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    let bad = [vec![1; UNPRINTABLE_BYTES], b"\n".to_vec()].concat();
    let good = cluster.publish_around(&bad).await;
    cluster.assert_fulfilled(&good).await;
    wait_until("the bad record is a dead letter", async || {
        !cluster.dead_letters().await.is_empty()
    })
    .await;
    let letters = cluster.dead_letters().await;
    assert_eq!(letters.len(), 1);
    assert!(letters[0].content.record.starts_with("\u{1}\u{1}"));
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn a_full_stream_of_dead_letters_holds_back_no_neighbour_of_a_bad_record() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    let mut nats = RawNats::connect(&cluster.processes.servers.brokers.access(Role::Lab)).await;
    let info = nats.api("STREAM.INFO.DEAD_LETTERS", &json!({})).await;
    let mut config = info["config"].clone();
    config["max_bytes"] = json!(1);
    let updated = nats.api("STREAM.UPDATE.DEAD_LETTERS", &config).await;
    assert_eq!(updated["config"]["max_bytes"], 1, "{updated}");

    let good = cluster.publish_around(b"not an event\n").await;
    cluster.assert_fulfilled(&good).await;
    let connection = &cluster.sources.connection;
    let letters = stream_state(connection, subjects::DEAD_LETTERS).await.unwrap();
    assert_eq!(letters.messages, 0, "the stream has no room");
    config["max_bytes"] = info["config"]["max_bytes"].clone();
    nats.api("STREAM.UPDATE.DEAD_LETTERS", &config).await;
    wait_until("the dead letter is stored once there is room", async || {
        stream_state(connection, subjects::DEAD_LETTERS).await.unwrap().messages == 1
    })
    .await;
    wait_until("inventory no longer holds the message", async || {
        consumer_progress(connection, &inventory::RESERVE.events()).await.unwrap().is_at_end()
    })
    .await;
    let orders = stream_state(connection, Lane::FIRST.stream()).await.unwrap();
    assert!(orders.messages > 0, "the record itself is kept where it was");
    cluster.processes.stop().await.unwrap();
}

impl TestCluster {
    /// Publishes a batch of two orders with `bad` between them.
    async fn publish_around(&self, bad: &[u8]) -> [OrderId; 2] {
        self.load_catalog(&[item("BESIDE", 10)]).await;
        let good = |key| ndjson_line(&created(key, &basket(&[("BESIDE", 1)])));
        let batch = [good("before"), bad.to_vec(), good("after")];
        self.publish(EventKind::Created, &batch).await;
        ["before", "after"].map(order_id)
    }

    async fn assert_fulfilled(&self, ids: &[OrderId]) {
        let views = self.wait_until_final(ids).await;
        assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    }
}
