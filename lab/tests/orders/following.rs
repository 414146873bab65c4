//! What followers of an order see is what its history says afterwards, on a whole cluster.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response, StatusCode};
use orders::Status;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::authentication::{AUTHENTICATED_CARD, NEVER, start};
use super::fixtures::{basket, item, with_payment_token};
use super::http_client::HttpResponse;
use super::test_cluster::{DEADLINE, TestCluster, with_shared_cluster};

/// When an edge looks up for the first time what it may have missed.
const RECHECKED_AFTER: Duration = Duration::from_secs(45);

/// The ids of the events of a stream, and the data of the last one.
struct Seen {
    ids: Vec<String>,
    last: Value,
}

#[test]
fn a_checkout_that_waits_for_its_order_is_answered_that_it_is_fulfilled() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("WAITED", 100)]).await;
        let placed = cluster.post_waiting("waited", &basket(&[("WAITED", 1)]), 25).await;
        assert_eq!(
            (placed.status, &placed.body["status"]),
            (StatusCode::ACCEPTED, &json!("fulfilled"))
        );
        let again = cluster.post_waiting("waited", &basket(&[("WAITED", 1)]), 25).await;
        assert_eq!(
            (again.order_id(), &again.body["status"]),
            (placed.order_id(), &json!("fulfilled"))
        );
        let rejected = cluster.post_waiting("too-many", &basket(&[("WAITED", 1_000)]), 25).await;
        assert_eq!(
            (&rejected.body["status"], &rejected.body["reason"]["code"]),
            (&json!("rejected"), &json!("out_of_stock"))
        );
        cluster.assert_consistent(&[placed.order_id(), rejected.order_id()]).await;
    });
}

#[test]
fn followers_at_both_edges_see_each_status_of_many_orders() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("FOLLOWED", 100)]).await;
        let follow = async |number: usize| {
            let key = format!("followed-{number}");
            let placed = cluster.post(0, &key, &basket(&[("FOLLOWED", 1)])).await;
            let seen = cluster.follow(number % 2, placed.signed_id(), None).await;
            (placed, seen)
        };
        let began = Instant::now();
        let followed = join_all((0..20).map(follow)).await;
        let mut ended = Vec::new();
        for (placed, response) in followed {
            ended.push((placed, read(response).await));
        }
        assert!(began.elapsed() < RECHECKED_AFTER, "by events, and not by a later look-up");
        for (placed, seen) in ended {
            assert_eq!(seen.ids, ["accepted", "reserved", "paid", "fulfilled"]);
            assert!(seen.last["at"].is_string());
            let rest = read(cluster.follow(0, placed.signed_id(), Some("reserved")).await).await;
            assert_eq!(rest.ids, ["paid", "fulfilled"]);
            let end = cluster.follow(1, placed.signed_id(), Some("fulfilled")).await;
            assert_eq!(end.status(), StatusCode::NO_CONTENT);
        }
    });
}

#[tokio::test]
async fn a_follower_sees_that_the_buyer_has_to_act_and_that_the_order_is_cancelled() {
    let cluster = start(&[("MILLRACE_PAYMENT_POLL_INTERVAL", NEVER)]).await;
    let body = with_payment_token(basket(&[("PAY", 1)]), AUTHENTICATED_CARD);
    let placed = cluster.post_waiting("followed", &body, 25).await;
    assert_eq!(placed.body["status"], "requires_action");
    assert_eq!(placed.body["next_action"]["type"], "authenticate");
    let response = cluster.follow(1, placed.signed_id(), None).await;
    cluster.cancel(0, placed.signed_id()).await;
    let seen = read(response).await;
    let history = cluster.history(placed.order_id()).await;
    assert_eq!(seen.ids, history);
    assert_eq!(history.last(), Some(&Status::Cancelled.as_str()));
    assert_eq!(seen.last["reason"], json!({"code": "requested", "by": "buyer"}));
    cluster.verify_without_waiting_for_polls(&[placed.order_id()]).await;
}

impl TestCluster {
    /// Posts an order and prefers to wait for its end for this long.
    async fn post_waiting(&self, key: &str, body: &Value, seconds: u64) -> HttpResponse {
        let request = Request::post(format!("{}/v1/orders", self.edge_urls()[0]))
            .header(CONTENT_TYPE, "application/json")
            .header("Idempotency-Key", key)
            .header("Prefer", format!("wait={seconds}"))
            .body(Full::from(body.to_string()))
            .unwrap();
        let answered = self.http.send(request);
        timeout(Duration::from_secs(seconds) + DEADLINE, answered).await.unwrap()
    }

    /// Follows an order at the edge with this index.
    async fn follow(&self, edge: usize, id: &str, seen: Option<&str>) -> Response<Incoming> {
        let mut request = Request::get(format!("{}/v1/orders/{id}/events", self.edge_urls()[edge]));
        if let Some(seen) = seen {
            request = request.header("Last-Event-ID", seen);
        }
        self.http.request(request.body(Full::<Bytes>::default()).unwrap()).await
    }
}

/// Reads a stream of events to its end.
async fn read(response: Response<Incoming>) -> Seen {
    assert_eq!(response.status(), StatusCode::OK);
    let body = timeout(DEADLINE, response.into_body().collect()).await.unwrap().unwrap();
    let text = String::from_utf8(body.to_bytes().to_vec()).unwrap();
    let events = text.split("\n\n").filter_map(|frame| frame.split_once("\ndata: "));
    let (ids, data): (Vec<String>, Vec<Value>) = events
        .map(|(id, data)| (id.replacen("id: ", "", 1), serde_json::from_str(data).unwrap()))
        .unzip();
    Seen { ids, last: data.last().unwrap().clone() }
}
