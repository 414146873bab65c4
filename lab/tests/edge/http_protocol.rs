//! HTTP as well-behaved clients use it.

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::{Method, Request, Version};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::raw_http::{ORDER, post};
use super::test_edge::fresh_key;
use crate::test_servers::TestServers;

#[tokio::test]
async fn one_connection_carries_many_requests_with_and_without_pipelining() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    let keys: Vec<_> = (0..20).map(|_| fresh_key()).collect();
    for key in &keys {
        assert_eq!(client.post(key, ORDER).await.status, 202);
    }
    let pipelined: String = keys.iter().map(|key| post(key, ORDER)).collect();
    client.send(pipelined + &post("bad key", ORDER)).await;
    for _ in &keys {
        assert_eq!(client.reply().await.status, 202);
    }
    client.reply().await.assert_problem(400, "idempotency-key-invalid");
    edge.stop().await;
}

#[tokio::test]
async fn http_2_without_tls_carries_many_concurrent_orders() {
    let edge = TestServers::shared().await.start_edge().await;
    let client: Client<_, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let uri = format!("http://{}", edge.address);
    let placed = join_all((0..300).map(|_| {
        let order = Request::post(format!("{uri}/v1/orders"))
            .header("content-type", "application/json")
            .header("idempotency-key", fresh_key())
            .body(Full::from(ORDER));
        client.request(order.unwrap())
    }));
    for reply in placed.await {
        let reply = reply.unwrap();
        assert_eq!((reply.status().as_u16(), reply.version()), (202, Version::HTTP_2));
        assert!(reply.headers().contains_key("request-id"));
    }
    let head = Request::builder().method(Method::HEAD).uri(format!("{uri}/livez"));
    let reply = client.request(head.body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    assert_eq!(reply.headers()["content-length"], "3");
    drop(client);
    edge.stop().await;
}

#[tokio::test]
async fn head_is_answered_like_get_without_a_body() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    for path in ["/livez", "/readyz", "/v1/orders/x", "/nowhere"] {
        let get = client.get(path).await;
        client.send(format!("HEAD {path} HTTP/1.1\r\nhost: edge\r\n\r\n")).await;
        let head = client.head_reply().await;
        assert_eq!(head.status, get.status);
        for name in ["content-type", "content-length"] {
            assert_eq!(head.header(name), get.header(name));
        }
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_client_that_expects_100_continue_gets_it_or_a_problem() {
    let edge = TestServers::shared().await.start_edge().await;
    let expecting = |key: &str| {
        let request = post(key, ORDER);
        let (head, _) = request.split_once("\r\n\r\n").unwrap();
        format!("{head}\r\nexpect: 100-continue\r\n\r\n")
    };
    let mut client = edge.connect().await;
    client.send(expecting(&fresh_key())).await;
    assert_eq!(client.reply().await.status, 100);
    client.send(ORDER).await;
    assert_eq!(client.reply().await.status, 202);
    client.send(expecting("bad key")).await;
    client.reply().await.assert_problem(400, "idempotency-key-invalid");
    edge.stop().await;
}
