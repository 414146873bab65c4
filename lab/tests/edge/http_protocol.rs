//! HTTP as good clients speak it.

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::Full;
use hyper::{Method, Request, Version};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::raw_http::{ORDER, post};
use super::test_edge::{House, fresh_key};

#[tokio::test]
async fn one_connection_carries_many_requests_also_without_waiting_for_answers() {
    let door = House::shared().await.open_door().await;
    let mut talk = door.talk().await;
    let keys: Vec<_> = (0..20).map(|_| fresh_key()).collect();
    for key in &keys {
        assert_eq!(talk.post(key, ORDER).await.status, 202);
    }
    let pipelined: String = keys.iter().map(|key| post(key, ORDER)).collect();
    talk.send(pipelined + &post("bad key", ORDER)).await;
    for _ in &keys {
        assert_eq!(talk.reply().await.status, 202);
    }
    talk.reply().await.assert_problem(400, "idempotency-key-invalid");
    door.close().await;
}

#[tokio::test]
async fn http_2_in_clear_text_carries_many_orders_at_once() {
    let door = House::shared().await.open_door().await;
    let client: Client<_, Full<Bytes>> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let uri = format!("http://{}", door.address);
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
    }
    let head = Request::builder().method(Method::HEAD).uri(format!("{uri}/livez"));
    let reply = client.request(head.body(Full::default()).unwrap()).await.unwrap();
    assert_eq!(reply.status().as_u16(), 200);
    assert_eq!(reply.headers()["content-length"], "3");
    drop(client);
    door.close().await;
}

#[tokio::test]
async fn head_is_answered_as_get_without_the_body() {
    let door = House::shared().await.open_door().await;
    let mut talk = door.talk().await;
    for path in ["/livez", "/readyz", "/v1/orders/x", "/nowhere"] {
        let got = talk.get(path).await;
        talk.send(format!("HEAD {path} HTTP/1.1\r\nhost: edge\r\n\r\n")).await;
        let head = talk.head_reply().await;
        assert_eq!(head.status, got.status);
        for name in ["content-type", "content-length"] {
            assert_eq!(head.header(name), got.header(name));
        }
    }
    door.close().await;
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_go_on_or_not() {
    let door = House::shared().await.open_door().await;
    let asking = |key: &str| {
        let (head, _) = post(key, ORDER).split_once("\r\n\r\n").map(own).unwrap();
        format!("{head}\r\nexpect: 100-continue\r\n\r\n")
    };
    let mut talk = door.talk().await;
    talk.send(asking(&fresh_key())).await;
    assert_eq!(talk.reply().await.status, 100);
    talk.send(ORDER).await;
    assert_eq!(talk.reply().await.status, 202);
    talk.send(asking("bad key")).await;
    talk.reply().await.assert_problem(400, "idempotency-key-invalid");
    door.close().await;
}

fn own((head, body): (&str, &str)) -> (String, String) {
    (head.to_owned(), body.to_owned())
}
