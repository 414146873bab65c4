//! A stream that stores no retry or no dead letter holds back the failed records alone: each step goes on
//! with all others.

use std::time::Duration;

use orders::{EventKind, OrderId, Status};
use serde_json::json;
use streams::{Profile, subjects};
use tokio::time::timeout;

use super::authentication::AUTHENTICATED_CARD;
use super::events::{created, ndjson_line, order_id, unprocessable};
use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::{TestCluster, plan, wait_until};

/// Shorter than a minute, after which a worker returns a set that it cannot complete and takes others.
const BEFORE_A_SET_IS_RETURNED: Duration = Duration::from_secs(45);

#[tokio::test]
async fn while_no_retry_is_stored_other_orders_go_on_and_the_failed_record_does_so_afterwards() {
    let mut plan = plan(Profile::Single);
    plan.envs.push(("MILLRACE_PAYMENT_POLL_INTERVAL".to_owned(), "1s".to_owned()));
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("UNSTORED", 100)]).await;
    cluster.stop_webhooks().await;
    cluster.delete_stream(subjects::RETRIES).await;
    let waits_for_buyer = with_payment_token(basket(&[("UNSTORED", 1)]), AUTHENTICATED_CARD);
    // Its record comes back until the buyer has acted, and cannot be scheduled.
    let polled = cluster.publish_created("polled", &waits_for_buyer).await;
    cluster.wait_for_event(polled, EventKind::RequiresAction).await;
    let others = ["one", "two", "three"];
    for key in others {
        let other = cluster.publish_created(key, &waits_for_buyer).await;
        cluster.wait_for_status(other, Status::RequiresAction).await;
        cluster.approve(other).await;
        cluster.publish_submission(key).await;
        cluster.assert_fulfilled_before_the_set_is_returned(other).await;
    }
    cluster.create_streams_anew().await;
    cluster.approve(polled).await;
    assert_eq!(cluster.wait_until_final(&[polled]).await[0].status, Status::Fulfilled);
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn while_no_dead_letter_is_stored_other_orders_go_on_and_it_is_stored_afterwards() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("UNSTORED", 100)]).await;
    cluster.delete_stream(subjects::DEAD_LETTERS).await;
    let poison = unprocessable("poison", &basket(&[("UNSTORED", 1)]));
    cluster.publish(EventKind::Created, &[ndjson_line(&poison)]).await;
    for key in ["one", "two", "three"] {
        let other = cluster.publish_created(key, &basket(&[("UNSTORED", 1)])).await;
        cluster.assert_fulfilled_before_the_set_is_returned(other).await;
    }
    cluster.create_streams_anew().await;
    wait_until("the dead letter is stored", async || {
        let letters = cluster.dead_letters().await;
        letters.iter().any(|letter| letter.order_id() == Some(order_id("poison")))
    })
    .await;
    cluster.processes.stop().await.unwrap();
}

impl TestCluster {
    /// Nothing answers messages for the stream from now on, as while it has no leader.
    async fn delete_stream(&self, stream: &str) {
        let deleted = self.nats().await.api(&format!("STREAM.DELETE.{stream}"), &json!({})).await;
        assert_eq!(deleted["success"], true, "{deleted}");
    }

    async fn assert_fulfilled_before_the_set_is_returned(&self, id: OrderId) {
        let waited = timeout(BEFORE_A_SET_IS_RETURNED, self.wait_until_final(&[id])).await;
        assert_eq!(waited.expect("no loop stops")[0].status, Status::Fulfilled);
    }

    async fn create_streams_anew(&self) {
        let (is_success, log) = self.run(&["migrate", "--begin-anew"]).await;
        assert!(is_success, "{log}");
    }

    /// Publishes an order without an edge: edges accept none while a stream is missing.
    async fn publish_created(&self, key: &str, basket: &serde_json::Value) -> OrderId {
        self.publish(EventKind::Created, &[ndjson_line(&created(key, basket))]).await;
        order_id(key)
    }
}
