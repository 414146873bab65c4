//! The status of an order, with and without workers that know it.

use std::collections::HashSet;
use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, join, join_all, select};
use serde_json::{Value, json};
use streams::subjects::STATUS_GET;
use streams::{Request, Requester};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::raw_http::{ORDER, Reply};
use super::test_edge::{DEADLINE, TestEdge, fresh_key, order_id, signing_keys};
use crate::test_servers::TestServers;

/// The digest of the body that the worker of these tests reports.
const DIGEST: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn without_an_answer_the_status_of_an_order_is_unknown_and_not_accepted() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let placed = client.post(&fresh_key(), ORDER).await;
    let reply = client.get(placed.header("location").unwrap()).await;
    reply.assert_problem(503, "status-unavailable");
    assert_eq!(reply.header("retry-after"), Some("1"));
    edge.stop().await;
}

#[tokio::test]
async fn nothing_is_submitted_for_an_order_whose_status_cannot_be_read() {
    let servers = TestServers::shared().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let placed = client.post(&fresh_key(), ORDER).await.json();
    let path = format!("/v1/orders/{}/payment", placed["order_id"].as_str().unwrap());
    let headers = "host: edge\r\ncontent-type: application/json\r\ncontent-length: 2";
    client.send(format!("POST {path} HTTP/1.1\r\n{headers}\r\n\r\n{{}}")).await;
    client.reply().await.assert_problem(503, "status-unavailable");
    let events = servers.stored_events_of(order_id(&placed)).await;
    assert!(events.iter().all(|event| event["event"]["created"].is_object()), "{events:?}");
    edge.stop().await;
}

#[tokio::test]
async fn the_status_that_workers_report_is_shown() {
    let servers = TestServers::start_with_streams().await;
    let mut requests = servers.worker_requests(STATUS_GET).await;
    let answering = tokio::spawn(async move {
        let mut batches = 0;
        while let Some(request) = requests.next().await {
            let ids: Vec<String> = serde_json::from_slice(&request.payload).unwrap();
            assert!(ids.len() <= 256);
            batches += 1;
            let view = |id: &String| if id.starts_with('0') { Value::Null } else { rejected() };
            let answer: Vec<_> = ids.iter().map(view).collect();
            request.reply(serde_json::to_vec(&answer).unwrap()).await;
            if ids.iter().any(|id| id.starts_with('f')) {
                return batches;
            }
        }
        batches
    });
    let edge = servers.start_edge().await;

    let unseen = get_status(&edge, 0x00).await;
    assert_eq!(unseen["current"], true);
    assert_eq!((&unseen["status"], &unseen["history"]), (&json!("accepted"), &json!([])));
    assert_eq!(unseen.get("body_digest"), None);
    for shown in join_all((0..200).map(|_| get_status(&edge, 0x10))).await {
        assert_eq!((&shown["status"], &shown["current"]), (&json!("rejected"), &json!(true)));
        assert_eq!(shown["reason"], json!({"code": "out_of_stock", "skus": ["A"]}));
        assert_eq!(shown["body_digest"], DIGEST);
        assert_eq!(
            shown["history"][1],
            json!({"status": "rejected", "at": "1970-01-01T00:00:01.5Z"})
        );
    }
    get_status(&edge, 0xff).await;
    assert!(answering.await.unwrap() <= 202);
    // Now no worker responds any more.
    get(&edge, 0x10).await.assert_problem(503, "status-unavailable");
    edge.stop().await;
}

#[tokio::test]
async fn an_invalid_reply_from_a_worker_is_ignored() {
    let servers = TestServers::start_with_streams().await;
    let mut requests = servers.worker_requests(STATUS_GET).await;
    let answering = tokio::spawn(async move {
        for invalid in ["[]", "{}", "[{\"status\":\"eaten\"}]", "[{\"unanswered\":\"later\"}]", ""]
        {
            requests.next().await.unwrap().reply(invalid.into()).await;
        }
    });
    let edge = servers.start_edge().await;
    for _ in 0..5 {
        get(&edge, 0x10).await.assert_problem(503, "status-unavailable");
    }
    answering.await.unwrap();
    edge.stop().await;
}

#[tokio::test]
async fn an_answer_that_the_edge_cannot_read_spoils_no_other_in_the_same_reply() {
    let servers = TestServers::start_with_streams().await;
    let answering = answer(&servers, |request| {
        let eaten = json!({"status": "eaten", "reason": null, "history": []});
        let view = |id: &String| if id.starts_with('f') { eaten.clone() } else { rejected() };
        Some(reply_with(request, view))
    })
    .await;
    let edge = servers.start_edge().await;
    let replies = (0..50).map(|number| get(&edge, if number % 2 == 0 { 0x10 } else { 0xff }));
    for (number, reply) in join_all(replies).await.into_iter().enumerate() {
        if number % 2 == 0 {
            assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("rejected")));
        } else {
            reply.assert_problem(503, "status-unavailable");
        }
    }
    answering.abort();
    edge.stop().await;
}

