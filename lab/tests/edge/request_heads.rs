//! Heads that are valid HTTP and still not what the API takes: refused, with nothing stored.

use orders::OrderId;

use super::raw_http::{ORDER, RawHttp, Reply, post};
use super::test_edge::fresh_key;
use crate::test_servers::TestServers;

async fn send(client: &mut RawHttp, request: String) -> Reply {
    client.send(request).await;
    client.reply().await
}

#[tokio::test]
async fn a_post_with_a_query_or_a_coded_body_stores_nothing() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let key = fresh_key();
    let good = post(&key, ORDER);
    let mut client = edge.connect().await;
    let dry_run = good.replace("/v1/orders ", "/v1/orders?dry_run=true ");
    let reply = send(&mut client, dry_run).await;
    reply.assert_problem(400, "unknown-parameter");
    assert!(reply.json()["detail"].as_str().unwrap().contains("dry_run"));

    let compressed = good.replace("content-length", "content-encoding: gzip\r\ncontent-length");
    let reply = send(&mut client, compressed).await;
    reply.assert_problem(415, "unsupported-content-encoding");
    assert_eq!(reply.header("accept-encoding"), Some("identity"));

    let two_types = good.replace("content-length", "content-type: text/plain\r\ncontent-length");
    send(&mut client, two_types).await.assert_problem(415, "wrong-media-type");

    let chunks = format!("{:x}\r\n{ORDER}\r\n0\r\n\r\n", ORDER.len());
    let length = format!("content-length: {}", ORDER.len());
    let coded = good.replace(&length, "transfer-encoding: gzip, chunked").replace(ORDER, &chunks);
    send(&mut edge.connect().await, coded).await.assert_problem(501, "unsupported-transfer-coding");

    let id = OrderId::derive(&orders::CallerName::PUBLIC, &key.parse().unwrap());
    // The stream has every earlier order before this one.
    assert_eq!(edge.connect().await.post(&fresh_key(), ORDER).await.status, 202);
    assert!(servers.stored_events_of(id).await.is_empty());
    edge.stop().await;
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_is_refused() {
    let edge = TestServers::shared().await.start_edge().await;
    for hosts in ["", "host: edge\r\nhost: edge\r\n"] {
        let request = format!("GET /livez HTTP/1.1\r\n{hosts}\r\n");
        send(&mut edge.connect().await, request).await.assert_problem(400, "invalid-host");
    }
    let old = "GET /livez HTTP/1.0\r\n\r\n".to_owned();
    assert_eq!(send(&mut edge.connect().await, old).await.status, 200);
    edge.stop().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_gets_a_problem() {
    let edge = TestServers::shared().await.start_edge().await;
    let cookie = "c".repeat(33 * 1024);
    let request = format!("GET /livez HTTP/1.1\r\nhost: edge\r\ncookie: {cookie}\r\n\r\n");
    let mut client = edge.connect().await;
    send(&mut client, request).await.assert_problem(431, "headers-too-large");
    assert_eq!(client.get("/livez").await.status, 200, "the connection stays open");
    edge.stop().await;
}

#[tokio::test]
async fn a_quoted_key_and_the_bare_one_name_the_same_order() {
    let edge = TestServers::shared().await.start_edge().await;
    let key = fresh_key();
    let mut client = edge.connect().await;
    let bare = client.post(&key, ORDER).await;
    let quoted = client.post(&format!("\"{key}\""), ORDER).await;
    assert_eq!((bare.status, quoted.status), (202, 202));
    assert_eq!(bare.json()["order_id"], quoted.json()["order_id"]);
    edge.stop().await;
}

/// More than the window of a connection, and less than is read of a refused body.
const UPLOAD_BYTES: usize = 300 * 1024;
const UPLOADS: usize = 30;

#[tokio::test]
async fn a_client_that_sends_its_whole_body_before_it_reads_sees_why_it_is_refused() {
    let edge = TestServers::shared().await.start_edge().await;
    let body = " ".repeat(UPLOAD_BYTES);
    for _ in 0..UPLOADS {
        let mut client = edge.connect().await;
        client.send_all(post(&fresh_key(), &body)).await.expect("the upload is cut off");
        client.reply().await.assert_problem(413, "body-too-large");
        let without_key = post("", &body[..UPLOAD_BYTES / 2]);
        client.send_all(without_key).await.expect("the connection stays open");
        client.reply().await.assert_problem(400, "idempotency-key-invalid");
    }
    edge.stop().await;
}
