//! How long a message is waited for, and when it is sent into another lane.

use std::time::Duration;

use millrace::keys::Role;
use orders::EventKind;
use streams::{
    Connection, Lane, OutboundMessage, PublishError, Publisher, Routes, Topology, batch,
    ensure_topology, set_lane_limit,
};
use tokio::time::timeout;
use workers::stages;

use super::test_edge::DEADLINE;
use crate::raw_nats::RawNats;
use crate::test_servers::{TestServers, wait_until};

/// Shorter than an election.
const TIMEOUT: Duration = Duration::from_secs(3);
/// A leader that gets more messages than it can process says so.
const TOO_MANY: &str = r#"{"stream":"ORDERS_1","seq":0,"error":{"code":429,"err_code":10167}}"#;
/// A message with the same id is being processed.
const IN_PROCESS: &str = r#"{"stream":"ORDERS_1","seq":0,"error":{"code":409,"err_code":10158}}"#;

fn message(text: &str) -> OutboundMessage {
    batch::message(EventKind::Created, format!("\"{text}\"\n").into_bytes(), 1)
}

#[tokio::test]
async fn a_message_is_waited_for_until_its_timeout_while_no_broker_is_connected() {
    let mut servers = TestServers::start_with_streams().await;
    let connection = servers.connect().await;
    let publisher = Publisher::new(connection.clone());
    publisher.publish(&message("first"), TIMEOUT).await.unwrap();
    servers.processes.brokers.servers[0].kill().await.unwrap();
    wait_until("the connection is lost", async || !connection.is_connected()).await;
    let message = message("second");
    let publish = timeout(DEADLINE, publisher.publish(&message, TIMEOUT));
    assert_eq!(publish.await.expect("it has a timeout"), Err(PublishError::Unacknowledged));
}

#[tokio::test]
async fn a_message_waits_for_a_busy_lane_and_is_not_sent_into_another_one() {
    let servers = TestServers::start(streams::Profile::Single).await;
    let connection = servers.connect().await;
    let topology = Topology { lanes: 3, ..Topology::new(servers.profile) };
    ensure_topology(&connection, &topology, &stages::steps()).await.unwrap();
    let publisher = Publisher::new(connection);
    for reply in [TOO_MANY, IN_PROCESS] {
        let leader = RawNats::connect(&servers.processes.brokers.access(Role::Lab)).await;
        let leader = tokio::spawn(leader.impersonate("orders.1.created", reply).await);
        for number in 0..20 {
            let message = message(&format!("{reply} {number}"));
            let ack = publisher.publish(&message, DEADLINE).await.unwrap();
            assert_eq!(ack.stream, "ORDERS_1", "{reply}");
        }
        leader.abort();
    }
}

#[tokio::test]
async fn after_one_lane_has_refused_a_message_no_other_one_that_hangs_is_waited_for() {
    let servers = TestServers::start_durable().await;
    let lanes = servers.set_lanes_apart().await;
    let publisher = servers.publisher().await;
    publisher.publish(&message("first"), DEADLINE).await.unwrap();
    let connection =
        Connection::open(&servers.processes.brokers.access_to(2, Role::Lab), "test").await;
    set_lane_limit(&connection.unwrap(), lanes[0], 1).await.unwrap();
    servers.processes.brokers.servers[1].pause().unwrap();
    let ack = publisher.publish(&message("second"), TIMEOUT).await.unwrap();
    assert_eq!(Lane::of_stream(&ack.stream), Some(lanes[2]));
}

impl TestServers {
    /// A publisher with a connection to each broker.
    async fn publisher(&self) -> Publisher {
        let access = self.processes.brokers.access(Role::Lab);
        let routes = Routes::to_each_broker(self.connect().await, &access, "test").await.unwrap();
        Publisher::new(routes)
    }
}
