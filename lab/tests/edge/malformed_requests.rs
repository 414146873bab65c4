//! Faulty and malicious clients get a clear response or a closed connection, and harm no others.

use tokio::time::timeout;

use super::raw_http::{ORDER, RawHttp, post};
use super::test_edge::{DEADLINE, fresh_key};
use crate::test_servers::TestServers;

#[tokio::test]
async fn a_truncated_request_stores_no_event() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let key = fresh_key();
    let request = post(&key, ORDER);
    for end in [1, 20, request.len() - ORDER.len(), request.len() - 1] {
        let mut client = edge.connect().await;
        client.send(&request[..end]).await;
        drop(client);
    }
    let id = orders::OrderId::derive(&orders::CallerName::PUBLIC, &key.parse().unwrap());
    // The stream has every earlier order before this one.
    assert_eq!(edge.connect().await.post(&fresh_key(), ORDER).await.status, 202);
    assert!(servers.stored_events_of(id).await.is_empty());
    edge.stop().await;
}

#[tokio::test]
async fn garbage_gets_400_and_a_closed_connection() {
    let edge = TestServers::shared().await.start_edge().await;
    for garbage in
        ["\0\0\0\0\r\n\r\n", "GET /\r\n\r\n", "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"]
    {
        let mut client = edge.connect().await;
        client.send(garbage).await;
        if let Some(reply) = client.last_reply().await {
            assert_eq!(reply.status, 400, "{garbage:?}");
        }
    }
    let mut client = edge.connect().await;
    client.send(post(&fresh_key(), ORDER) + "\u{1}\u{2}\r\n\r\n").await;
    assert_eq!(client.reply().await.status, 202);
    assert_eq!(client.last_reply().await.map(|reply| reply.status), Some(400));
    edge.stop().await;
}

#[tokio::test]
async fn content_length_with_chunked_encoding_cannot_smuggle_a_request() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    let both = "content-length: 4\r\ntransfer-encoding: chunked";
    let smuggled = "0\r\n\r\nGET /livez HTTP/1.1\r\nhost: edge\r\n\r\n";
    client.send(post(&fresh_key(), "").replace("content-length: 0", both) + smuggled).await;
    let reply = client.last_reply().await;
    assert!(reply.is_none_or(|reply| reply.status == 400));
    edge.stop().await;
}

#[tokio::test]
async fn oversized_headers_are_refused() {
    let edge = TestServers::shared().await.start_edge().await;
    for header in [format!("x: {}\r\n", "y".repeat(100_000)), "x: y\r\n".repeat(1_000)] {
        let mut client = edge.connect().await;
        client.send(format!("GET /livez HTTP/1.1\r\n{header}\r\n")).await;
        let reply = client.last_reply().await;
        assert!(reply.is_none_or(|reply| reply.status == 431));
    }
    for (headers, status) in [(100, 200), (101, 431)] {
        let others = "x: y\r\n".repeat(headers - 1);
        let mut client = edge.connect().await;
        client.send(format!("GET /livez HTTP/1.1\r\nhost: edge\r\n{others}\r\n")).await;
        assert_eq!(client.reply().await.status, status, "{headers} headers");
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_request_body_that_times_out_is_refused() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    client.send(post(&fresh_key(), ORDER).split_once('{').unwrap().0).await;
    client.last_reply().await.unwrap().assert_problem(408, "body-too-slow");
    edge.stop().await;
}

#[tokio::test]
async fn idle_connections_and_incomplete_requests_are_closed() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut idle = edge.connect().await;
    assert_eq!(idle.get("/livez").await.status, 200);
    let silent = ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /livez HTTP/1.1\r\nx: y\r\n"];
    let closed = silent.map(|bytes| {
        let address = edge.address;
        tokio::spawn(async move {
            let mut client = RawHttp::connect(address).await;
            client.send(bytes).await;
            client.wait_closed().await;
        })
    });
    for closed in closed {
        timeout(DEADLINE, closed).await.expect("still open").unwrap();
    }
    timeout(DEADLINE, idle.wait_closed()).await.expect("still open");
    assert_eq!(edge.connect().await.get("/livez").await.status, 200);
    edge.stop().await;
}
