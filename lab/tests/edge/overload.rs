//! More orders than an edge may hold.

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http_body_util::{BodyExt, Full};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::raw_http::ORDER;
use super::test_edge::{DEADLINE, fresh_key};
use crate::test_servers::TestServers;

/// More than the ingest queue of one core holds, with the batch that is in flight.
const ORDERS: usize = 5_000;
/// Each has a connection with at most 256 requests in flight.
const CLIENTS: usize = 20;

#[tokio::test]
async fn an_order_beyond_the_queue_is_refused_at_once_and_accepted_later() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let uri = format!("http://{}/v1/orders", edge.address);
    let clients: [Client<_, Full<Bytes>>; CLIENTS] = std::array::from_fn(|_| {
        Client::builder(TokioExecutor::new()).http2_only(true).build_http()
    });
    let place = |client: &Client<_, Full<Bytes>>| {
        let order = Request::post(&uri)
            .header("content-type", "application/json")
            .header("idempotency-key", fresh_key())
            .body(Full::from(ORDER));
        let reply = client.request(order.unwrap());
        async move {
            let (head, body) = reply.await.unwrap().into_parts();
            (head, body.collect().await.unwrap().to_bytes())
        }
    };

    let broker = &servers.processes.brokers.servers[0];
    broker.pause().unwrap();
    let mut replies: FuturesUnordered<_> =
        (0..ORDERS).map(|number| place(&clients[number % CLIENTS])).collect();
    loop {
        let (head, body) = timeout(DEADLINE, replies.next()).await.unwrap().unwrap();
        assert_eq!(head.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(head.headers["retry-after"], "1");
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        if problem["type"] == "/problems/overloaded" {
            break;
        }
    }

    broker.resume().unwrap();
    while let Some((head, body)) = timeout(DEADLINE, replies.next()).await.unwrap() {
        let expected = [StatusCode::ACCEPTED, StatusCode::SERVICE_UNAVAILABLE];
        assert!(expected.contains(&head.status), "{head:?} {body:?}");
    }
    let (head, _) = place(&clients[0]).await;
    assert_eq!(head.status, StatusCode::ACCEPTED);
    drop(clients);
    edge.stop().await;
}
