//! A status that cannot be read: the database is away.

use hyper::StatusCode;
use orders::EventKind;
use serde_json::json;
use streams::Profile;

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan};

#[tokio::test]
async fn with_the_database_away_an_order_has_an_unknown_status_and_may_be_cancelled() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("AWAY", 9)]).await;
    let placed = cluster.post(0, "away", &basket(&[("AWAY", 1)])).await;
    let (id, signed_id) = (placed.order_id(), placed.signed_id());
    cluster.wait_until_final(&[id]).await;

    cluster.processes.servers.postgres.kill().await.unwrap();
    for edge in [0, 1] {
        let url = format!("{}/v1/orders/{signed_id}", cluster.edge_urls()[edge]);
        let unknown = cluster.http.get(&url).await;
        assert_eq!(unknown.status, StatusCode::SERVICE_UNAVAILABLE, "{}", unknown.body);
        assert_eq!(unknown.body["type"], "/problems/status-unavailable");
        let cancelled = cluster.cancel(edge, signed_id).await;
        let expected = json!({"order_id": signed_id, "status": null});
        assert_eq!((cancelled.status, cancelled.body), (StatusCode::ACCEPTED, expected));
    }
    cluster.processes.servers.postgres.start().await.unwrap();
    assert_eq!(cluster.current_status(signed_id).await["status"], "fulfilled");
    cluster.wait_for_event(id, EventKind::CancelRefused).await;
    cluster.verify_and_stop(&[id]).await;
}
