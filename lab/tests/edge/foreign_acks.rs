//! Only the stream that was meant can acknowledge an order.

use serde_json::json;

use super::raw_http::ORDER;
use super::test_edge::fresh_key;
use crate::raw_nats::RawNats;
use crate::test_servers::TestServers;

#[tokio::test]
async fn an_ack_of_another_stream_or_domain_is_not_taken_for_that_of_the_stream_of_orders() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    assert_eq!(client.post(&fresh_key(), ORDER).await.status, 202);

    let url = servers.processes.brokers.url();
    let deleted = RawNats::connect(&url).await.api("STREAM.DELETE.ORDERS", &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    for ack in [
        r#"{"stream":"AUDIT_TRAIL","seq":1}"#,
        r#"{"stream":"ORDERS","domain":"leaf","seq":1}"#,
        r#"{"seq":1}"#,
    ] {
        let impostor = RawNats::connect(&url).await.impersonate("orders.created", ack);
        let impostor = tokio::spawn(impostor);
        client.post(&fresh_key(), ORDER).await.assert_problem(503, "ack-timeout");
        impostor.abort();
    }
    edge.stop().await;
}
