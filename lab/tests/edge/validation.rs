//! Requests that are refused, each with what is wrong and what would be right.

use serde_json::json;

use super::raw_http::{ORDER, Talk, post};
use super::test_edge::{House, fresh_key, secrets};

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let door = House::shared().await.open_door().await;
    let too_long = "k".repeat(256);
    for (headers, kind) in [
        (String::new(), "missing"),
        ("idempotency-key:\r\n".to_owned(), "invalid"),
        ("idempotency-key: a b\r\n".to_owned(), "invalid"),
        ("idempotency-key: \u{e9}\r\n".to_owned(), "invalid"),
        (format!("idempotency-key: {too_long}\r\n"), "invalid"),
        ("idempotency-key: a\r\nidempotency-key: a\r\n".to_owned(), "invalid"),
    ] {
        let reply = send(&mut door.talk().await, "application/json", &headers, b"{}").await;
        reply.assert_problem(400, &format!("idempotency-key-{kind}"));
    }
    let longest = door.talk().await.post(&too_long[1..], ORDER).await;
    assert_eq!(longest.status, 202);
    door.close().await;
}

#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_is_refused() {
    let door = House::shared().await.open_door().await;
    let key = format!("idempotency-key: {}\r\n", fresh_key());
    for media_type in ["text/plain", "application/merge+json", "application/jsonx", ""] {
        let reply = send(&mut door.talk().await, media_type, &key, ORDER.as_bytes()).await;
        reply.assert_problem(415, "wrong-media-type");
    }
    let unsaid =
        format!("POST /v1/orders HTTP/1.1\r\nhost: edge\r\n{key}content-length: 2\r\n\r\n{{}}");
    let mut talk = door.talk().await;
    talk.send(unsaid).await;
    talk.reply().await.assert_problem(415, "wrong-media-type");
    for media_type in ["application/json; charset=utf-8", "Application/JSON;a=b"] {
        let reply = send(&mut door.talk().await, media_type, &key, ORDER.as_bytes()).await;
        assert_eq!(reply.status, 202);
    }
    door.close().await;
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let door = House::shared().await.open_door().await;
    let key = format!("idempotency-key: {}\r\n", fresh_key());
    let deep = [b"[".repeat(10_000), b"]".repeat(10_000)].concat();
    for body in [&b""[..], b"{", b"{\"currency\":NaN}", b"\"\xff\"", b"{} {}", &deep] {
        let reply = send(&mut door.talk().await, "application/json", &key, body).await;
        reply.assert_problem(400, "not-json");
    }
    door.close().await;
}

#[tokio::test]
async fn an_order_with_faults_is_refused_with_a_pointer_to_each() {
    let door = House::shared().await.open_door().await;
    let faulty = r#"{"currency":"gbp","lines":[{"sku":"A","quantity":0,"unit_price":1e400},
        {"sku":"","quantity":-1}],"lines":[],"expected_total":-1,"x":1}"#;
    let reply = door.talk().await.post(&fresh_key(), &faulty.replace("1e400", "1e40")).await;
    reply.assert_problem(422, "not-an-order");
    let problem = reply.json();
    let errors = problem["errors"].as_array().unwrap();
    assert!(errors.iter().all(|error| error["detail"].is_string()));
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    for pointer in ["/currency", "/lines/0/quantity", "/lines/0/unit_price", "/lines/1/sku"] {
        assert!(pointers.contains(&pointer), "{pointer} is not among {pointers:?}");
    }
    for pointer in ["/lines/1/unit_price", "/lines", "/expected_total", "/x"] {
        assert!(pointers.contains(&pointer), "{pointer} is not among {pointers:?}");
    }
    door.close().await;
}

#[tokio::test]
async fn a_total_that_overflows_and_a_number_beyond_all_numbers_are_refused() {
    let door = House::shared().await.open_door().await;
    let line = r#"{"sku":"A","quantity":1000000,"unit_price":999999999999}"#;
    let huge = format!(r#"{{"currency":"GBP","lines":[{line},{line}]}}"#);
    let mut talk = door.talk().await;
    let reply = talk.post(&fresh_key(), &huge).await;
    reply.assert_problem(422, "not-an-order");
    assert_eq!(reply.json()["errors"][0]["pointer"], json!("/lines"));
    let beyond = ORDER.replace("255", "1e999");
    talk.post(&fresh_key(), &beyond).await.assert_problem(400, "not-json");
    door.close().await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let door = House::shared().await.open_door().await;
    let mut said = door.talk().await;
    said.send(post(&fresh_key(), "").replace("length: 0", "length: 262145")).await;
    said.last_reply().await.unwrap().assert_problem(413, "body-too-large");

    let mut unsaid = door.talk().await;
    let chunked = "transfer-encoding: chunked";
    unsaid.send(post(&fresh_key(), "").replace("content-length: 0", chunked)).await;
    let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000));
    for _ in 0..9 {
        unsaid.send(&chunk).await;
    }
    unsaid.reply().await.assert_problem(413, "body-too-large");
    door.close().await;
}

#[tokio::test]
async fn the_largest_body_is_taken() {
    let door = House::shared().await.open_door().await;
    let largest = format!("{ORDER}{}", " ".repeat(256 * 1024 - ORDER.len()));
    let reply = door.talk().await.post(&fresh_key(), &largest).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    door.close().await;
}

#[tokio::test]
async fn a_path_or_method_that_is_not_there_is_refused() {
    let door = House::shared().await.open_door().await;
    let mut talk = door.talk().await;
    for path in ["/", "/v1", "/v1/orders/", "/v1/orders/a/b", "/v1/stock/", "/v2/orders", "/v1/x/y"]
    {
        talk.get(path).await.assert_problem(404, "not-found");
    }
    for (method, path, allowed) in [
        ("GET", "/v1/orders", "POST"),
        ("DELETE", "/v1/orders/1", "GET, HEAD"),
        ("POST", "/v1/stock", "GET, HEAD"),
        ("PUT", "/readyz", "GET, HEAD"),
    ] {
        talk.send(format!("{method} {path} HTTP/1.1\r\nhost: edge\r\ncontent-length: 0\r\n\r\n"))
            .await;
        let reply = talk.reply().await;
        reply.assert_problem(405, "method-not-allowed");
        assert_eq!(reply.header("allow"), Some(allowed));
    }
    door.close().await;
}

#[tokio::test]
async fn an_id_that_no_edge_made_is_not_found() {
    let door = House::shared().await.open_door().await;
    let forged = orders::SigningKeys::new("another secret", []);
    let id = orders::OrderId::from_bytes([7; 16]);
    let mut talk = door.talk().await;
    for id in [forged.sign(id).to_string(), id.to_string(), "x".to_owned(), "%00".to_owned()] {
        talk.get(&format!("/v1/orders/{id}")).await.assert_problem(404, "no-such-order");
    }
    let proven = talk.get(&format!("/v1/orders/{}", secrets().sign(id))).await;
    assert_eq!(proven.status, 200);
    door.close().await;
}

async fn send(
    talk: &mut Talk,
    media_type: &str,
    headers: &str,
    body: &[u8],
) -> super::raw_http::Reply {
    let head = format!(
        "POST /v1/orders HTTP/1.1\r\nhost: edge\r\ncontent-type: {media_type}\r\n{headers}\
         content-length: {}\r\n\r\n",
        body.len()
    );
    talk.send([head.as_bytes(), body].concat()).await;
    talk.reply().await
}
