//! Thousands of followers, and one more.

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use orders::{OrderId, Status};
use serde_json::Value;
use tokio::time::timeout;

use super::raw_http::{ORDER, post, with_headers};
use super::status_worker::{StatusWorker, fulfilled, order, path};
use super::test_edge::{DEADLINE, TestEdge, fresh_key};
use crate::test_servers::{TestServers, wait_until};

/// As many as an edge has room for.
const FOLLOWERS: usize = 5_000;
/// On each of these connections are 250 of them.
const CLIENTS: usize = 20;

type Http2 = Client<HttpConnector, Full<Bytes>>;

/// Follows the order of this number.
async fn follow(client: &Http2, edge: &TestEdge, number: usize) -> Response<Incoming> {
    let uri = format!("http://{}{}/events", edge.address, path(id(number)));
    let request = Request::get(uri).body(Full::default()).unwrap();
    timeout(DEADLINE, client.request(request)).await.unwrap().unwrap()
}

fn id(number: usize) -> OrderId {
    OrderId::from_bytes((number as u128).to_be_bytes())
}

#[tokio::test]
async fn thousands_follow_at_the_cost_of_one_lookup_each_and_one_more_is_refused() {
    let servers = TestServers::start_with_streams().await;
    let worker = StatusWorker::start(&servers).await;
    let edge = servers.start_edge().await;
    let clients: [Http2; CLIENTS] = std::array::from_fn(|_| {
        Client::builder(TokioExecutor::new()).http2_only(true).build_http()
    });
    let each = FOLLOWERS / CLIENTS;
    let mut followers = Vec::new();
    for (client, number) in clients.iter().zip(0..) {
        let begun = (0..each).map(|index| follow(client, &edge, number * each + index));
        followers.extend(join_all(begun).await);
    }
    assert!(followers.iter().all(|response| response.status() == 200));
    assert_eq!(worker.asked(), FOLLOWERS);

    let refused = follow(&clients[0], &edge, FOLLOWERS).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let problem = refused.into_body().collect().await.unwrap().to_bytes();
    let problem: Value = serde_json::from_slice(&problem).unwrap();
    assert_eq!(problem["type"], "/problems/overloaded");
    // An order is placed all the same, and not waited for.
    let mut buyer = edge.connect().await;
    let waiting = with_headers(&post(&fresh_key(), ORDER), "prefer: wait=20\r\n");
    buyer.send(waiting).await;
    let reply = buyer.reply().await;
    assert_eq!((reply.status, reply.header("preference-applied")), (202, None));
    assert_eq!(buyer.get(&path(order(0xff))).await.status, 200, "a status is read as before");

    // The last one learns of the end of its order, and the first one makes room.
    let mut last = followers.pop().unwrap().into_body();
    worker.set(id(FOLLOWERS - 1), &[Status::Accepted, Status::Fulfilled]);
    worker.publish(id(FOLLOWERS - 1), fulfilled(), 1).await;
    let mut received = Vec::new();
    while let Some(frame) = timeout(DEADLINE, last.frame()).await.unwrap() {
        received.extend(frame.unwrap().into_data().unwrap());
    }
    assert!(String::from_utf8(received).unwrap().contains("id: fulfilled"));
    drop(followers.remove(0));
    wait_until("there is room", async || {
        follow(&clients[0], &edge, FOLLOWERS).await.status() == 200
    })
    .await;
    drop((followers, clients));
    edge.stop().await;
}
