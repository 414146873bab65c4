//! What a fetcher does with messages of a broker that hung for a while.

use std::time::Duration;

use millrace::keys::Role;
use serde_json::json;
use streams::Fetcher;
use tokio::time::{Instant, sleep};
use workers::stages::FIRST_STEP;

use super::test_edge::DEADLINE;
use crate::raw_nats::RawNats;
use crate::test_servers::TestServers;

#[tokio::test]
async fn a_message_that_comes_after_its_request_was_given_up_is_returned_at_once() {
    let servers = TestServers::start_with_streams().await;
    let mut nats = RawNats::connect(&servers.processes.brokers.access(Role::Lab)).await;
    nats.publish("orders.1.created", "\"late\"", 1).await;
    // From now on the test is the broker that leads the consumer.
    let durable = FIRST_STEP.events().durable;
    let deleted = nats.api(&format!("CONSUMER.DELETE.ORDERS_1.{durable}"), &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    let config = json!({"durable_name": "other", "ack_policy": "explicit"});
    let request = json!({"stream_name": "ORDERS_1", "config": config});
    let created = nats.api("CONSUMER.DURABLE.CREATE.ORDERS_1.other", &request).await;
    assert_eq!(created["num_pending"], 1, "{created}");
    let pull = |consumer: &str| format!("$JS.API.CONSUMER.MSG.NEXT.ORDERS_1.{consumer}");
    let (pulls, other) = (pull(&durable), pull("other"));
    let hangs = tokio::spawn(async move { nats.answer_late(&pulls, &other).await });

    let mut fetcher = Fetcher::new(servers.connect().await, FIRST_STEP.events());
    let started = Instant::now();
    let late = loop {
        assert!(started.elapsed() < DEADLINE, "the message is lost");
        match fetcher.next(1).await {
            Ok(set) => break set,
            Err(_) => sleep(Duration::ZERO).await,
        }
    };
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].records[0].line, "\"late\"".as_bytes());
    hangs.await.unwrap();
}
