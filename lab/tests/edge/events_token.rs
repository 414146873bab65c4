//! A browser follows an order with a token in the query, since `EventSource` sends no `Authorization`.

use std::time::SystemTime;

use edge::Scope;
use orders::{CallerName, Status};
use streams::Profile;

use super::identity::{OURS, edge_with_keys};
use super::logged_edge::LoggedEdge;
use super::raw_http::{RawHttp, Reply};
use super::status_worker::{StatusWorker, order};
use super::test_edge::{TestEdge, signing_keys};
use super::test_issuer::{key_file, token};
use crate::test_servers::TestServers;

/// The id that `caller` has of the order whose id repeats `byte`.
fn id_of(byte: u8, caller: &str) -> String {
    let caller = caller.parse().unwrap_or(CallerName::PUBLIC);
    signing_keys().sign(order(byte), &caller).to_string()
}

async fn mint(client: &mut RawHttp, id: &str, bearer: &str) -> Reply {
    client
        .send(format!(
            "POST /v1/orders/{id}/events-token HTTP/1.1\r\nhost: edge\r\n\
             authorization: Bearer {bearer}\r\ncontent-length: 0\r\n\r\n"
        ))
        .await;
    client.reply().await
}

/// The first part of the stream of an order, or the problem. The connection ends.
async fn follow(edge: &TestEdge, id: &str, token: &str) -> String {
    let mut client = edge.connect().await;
    client
        .send(format!(
            "GET /v1/orders/{id}/events?token={token} HTTP/1.1\r\nhost: edge\r\nconnection: close\r\n\r\n"
        ))
        .await;
    client.rest().await
}

fn is_unauthenticated(response: &str) -> bool {
    response.starts_with("HTTP/1.1 401 ") && response.contains("/problems/unauthenticated")
}

#[tokio::test]
async fn a_token_follows_the_order_that_it_was_made_for_at_any_edge() {
    let servers = TestServers::start_with_streams().await;
    let worker = StatusWorker::start(&servers).await;
    worker.set(order(1), &[Status::Accepted, Status::Rejected]);
    let (edge, other) = (edge_with_keys(&servers).await, edge_with_keys(&servers).await);
    let ann = token(OURS, "ann", &[Scope::ReadOrders]);
    let id = id_of(1, "ann");
    let minted = mint(&mut edge.connect().await, &id.to_uppercase(), &ann).await;
    assert_eq!((minted.status, minted.header("cache-control")), (200, Some("no-store")));
    assert!(minted.json()["expires_at"].is_string());
    let minted = minted.json()["token"].as_str().unwrap().to_owned();
    for edge in [&edge, &other] {
        for id in [&id, &id.to_uppercase()] {
            let events = follow(edge, id, &minted).await;
            assert!(events.starts_with("HTTP/1.1 200 ") && events.contains("id: rejected"));
        }
    }
    assert!(is_unauthenticated(&follow(&edge, &id_of(2, "ann"), &minted).await));
    assert!(is_unauthenticated(&follow(&edge, &id_of(1, "bob"), &minted).await));
    edge.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_token_that_is_wrong_or_has_expired_is_refused_and_is_of_no_use_elsewhere() {
    let edge = edge_with_keys(TestServers::shared().await).await;
    let id = id_of(3, "ann");
    let ann: CallerName = "ann".parse().unwrap();
    let signed = signing_keys().sign(order(3), &ann);
    let at = |seconds: i64| {
        let now = orders::Timestamp::from(SystemTime::now()).as_millis();
        signing_keys().events_token(&signed, orders::Timestamp::from_millis(now + seconds * 1_000))
    };
    let (good, expired) = (at(60), at(-1));
    let longer = format!("{good}0");
    for wrong in ["", "x", &*expired, &longer, &good.to_uppercase()] {
        assert!(is_unauthenticated(&follow(&edge, &id, wrong).await), "{wrong}");
    }
    // No worker answers: the token was taken.
    assert!(follow(&edge, &id, &good).await.starts_with("HTTP/1.1 503 "));
    let mut client = edge.connect().await;
    for path in [format!("/v1/orders/{id}?token={good}"), format!("/v1/stock/A?token={good}")] {
        client.get(&path).await.assert_problem(401, "unauthenticated");
    }
    mint(&mut client, &id, &good).await.assert_problem(401, "unauthenticated");
    edge.stop().await;
}

#[tokio::test]
async fn a_token_is_made_for_the_callers_own_order_alone() {
    let edge = edge_with_keys(TestServers::shared().await).await;
    let mut client = edge.connect().await;
    let [ann, bob] = ["ann", "bob"].map(|name| token(OURS, name, &[Scope::ReadOrders]));
    let id = id_of(4, "ann");
    mint(&mut client, &id, &bob).await.assert_problem(404, "no-such-order");
    assert_eq!(mint(&mut client, &id, &ann).await.status, 200);
    let writer = token(OURS, "ann", &[Scope::WriteOrders]);
    mint(&mut client, &id, &writer).await.assert_problem(403, "scope-missing");
    edge.stop().await;
}

#[tokio::test]
async fn without_identity_a_stream_needs_no_token_and_ignores_one() {
    let servers = TestServers::start_with_streams().await;
    let worker = StatusWorker::start(&servers).await;
    worker.set(order(5), &[Status::Accepted, Status::Rejected]);
    let edge = servers.start_edge().await;
    let id = id_of(5, CallerName::PUBLIC.as_str());
    let minted = mint(&mut edge.connect().await, &id, "none").await.json();
    for token in ["", "x", minted["token"].as_str().unwrap()] {
        let events = follow(&edge, &id, token).await;
        assert!(events.contains("id: rejected"), "{events}");
    }
    edge.stop().await;
}

#[tokio::test]
async fn no_log_has_a_token() {
    let servers = TestServers::shared().await;
    let file = key_file(&[OURS]);
    let mut edge = servers.edge_command(Profile::Single);
    edge.env("MILLRACE_IDENTITY", "keys").env("MILLRACE_TOKEN_KEYS", file.path());
    edge.env("RUST_LOG", "debug");
    let mut edge = LoggedEdge::start(edge).await;
    let mut client = RawHttp::connect(edge.address).await;
    let token = "token-that-nothing-may-log";
    let request = |id: &str| {
        format!("GET /v1/orders/{id}/events?token={token} HTTP/1.1\r\nhost: edge\r\n\r\n")
    };
    client.send(request(&id_of(6, "ann"))).await;
    client.reply().await.assert_problem(401, "unauthenticated");
    client.send("GET /nowhere HTTP/1.1\r\nhost: edge\r\nrequest-id: last\r\n\r\n").await;
    client.reply().await.assert_problem(404, "not-found");
    let mut lines = 0;
    loop {
        let line = edge.next_line().await;
        assert!(!line.contains(token), "{line}");
        lines += 1;
        if line.contains("request_id=\"last\"") {
            break;
        }
    }
    assert!(lines > 1);
    edge.kill().await;
}
