//! Requests that are refused, each with what is wrong and what would be valid.

use serde_json::json;

use super::raw_http::{ORDER, RawHttp, Reply, post};
use super::test_edge::{fresh_key, signing_keys};
use crate::test_servers::TestServers;

#[tokio::test]
async fn a_missing_or_invalid_idempotency_key_is_refused() {
    let edge = TestServers::shared().await.start_edge().await;
    let too_long = "k".repeat(256);
    for (headers, kind) in [
        (String::new(), "missing"),
        ("idempotency-key:\r\n".to_owned(), "invalid"),
        ("idempotency-key: a b\r\n".to_owned(), "invalid"),
        ("idempotency-key: \u{e9}\r\n".to_owned(), "invalid"),
        (format!("idempotency-key: {too_long}\r\n"), "invalid"),
        ("idempotency-key: a\r\nidempotency-key: a\r\n".to_owned(), "invalid"),
    ] {
        let reply = send(&mut edge.connect().await, "application/json", &headers, b"{}").await;
        reply.assert_problem(400, &format!("idempotency-key-{kind}"));
    }
    let longest = edge.connect().await.post(&too_long[1..], ORDER).await;
    assert_eq!(longest.status, 202);
    edge.stop().await;
}

#[tokio::test]
async fn a_body_without_a_json_media_type_is_refused() {
    let edge = TestServers::shared().await.start_edge().await;
    let key = format!("idempotency-key: {}\r\n", fresh_key());
    for media_type in ["text/plain", "application/merge+json", "application/jsonx", ""] {
        let reply = send(&mut edge.connect().await, media_type, &key, ORDER.as_bytes()).await;
        reply.assert_problem(415, "wrong-media-type");
    }
    let without_type =
        format!("POST /v1/orders HTTP/1.1\r\nhost: edge\r\n{key}content-length: 2\r\n\r\n{{}}");
    let mut client = edge.connect().await;
    client.send(without_type).await;
    client.reply().await.assert_problem(415, "wrong-media-type");
    for media_type in ["application/json; charset=utf-8", "Application/JSON;a=b"] {
        let reply = send(&mut edge.connect().await, media_type, &key, ORDER.as_bytes()).await;
        assert_eq!(reply.status, 202);
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let edge = TestServers::shared().await.start_edge().await;
    let key = format!("idempotency-key: {}\r\n", fresh_key());
    let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
    for body in [&b""[..], b"{", b"{\"currency\":NaN}", b"\"\xff\"", b"{} {}", &deep] {
        let reply = send(&mut edge.connect().await, "application/json", &key, body).await;
        reply.assert_problem(400, "not-json");
    }
    edge.stop().await;
}

#[tokio::test]
async fn an_invalid_order_is_refused_with_a_pointer_to_each_error() {
    let edge = TestServers::shared().await.start_edge().await;
    let invalid = r#"{"currency":"gbp","lines":[{"sku":"A","quantity":0,"unit_price":1e400},
        {"sku":"","quantity":-1}],"lines":[],"expected_total":-1,"x":1,"payment":null}"#;
    let reply = edge.connect().await.post(&fresh_key(), &invalid.replace("1e400", "1e40")).await;
    reply.assert_problem(422, "not-an-order");
    let problem = reply.json();
    let errors = problem["errors"].as_array().unwrap();
    assert!(errors.iter().all(|error| error["detail"].is_string()));
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for pointer in ["/currency", "/lines/0/quantity", "/lines/0/unit_price", "/lines/1/sku"] {
        assert!(pointers.contains(&pointer), "{pointer} is not among {pointers:?}");
    }
    for pointer in ["/lines/1/unit_price", "/lines", "/expected_total", "/x", "/payment"] {
        assert!(pointers.contains(&pointer), "{pointer} is not among {pointers:?}");
    }
    edge.stop().await;
}

