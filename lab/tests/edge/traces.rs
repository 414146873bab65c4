//! The trace of a request (W3C Trace Context) is kept with its orders, and named in the log.

use serde_json::Value;
use streams::Profile;

use super::logged_edge::LoggedEdge;
use super::raw_http::{ORDER, RawHttp, post, with_headers};
use super::test_edge::{fresh_key, order_id};
use crate::test_servers::TestServers;

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test]
async fn an_order_is_stored_with_the_trace_of_its_request_if_that_is_valid() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let upper = TRACE.to_uppercase();
    let zero = TRACE.replace(TRACE_ID, &"0".repeat(32));
    let later = TRACE.replacen("00", "01", 1);
    let twice = format!("traceparent: {TRACE}\r\ntraceparent: {TRACE}\r\n");
    let cases = [
        (format!("traceparent: {TRACE}\r\n"), Some(TRACE)),
        (String::new(), None),
        (format!("traceparent: {upper}\r\n"), None),
        (format!("traceparent: {zero}\r\n"), None),
        (format!("traceparent: {later}\r\n"), None),
        ("traceparent: x\r\ntracestate: a=b\r\n".to_owned(), None),
        (twice, None),
    ];
    for (headers, expected) in cases {
        client.send(with_headers(&post(&fresh_key(), ORDER), &headers)).await;
        let reply = client.reply().await;
        assert_eq!(reply.status, 202, "{headers}");
        let stored = servers.stored_events_of(order_id(&reply.json())).await;
        assert_eq!(stored[0].get("traceparent").and_then(Value::as_str), expected, "{headers}");
        let names: Vec<_> = stored[0].as_object().unwrap().keys().collect();
        assert_eq!(names.len(), 3 + usize::from(expected.is_some()), "{names:?}");
    }
    edge.stop().await;
}

#[tokio::test]
async fn each_order_of_a_batch_has_the_trace_of_the_request() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let line = |_| format!("{{\"idempotency_key\":\"{}\",\"order\":{ORDER}}}\n", fresh_key());
    let lines = (0..3).map(line).collect::<Vec<_>>().concat();
    client
        .send(format!(
            "POST /v1/orders:batch HTTP/1.1\r\nhost: edge\r\ntraceparent: {TRACE}\r\n\
             content-type: application/x-ndjson\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{lines}",
            lines.len()
        ))
        .await;
    let response = client.rest().await;
    let answers = response.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let ids: Vec<_> = answers.filter(Value::is_object).map(|it| order_id(&it)).collect();
    assert_eq!(ids.len(), 3, "{response}");
    for id in ids {
        assert_eq!(servers.stored_events_of(id).await[0]["traceparent"], TRACE);
    }
    edge.stop().await;
}

#[tokio::test]
async fn the_log_names_the_trace_of_a_refused_request() {
    let servers = TestServers::shared().await;
    let mut edge = servers.edge_command(Profile::Single);
    edge.env("RUST_LOG", "info,edge=debug");
    let mut edge = LoggedEdge::start(edge).await;
    let mut client = RawHttp::connect(edge.address).await;
    for (headers, is_traced) in
        [(format!("traceparent: {TRACE}\r\n"), true), (String::new(), false)]
    {
        client.send(with_headers(&post(&fresh_key(), "{}"), &headers)).await;
        client.reply().await.assert_problem(422, "not-an-order");
        let line = edge.line_with("request refused").await;
        assert_eq!(line.contains(&format!("trace_id=\"{TRACE_ID}\"")), is_traced, "{line}");
    }
    edge.kill().await;
}
