//! The id of a request: in its response, in a problem document, and in the log of the edge.

use std::collections::HashSet;

use orders::{CallerName, OrderId};
use streams::Profile;

use super::logged_edge::LoggedEdge;
use super::raw_http::{ORDER, RawHttp, Reply, post, with_headers};
use super::test_edge::{fresh_key, signing_keys};
use crate::test_servers::TestServers;

async fn send(client: &mut RawHttp, request: &str, headers: &str) -> Reply {
    client.send(with_headers(request, headers)).await;
    client.reply().await
}

fn id_of(reply: &Reply) -> String {
    reply.header("request-id").expect("every response has an id").to_owned()
}

#[tokio::test]
async fn every_response_has_the_id_of_its_client_or_one_that_no_other_has() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: edge\r\n\r\n");
    let unknown =
        signing_keys().sign(OrderId::from_bytes([12; 16]), &CallerName::PUBLIC).to_string();
    let requests = [
        (post(&fresh_key(), ORDER), 202),
        (get("/livez"), 200),
        (get(&format!("/v1/orders/{unknown}")), 503),
        (get("/v1/orders/x"), 404),
        (get("/nowhere"), 404),
        (get("/v1/stock/%"), 400),
        (get("/v1/orders:batch"), 405),
        (post("", ORDER), 400),
        (post(&fresh_key(), "{"), 400),
        (post(&fresh_key(), "{}"), 422),
        (get("/livez").replace("host: edge\r\n", ""), 400),
        (get("/livez").replace("host", &format!("cookie: {}\r\nhost", "c".repeat(33 * 1024))), 431),
    ];
    let mut made = HashSet::new();
    for (request, status) in &requests {
        let reply = send(&mut client, request, "request-id: 6fa459ea-ee8a/3ca4\r\n").await;
        assert_eq!((reply.status, &*id_of(&reply)), (*status, "6fa459ea-ee8a/3ca4"));
        let problem = (reply.status >= 400).then(|| reply.json());
        assert!(problem.is_none_or(|problem| problem["request_id"] == "6fa459ea-ee8a/3ca4"));

        let reply = send(&mut client, request, "").await;
        assert_eq!(reply.status, *status);
        let problem = (reply.status >= 400).then(|| reply.json());
        assert!(problem.is_none_or(|problem| problem["request_id"] == id_of(&reply)));
        assert!(made.insert(id_of(&reply)), "made twice: {reply:?}");
    }
    edge.stop().await;
}

#[tokio::test]
async fn an_id_that_is_invalid_or_sent_twice_is_replaced() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    let request = "GET /livez HTTP/1.1\r\nhost: edge\r\n\r\n";
    let longest = "x".repeat(64);
    assert_eq!(
        id_of(&send(&mut client, request, &format!("request-id: {longest}\r\n")).await),
        longest
    );
    for id in ["", "a b", "a\"b", "<script>", "a;b", "%41", "é", &"x".repeat(65)] {
        let reply = send(&mut client, request, &format!("request-id: {id}\r\n")).await;
        assert_eq!((reply.status, id_of(&reply).len()), (200, 32), "{id}");
    }
    let reply = send(&mut client, request, "request-id: a\r\nrequest-id: a\r\n").await;
    assert_eq!((reply.status, id_of(&reply).len()), (200, 32));
    edge.stop().await;
}

#[tokio::test]
async fn the_log_has_the_ids_of_failed_requests_and_not_those_of_orders() {
    let servers = TestServers::shared().await;
    let mut edge = servers.edge_command(Profile::Single);
    edge.env("RUST_LOG", "info,edge=debug");
    let mut edge = LoggedEdge::start(edge).await;

    let mut client = RawHttp::connect(edge.address).await;
    let order = signing_keys().sign(OrderId::from_bytes([13; 16]), &CallerName::PUBLIC).to_string();
    let get = format!("GET /v1/orders/{order} HTTP/1.1\r\nhost: edge\r\n\r\n");
    let failed = send(&mut client, &get, "request-id: failed-1\r\n").await;
    failed.assert_problem(503, "status-unavailable");
    let line = edge.line_with("request failed").await;
    for part in ["WARN", "failed-1", "/v1/orders/{id}", "/problems/status-unavailable", "GET"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!line.contains(&order), "{line}");

    let refused = send(&mut client, &post(&fresh_key(), "{}"), "request-id: refused-2\r\n").await;
    refused.assert_problem(422, "not-an-order");
    let line = edge.line_with("request refused").await;
    for part in ["DEBUG", "refused-2", "/v1/orders", "/problems/not-an-order", "POST", "422"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    edge.kill().await;
}
