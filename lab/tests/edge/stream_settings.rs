//! An edge accepts orders only while the streams are what the promise rests on.

use millrace::keys::Role;
use serde_json::json;
use streams::{Connection, Lane, broker_api, lanes, stream_state};
use tokio::time::Instant;

use super::broker_outage::wait_for_readyz;
use super::raw_http::{ORDER, RawHttp};
use super::test_edge::{DEADLINE, fresh_key};
use crate::raw_nats::RawNats;
use crate::test_servers::{TestServers, wait_until};

impl TestServers {
    pub(crate) async fn nats(&self) -> RawNats {
        RawNats::connect(&self.processes.brokers.access(Role::Lab)).await
    }
}

/// Waits until `/readyz` gives a reason that contains `expected`, and asserts that orders are refused.
async fn assert_closed(client: &mut RawHttp, expected: &str) {
    let reason = wait_for_readyz(client, 503).await;
    assert!(reason.contains(expected), "{expected}: {reason}");
    client.post(&fresh_key(), ORDER).await.assert_problem(503, "not-durable");
}

async fn assert_open(client: &mut RawHttp) {
    wait_for_readyz(client, 200).await;
    assert_eq!(client.post(&fresh_key(), ORDER).await.status, 202);
}

#[tokio::test]
async fn a_setting_that_would_lose_orders_closes_intake_until_it_is_undone() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let mut nats = servers.nats().await;
    let hour = 3_600_000_000_000_u64;
    for (stream, setting, value, expected) in [
        ("ORDERS_1", "max_age", json!(hour), "ORDERS_1: max age is 1h, expected no limit"),
        ("ORDERS_1", "max_msg_size", json!(1_000), "ORDERS_1: max message size is 1000, expected"),
        ("ORDERS_1", "discard", json!("old"), "ORDERS_1: discard policy is old, expected new"),
        ("ORDERS_1", "max_msgs", json!(1_000_000), "ORDERS_1: max messages is 1000000, expected"),
        ("RETRIES", "max_age", json!(hour), "RETRIES: max age is 1h, expected no limit"),
        ("DEAD_LETTERS", "discard", json!("old"), "DEAD_LETTERS: discard policy is old"),
    ] {
        let before = nats.edit_stream(stream, setting, value).await;
        assert_closed(&mut client, expected).await;
        nats.api(&format!("STREAM.UPDATE.{stream}"), &before).await;
        assert_open(&mut client).await;
    }
    // What an operator may want closes nothing.
    nats.edit_stream("ORDERS_1", "max_bytes", json!(8_u64 << 30)).await;
    assert_open(&mut client).await;
    edge.stop().await;
}

#[tokio::test]
async fn a_lane_is_closed_for_its_settings_also_while_another_stream_does_not_reply() {
    let servers = TestServers::start_durable().await;
    let lanes = lanes(&servers.connect().await).await.unwrap();
    servers.set_lanes_apart().await;
    let retries = servers.processes.brokers.servers[2].name();
    servers.move_stream("RETRIES", retries).await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    assert_open(&mut client).await;
    let connection =
        Connection::open(&servers.processes.brokers.access_to(0, Role::Lab), "test").await;
    let connection = connection.unwrap();
    let stored = async |lane: &Lane| {
        stream_state(&connection, lane.stream()).await.map_or(u64::MAX, |state| state.messages)
    };
    let info = broker_api(&connection, "STREAM.INFO.ORDERS_1", &json!({})).await.unwrap();
    let mut config = info["config"].clone();
    config["max_age"] = json!(3_600_000_000_000_u64);
    servers.processes.brokers.servers[2].pause().unwrap();
    // It may be the broker that edits streams, until another one is elected.
    wait_until("the stream is edited", async || {
        broker_api(&connection, "STREAM.UPDATE.ORDERS_1", &config).await.is_ok()
    })
    .await;
    wait_until("orders go to another lane", async || {
        let before = stored(&lanes[1]).await;
        let is_accepted = client.post(&fresh_key(), ORDER).await.status == 202;
        let after = stored(&lanes[1]).await;
        is_accepted && after > before && after < u64::MAX
    })
    .await;
    servers.processes.brokers.servers[2].resume().unwrap();
    edge.stop().await;
}

