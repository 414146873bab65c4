//! Only the stream that was meant can acknowledge an order, which is sent again until it does.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use millrace::keys::Role;
use orders::EventKind;
use serde_json::json;
use streams::{Connection, PublishError, Publisher, batch};

use super::test_edge::DEADLINE;
use crate::raw_nats::RawNats;
use crate::test_servers::TestServers;

/// Long enough for several attempts, each of which the impostor answers.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The edge accepts nothing while the stream is missing, so this uses its publisher.
#[tokio::test]
async fn an_ack_of_another_stream_or_domain_is_not_taken_for_that_of_the_stream_of_orders() {
    let servers = TestServers::start_with_streams().await;
    let publisher = Publisher::new(servers.connect().await);
    let message = batch::message(EventKind::Created, b"{}\n".to_vec(), 1);
    publisher.publish(&message, TIMEOUT).await.unwrap();

    let access = servers.processes.brokers.access(Role::Lab);
    let deleted = RawNats::connect(&access).await.api("STREAM.DELETE.ORDERS_1", &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    for ack in [
        r#"{"stream":"AUDIT_TRAIL","seq":1}"#,
        r#"{"stream":"ORDERS_1","domain":"leaf","seq":1}"#,
        r#"{"seq":1}"#,
    ] {
        let impostor = RawNats::connect(&access).await.impersonate("orders.1.created", ack).await;
        let impostor = tokio::spawn(impostor);
        let result = publisher.publish(&message, TIMEOUT).await;
        assert_eq!(result, Err(PublishError::Unacknowledged), "{ack}");
        impostor.abort();
    }

    let listening = pin!(RawNats::connect(&access).await.two_messages("orders.1.created"));
    let publishing = pin!(publisher.publish(&message, DEADLINE));
    let Either::Left(([first, second], _)) = select(listening, publishing).await else {
        panic!("a message that is not acknowledged is not sent again");
    };
    assert_eq!(first, second);
    assert!(first.0.contains("Nats-Msg-Id: "), "{first:?}");
}

#[tokio::test]
async fn an_ack_of_another_stream_is_no_sign_that_a_lane_answers() {
    let servers = TestServers::start_durable().await;
    let lanes = servers.set_lanes_apart().await;
    let brokers = &servers.processes.brokers.servers;
    let access = servers.processes.brokers.access_to(1, Role::Lab);
    let connection = Connection::open(&access, "test").await.unwrap();
    let publisher = Publisher::new(connection);
    let message = |text: &str| batch::message(EventKind::Created, text.as_bytes().to_vec(), 1);
    publisher.publish(&message("1\n"), DEADLINE).await.unwrap();
    let ack = r#"{"stream":"AUDIT_TRAIL","seq":1}"#;
    let impostor = RawNats::connect(&access).await.impersonate("orders.1.created", ack).await;
    let impostor = tokio::spawn(impostor);
    brokers[0].pause().unwrap();
    let ack = publisher.publish(&message("2\n"), TIMEOUT).await.unwrap();
    assert_eq!(ack.stream, lanes[1].stream());
    impostor.abort();
}
