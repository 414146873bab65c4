//! Two bodies under one key: the one whose row inventory wrote is never refused, the other one is,
//! whatever Redis says.

use futures_util::future::{join, join_all};
use hyper::StatusCode;
use orders::{BodyDigest, OrderId, PlaceOrder};
use serde_json::Value;
use streams::Profile;
use uuid::Uuid;

use super::fixtures::{basket, item};
use super::http_client::HttpResponse;
use super::test_cluster::{TestCluster, plan, wait_until, with_shared_cluster};

/// Keys under each of which two bodies are posted at once. One in eight was answered wrongly when
/// edges refused by Redis.
const KEYS: usize = 60;

#[tokio::test]
async fn after_redis_is_emptied_the_row_decides_which_body_is_refused() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("EMPTIED", 100)]).await;
    let (kept, other) = (basket(&[("EMPTIED", 1)]), basket(&[("EMPTIED", 2)]));
    let placed = cluster.post(0, "emptied", &kept).await;
    let id = placed.order_id();
    cluster.wait_until_final(&[id]).await;
    cluster.flush_redis().await;

    let first_answer = cluster.post(1, "emptied", &other).await.status;
    assert!([StatusCode::ACCEPTED, StatusCode::UNPROCESSABLE_ENTITY].contains(&first_answer));
    for edge in [0, 1] {
        cluster.assert_other_body_is_refused(edge, "emptied", &kept, &other).await;
    }
    wait_until("the repeat is known", async || {
        let repeat = cluster.post(0, "emptied", &kept).await;
        assert_eq!(repeat.order_id(), id);
        repeat.replayed
    })
    .await;
    let shown = cluster.current_status(placed.signed_id()).await;
    assert_eq!(shown["body_digest"], digest(&kept));
    assert_eq!(placed.body["body_digest"], digest(&kept));
    assert_eq!(cluster.on_hand("EMPTIED").await, 99);
    cluster.verify_and_stop(&[id]).await;
}

#[test]
fn of_two_bodies_posted_at_once_at_two_edges_the_one_in_the_row_is_never_refused() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("AT-ONCE", 1_000)]).await;
        let bodies = [basket(&[("AT-ONCE", 1)]), basket(&[("AT-ONCE", 2)])];
        let keys: Vec<String> = (0..KEYS).map(|number| format!("at-once-{number}")).collect();
        let mut responses = Vec::new();
        // One pair after the other: under a burst the edges' look-ups in Redis time out, and an edge
        // that knows nothing refuses nothing.
        for key in &keys {
            let one = cluster.post(0, key, &bodies[0]);
            responses.push(join(one, cluster.post(1, key, &bodies[1])).await);
        }
        let ids: Vec<OrderId> =
            responses.iter().map(|(one, two)| accepted(one, two).order_id()).collect();
        cluster.wait_until_final(&ids).await;

        join_all(keys.iter().zip(&ids).zip(&responses).map(async |((key, id), (one, two))| {
            let row = cluster.digest_in_row(*id).await;
            let is_first = row == digest(&bodies[0]);
            assert!(is_first || row == digest(&bodies[1]), "{key}: {row}");
            let (kept, other) =
                if is_first { (&bodies[0], &bodies[1]) } else { (&bodies[1], &bodies[0]) };
            let first_answer = if is_first { one } else { two };
            assert_eq!(first_answer.status, StatusCode::ACCEPTED, "{key}: {first_answer:?}");
            for edge in [0, 1] {
                cluster.assert_other_body_is_refused(edge, key, kept, other).await;
            }
            let signed_id = accepted(one, two).signed_id();
            assert_eq!(cluster.current_status(signed_id).await["body_digest"], row, "{key}");
        }))
        .await;
        cluster.assert_consistent(&ids).await;
    });
}

/// The response that accepts, of two to bodies of which at most one is refused.
fn accepted<'a>(one: &'a HttpResponse, two: &'a HttpResponse) -> &'a HttpResponse {
    if one.status == StatusCode::ACCEPTED { one } else { two }
}

/// The digest of a body, in digits.
fn digest(body: &Value) -> String {
    BodyDigest::of(&PlaceOrder::parse(body.to_string().as_bytes()).unwrap()).into()
}

impl TestCluster {
    /// Repeats both bodies at one edge until the one that is not in the row is refused, which may
    /// take a few attempts: on a busy machine look-ups in Redis time out. The other one is accepted
    /// every time.
    pub(crate) async fn assert_other_body_is_refused(
        &self,
        edge: usize,
        key: &str,
        kept: &Value,
        other: &Value,
    ) {
        wait_until("the body that is not in the row is refused", async || {
            let repeat = self.post(edge, key, kept).await;
            assert_eq!(repeat.status, StatusCode::ACCEPTED, "{key}, {kept}: {}", repeat.body);
            let response = self.post(edge, key, other).await;
            if response.status == StatusCode::ACCEPTED {
                return false;
            }
            assert_eq!(response.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", response.body);
            response.body["type"] == "/problems/idempotency-key-reused"
        })
        .await;
    }

    /// The digest of the body that inventory's row records, in digits.
    async fn digest_in_row(&self, id: OrderId) -> String {
        let connection = self.sources.database.connection().await.unwrap();
        let select = "SELECT digest FROM inventory.reservations WHERE order_id = $1";
        let row_id = Uuid::from_bytes(*id.as_bytes());
        let row = connection.query_one(select, &[&row_id]).await.unwrap();
        let digest: Vec<u8> = row.get(0);
        BodyDigest::from_bytes(digest.try_into().unwrap()).into()
    }
}