#[tokio::test]
async fn an_overflowing_total_and_an_unrepresentable_number_are_refused() {
    let edge = TestServers::shared().await.start_edge().await;
    let line = r#"{"sku":"A","quantity":1000000,"unit_price":999999999999}"#;
    let huge = ORDER
        .replace(r#"{"sku":"85123A","quantity":6,"unit_price":255}"#, &format!("{line},{line}"));
    let mut client = edge.connect().await;
    let reply = client.post(&fresh_key(), &huge).await;
    reply.assert_problem(422, "not-an-order");
    assert_eq!(reply.json()["errors"][0]["pointer"], json!("/lines"));
    let beyond = ORDER.replace("255", "1e999");
    client.post(&fresh_key(), &beyond).await.assert_problem(400, "not-json");
    edge.stop().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut declared = edge.connect().await;
    declared.send(post(&fresh_key(), "").replace("length: 0", "length: 262145")).await;
    declared.last_reply().await.unwrap().assert_problem(413, "body-too-large");

    let mut streamed = edge.connect().await;
    let chunked = "transfer-encoding: chunked";
    streamed.send(post(&fresh_key(), "").replace("content-length: 0", chunked)).await;
    let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
    for _ in 0..9 {
        streamed.send(&chunk).await;
    }
    streamed.reply().await.assert_problem(413, "body-too-large");
    edge.stop().await;
}

#[tokio::test]
async fn a_body_of_the_maximum_size_is_accepted() {
    let edge = TestServers::shared().await.start_edge().await;
    let largest = format!("{ORDER}{}", " ".repeat(256 * 1024 - ORDER.len()));
    let reply = edge.connect().await.post(&fresh_key(), &largest).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    edge.stop().await;
}

#[tokio::test]
async fn an_unknown_path_or_method_is_refused() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    for path in ["/", "/v1", "/v1/orders/", "/v1/orders/a/b", "/v1/stock/", "/v2/orders", "/v1/x/y"]
    {
        client.get(path).await.assert_problem(404, "not-found");
    }
    for (method, path, allowed) in [
        ("GET", "/v1/orders:batch", "POST, OPTIONS"),
        ("PUT", "/v1/orders", "POST, GET, HEAD, OPTIONS"),
        ("DELETE", "/v1/orders/1", "GET, HEAD, OPTIONS"),
        ("POST", "/v1/stock", "GET, HEAD, OPTIONS"),
        ("PUT", "/readyz", "GET, HEAD, OPTIONS"),
    ] {
        client
            .send(format!("{method} {path} HTTP/1.1\r\nhost: edge\r\ncontent-length: 0\r\n\r\n"))
            .await;
        let reply = client.reply().await;
        reply.assert_problem(405, "method-not-allowed");
        assert_eq!(reply.header("allow"), Some(allowed));
    }
    edge.stop().await;
}

#[tokio::test]
async fn an_order_id_that_no_edge_signed_is_not_found() {
    let edge = TestServers::shared().await.start_edge().await;
    let forged = orders::SigningKeys::new("another secret", []);
    let id = orders::OrderId::from_bytes([7; 16]);
    let mut client = edge.connect().await;
    for id in [
        forged.sign(id, &orders::CallerName::PUBLIC).to_string(),
        id.to_string(),
        "x".to_owned(),
        "%00".to_owned(),
    ] {
        client.get(&format!("/v1/orders/{id}")).await.assert_problem(404, "no-such-order");
    }
    let signed = client
        .get(&format!("/v1/orders/{}", signing_keys().sign(id, &orders::CallerName::PUBLIC)))
        .await;
    signed.assert_problem(503, "status-unavailable");
    edge.stop().await;
}

async fn send(client: &mut RawHttp, media_type: &str, headers: &str, body: &[u8]) -> Reply {
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nhost: edge\r\ncontent-type: {media_type}\r\n{headers}\
         content-length: {}\r\n\r\n",
        body.len()
    );
    client.send([head.as_bytes(), body].concat()).await;
    client.reply().await
}