#[tokio::test]
async fn fewer_replicas_than_the_profile_says_close_a_lane_and_intake_once_no_lane_is_left() {
    let servers = TestServers::start_durable().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let mut nats = servers.nats().await;
    let connection = servers.connect().await;
    let lanes = lanes(&connection).await.unwrap();
    let mut before = Vec::new();
    for lane in &lanes {
        assert_open(&mut client).await;
        let config = nats.edit_stream(lane.stream(), "num_replicas", json!(1)).await;
        before.push((lane, config));
    }
    for lane in &lanes {
        let expected = format!("{lane}: replicas is 1, expected 3");
        assert_closed(&mut client, &expected).await;
    }
    let restarted = servers.start_edge().await;
    let mut restarted_client = restarted.connect().await;
    assert_closed(&mut restarted_client, "ORDERS_1: replicas is 1, expected 3").await;
    // One lane that keeps what it acknowledges is enough, and the others get nothing.
    let (last, config) = &before[before.len() - 1];
    nats.api(&format!("STREAM.UPDATE.{last}"), config).await;
    assert_open(&mut client).await;
    assert_open(&mut restarted_client).await;
    let stored =
        async |lane: &Lane| stream_state(&connection, lane.stream()).await.unwrap().messages;
    for lane in &lanes {
        let stored_before = stored(lane).await;
        assert_eq!(client.post(&fresh_key(), ORDER).await.status, 202);
        assert_eq!(stored(lane).await - stored_before, u64::from(lane == *last), "{lane}");
    }
    edge.stop().await;
    restarted.stop().await;
}

#[tokio::test]
async fn a_stream_that_acknowledges_before_it_writes_closes_intake() {
    let servers = TestServers::start_with_streams().await;
    let mut nats = servers.nats().await;
    let info = nats.api("STREAM.INFO.ORDERS_1", &json!({})).await;
    // It cannot be changed in a stream that exists.
    nats.api("STREAM.DELETE.ORDERS_1", &json!({})).await;
    let mut config = info["config"].clone();
    config["persist_mode"] = json!("async");
    let created = nats.api("STREAM.CREATE.ORDERS_1", &config).await;
    assert_eq!(created["config"]["persist_mode"], "async", "{created}");
    let edge = servers.start_edge().await;
    let expected = "ORDERS_1: persist mode is async, expected default";
    assert_closed(&mut edge.connect().await, expected).await;
    edge.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_missing_or_created_again_closes_intake_until_a_person_has_decided() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    assert_open(&mut client).await;
    servers.nats().await.api("STREAM.DELETE.ORDERS_1", &json!({})).await;
    assert_closed(&mut client, "ORDERS_1: stream is missing").await;
    servers.create_streams().await;
    let deadline = Instant::now() + DEADLINE;
    loop {
        let reason = wait_for_readyz(&mut client, 503).await;
        if reason.contains("ORDERS_1: stream is another one") {
            assert!(reason.contains("restart the edges"), "{reason}");
            break;
        }
        assert!(Instant::now() < deadline, "{reason}");
    }
    edge.stop().await;
    let edge = servers.start_edge().await;
    assert_open(&mut edge.connect().await).await;
    edge.stop().await;
}

#[tokio::test]
async fn a_stream_that_is_emptied_closes_intake_until_a_person_has_decided() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    assert_open(&mut client).await;
    let mut nats = servers.nats().await;
    // The edge knows the orders that it saw in the stream at its last look, once a second.
    while client.get("/readyz").await.status == 200 {
        client.post(&fresh_key(), ORDER).await;
        let purged = nats.api("STREAM.PURGE.ORDERS_1", &json!({})).await;
        assert_eq!(purged["success"], true, "{purged}");
    }
    assert_closed(&mut client, "ORDERS_1: messages is purged by hand").await;
    edge.stop().await;
    let edge = servers.start_edge().await;
    assert_open(&mut edge.connect().await).await;
    edge.stop().await;
}

#[tokio::test]
async fn a_broker_that_takes_no_whole_message_closes_intake_until_it_does() {
    let mut servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    assert_open(&mut edge.connect().await).await;
    servers.set_max_payload("1MB", "256KB").await;
    let mut client = edge.connect().await;
    let expected = "max_payload is 262144, expected at least 1048576";
    wait_until("the broker's limit closes intake", async || {
        let readiness = client.get("/readyz").await;
        readiness.status == 503 && readiness.body.contains(expected)
    })
    .await;
    client.post(&fresh_key(), ORDER).await.assert_problem(503, "not-durable");
    servers.set_max_payload("256KB", "1MB").await;
    assert_open(&mut edge.connect().await).await;
    edge.stop().await;
}

impl TestServers {
    /// Restarts the broker with another limit of messages.
    async fn set_max_payload(&mut self, before: &str, after: &str) {
        let config = self.folder.path().join("brokers/shared.conf");
        let text = std::fs::read_to_string(&config).unwrap();
        let (before, after) = (format!("max_payload: {before}"), format!("max_payload: {after}"));
        assert!(text.contains(&before));
        std::fs::write(&config, text.replace(&before, &after)).unwrap();
        let brokers = &mut self.processes.brokers;
        brokers.servers[0].stop().await.unwrap();
        brokers.start().await.unwrap();
    }
}