#[tokio::test]
async fn answers_that_did_not_fit_are_asked_for_again_in_requests_with_room_for_them() {
    let servers = TestServers::start_with_streams().await;
    let mut asked = HashSet::new();
    let answering = answer(&servers, move |request| {
        let is_alone = ids(&request).len() == 1;
        // Whatever it is asked with, no answer fits for the first time.
        let view = |id: &String| {
            if !asked.insert(id.clone()) && is_alone { rejected() } else { too_large() }
        };
        Some(reply_with(request, view))
    })
    .await;
    let edge = servers.start_edge().await;
    // On a busy machine they may not all come in time.
    let all_shown = async {
        for round in 0_u8.. {
            let replies = join_all((0..10).map(|number| get_order(&edge, [round, number])));
            if replies.await.iter().all(|reply| reply.status == 200) {
                break;
            }
        }
    };
    timeout(DEADLINE, all_shown).await.unwrap();
    answering.abort();
    edge.stop().await;
}

#[tokio::test]
async fn an_answer_that_did_not_fit_delays_none_of_another_order() {
    let servers = TestServers::start_with_streams().await;
    let (asked_again, mut is_asked_again) = mpsc::unbounded_channel();
    let mut asked = HashSet::new();
    let answering = answer(&servers, move |request| {
        let id = ids(&request).remove(0);
        if id.starts_with('f') && !asked.insert(id) {
            // This one is never answered.
            asked_again.send(request).unwrap();
            return None;
        }
        let view = |id: &String| if id.starts_with('f') { too_large() } else { rejected() };
        Some(reply_with(request, view))
    })
    .await;
    let edge = servers.start_edge().await;
    // On a busy machine the lookup of the large one may time out first.
    let small_comes_first = async {
        for round in 0_u8.. {
            let large = get_order(&edge, [0xff, round]);
            let small = async {
                is_asked_again.recv().await;
                get(&edge, 0x10).await
            };
            match select(pin!(large), pin!(small)).await {
                Either::Left((large, _)) => large.assert_problem(503, "status-unavailable"),
                Either::Right((small, _)) if small.status == 200 => return small.json(),
                Either::Right(_) => {}
            }
            while is_asked_again.try_recv().is_ok() {}
        }
        unreachable!("a test has fewer rounds")
    };
    let small = timeout(DEADLINE, small_comes_first).await.unwrap();
    assert_eq!(small["status"], "rejected");
    answering.abort();
    edge.stop().await;
}

#[tokio::test]
async fn a_reply_that_is_too_large_for_a_message_leaves_nobody_waiting() {
    let servers = TestServers::shared().await;
    let connection = servers.connect().await;
    let mut requests = servers.worker_requests("test.too-large").await;
    let answering = async { requests.next().await.unwrap().reply(vec![b' '; 2 << 20]).await };
    let workers = Requester::new(connection);
    let asking = workers.request("test.too-large", Bytes::new(), DEADLINE);
    let ((), reply) = timeout(DEADLINE, join(answering, asking)).await.unwrap();
    assert_eq!(reply.as_deref(), Ok(&b""[..]));
}

async fn get_status(edge: &TestEdge, first_byte: u8) -> Value {
    let reply = get(edge, first_byte).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

async fn get(edge: &TestEdge, first_byte: u8) -> Reply {
    get_order(edge, [first_byte; 2]).await
}

/// Gets the status of the order whose id repeats `bytes`.
async fn get_order(edge: &TestEdge, bytes: [u8; 2]) -> Reply {
    let id = orders::OrderId::from_bytes([bytes; 8].concat().try_into().unwrap());
    let id = signing_keys().sign(id, &orders::CallerName::PUBLIC);
    edge.connect().await.get(&format!("/v1/orders/{id}")).await
}

/// Answers each request as `reply` says, until the returned task is aborted. A request for which
/// `reply` returns nothing is not answered.
async fn answer(
    servers: &TestServers,
    mut reply: impl FnMut(Request) -> Option<(Request, Vec<u8>)> + Send + 'static,
) -> JoinHandle<()> {
    let mut requests = servers.worker_requests(STATUS_GET).await;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            if let Some((request, payload)) = reply(request) {
                request.reply(payload).await;
            }
        }
    })
}

fn ids(request: &Request) -> Vec<String> {
    serde_json::from_slice(&request.payload).unwrap()
}

fn reply_with(request: Request, view: impl FnMut(&String) -> Value) -> (Request, Vec<u8>) {
    let views: Vec<Value> = ids(&request).iter().map(view).collect();
    (request, serde_json::to_vec(&views).unwrap())
}

/// The marker of an answer of which no two fit into one reply.
fn too_large() -> Value {
    json!({"unanswered": "too_large", "bytes": 400_000})
}

fn rejected() -> Value {
    json!({
        "status": "rejected",
        "reason": {"code": "out_of_stock", "skus": ["A"]},
        "history": [{"status": "accepted", "at_ms": 0}, {"status": "rejected", "at_ms": 1500}],
        "body_digest": DIGEST,
    })
}
