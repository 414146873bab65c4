//! Readers of a stream (`audit`, `dead list`, `tail`) whose consumer sends nothing.

use millrace::keys::Role;
use serde_json::{Value, json};
use streams::{Lane, Replay, stream_state};
use tokio::time::timeout;

use super::test_cluster::{DEADLINE, wait_until};
use crate::raw_nats::RawNats;
use crate::test_servers::TestServers;

/// Several times what a consumer sends ahead.
const MESSAGES: u64 = 3_000;

/// A stream of messages, and a reader whose consumer has stopped sending, as one does whose broker
/// cannot read its copy of the stream.
async fn stalled_reader(servers: &TestServers) -> (RawNats, Replay) {
    let connection = servers.connect().await;
    let mut nats = RawNats::connect(&servers.processes.brokers.access(Role::Lab)).await;
    nats.publish("orders.1.created", "{}", MESSAGES as usize).await;
    wait_until("all messages are stored", async || {
        stream_state(&connection, Lane::FIRST.stream()).await.unwrap().messages == MESSAGES
    })
    .await;
    let replay = Replay::from_start(&connection, Lane::FIRST.stream()).await.unwrap();
    let names = nats.api("CONSUMER.NAMES.ORDERS_1", &json!({})).await;
    let names = names["consumers"].as_array().unwrap().clone();
    let pause = json!({"pause_until": "2099-01-01T00:00:00Z"});
    for name in names.iter().filter_map(Value::as_str) {
        let paused = nats.api(&format!("CONSUMER.PAUSE.ORDERS_1.{name}"), &pause).await;
        assert_eq!(paused["paused"], true, "{paused}");
    }
    (nats, replay)
}

#[tokio::test]
async fn a_reader_whose_consumer_stops_sending_reads_on_with_another_one() {
    let servers = TestServers::start_with_streams().await;
    let (_nats, mut replay) = stalled_reader(&servers).await;
    let mut sequences = Vec::new();
    while let Some(message) = timeout(DEADLINE, replay.next_until(MESSAGES)).await.unwrap().unwrap()
    {
        sequences.push(message.origin.sequence);
    }
    assert!(sequences.iter().copied().eq(1..=MESSAGES), "{} messages", sequences.len());
}

#[tokio::test]
async fn a_reader_does_not_end_where_its_consumer_knew_of_no_more_messages() {
    let servers = TestServers::start_with_streams().await;
    let connection = servers.connect().await;
    let mut nats = RawNats::connect(&servers.processes.brokers.access(Role::Lab)).await;
    let mut replay = Replay::from_start(&connection, Lane::FIRST.stream()).await.unwrap();
    // A consumer whose broker lags behind the stream knows as little.
    for sequence in 1..=3 {
        nats.publish("orders.1.created", "{}", 1).await;
        wait_until("the message is stored", async || {
            stream_state(&connection, Lane::FIRST.stream()).await.unwrap().messages == sequence
        })
        .await;
        let message = timeout(DEADLINE, replay.next_until(sequence)).await.unwrap().unwrap();
        assert_eq!(message.map(|message| message.origin.sequence), Some(sequence));
    }
}

#[tokio::test]
async fn a_reader_does_not_wait_for_messages_that_were_removed_while_it_read() {
    let servers = TestServers::start_with_streams().await;
    let (mut nats, mut replay) = stalled_reader(&servers).await;
    let purged = nats.api("STREAM.PURGE.ORDERS_1", &json!({})).await;
    assert_eq!(purged["success"], true, "{purged}");
    let rest = async { while replay.next_until(MESSAGES).await.unwrap().is_some() {} };
    timeout(DEADLINE, rest).await.expect("the reader waits");

    nats.publish("orders.1.created", "{}", 1).await;
    let next = timeout(DEADLINE, replay.next()).await.unwrap().unwrap();
    assert_eq!(next.origin.sequence, MESSAGES + 1);
}
