//! A status that cannot be read: the database is away, or a newer version has written the rows.

use hyper::StatusCode;
use lab::servers::LinkState;
use lab::up::LinkedServer;
use millrace::audit::{AuditMode, Promised, Report, audit};
use orders::{EventKind, OrderId, Status};
use serde_json::json;
use streams::Profile;
use workers::{order_view, payment};

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan};

/// How often a status is asked for: some questions come to each worker.
const ASKED: usize = 20;

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

#[tokio::test]
async fn a_worker_that_is_cut_off_from_the_database_leaves_no_status_unknown() {
    let mut plan = plan(Profile::Single);
    plan.partitionable = true;
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("CUT", 9)]).await;
    let placed = cluster.post(0, "cut", &basket(&[("CUT", 1)])).await;
    cluster.wait_until_final(&[placed.order_id()]).await;
    let is_cut = cluster.worker(payment::POOL).set_link(LinkedServer::Postgres, LinkState::Cut);
    assert!(is_cut);
    let url = format!("{}/v1/orders/{}", cluster.edge_urls()[0], placed.signed_id());
    for number in 0..ASKED {
        let known = cluster.http.get(&url).await;
        assert_eq!(known.status, StatusCode::OK, "{number}: {}", known.body);
    }
    cluster.worker(payment::POOL).set_link(LinkedServer::Postgres, LinkState::Open);
    cluster.verify_and_stop(&[placed.order_id()]).await;
}

#[tokio::test]
async fn rows_that_a_newer_version_has_written_hide_no_other_order() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("NEWER", 9)]).await;
    let newer = cluster.post(0, "newer", &basket(&[("NEWER", 1)])).await;
    let known = cluster.post(0, "known", &basket(&[("NEWER", 1)])).await;
    let ids = [newer.order_id(), known.order_id()];
    cluster.wait_until_final(&ids).await;
    cluster.sql("ALTER TABLE payment.payments DROP CONSTRAINT payments_state_check").await;
    cluster.set_payment_state(ids[0], "split").await;

    let views = order_view::order_views(&cluster.sources.database, &ids).await.unwrap();
    assert!(views[0].is_err());
    assert_eq!(views[1].as_ref().unwrap().as_ref().unwrap().status, Status::Fulfilled);
    let url = format!("{}/v1/orders/{}", cluster.edge_urls()[0], newer.signed_id());
    let unknown = cluster.http.get(&url).await;
    assert_eq!(unknown.body["type"], "/problems/status-unavailable", "{}", unknown.body);
    assert_eq!(cluster.current_status(known.signed_id()).await["status"], "fulfilled");

    let report = Report::new(Profile::Single);
    let promised = Promised::new([(ids[0], None)]);
    let findings =
        audit(&cluster.sources, report, Some(&promised), AuditMode::Quiesced).await.unwrap();
    assert_eq!((findings.report.passed, findings.report.lost), (false, Some(0)));
    let problems: Vec<_> = findings.report.problems.iter().collect();
    let unreadable = problems.iter().filter(|problem| problem.detail.contains("`split`"));
    let subjects: Vec<_> = unreadable.map(|problem| problem.subject.clone()).collect();
    assert_eq!(subjects, [ids[0].to_string()], "{problems:?}");
    assert!(problems.iter().all(|problem| problem.subject != ids[1].to_string()), "{problems:?}");
    cluster.set_payment_state(ids[0], "paid").await;
    cluster.verify_and_stop(&ids).await;
}

impl TestCluster {
    async fn set_payment_state(&self, id: OrderId, state: &str) {
        let update =
            format!("UPDATE payment.payments SET state = '{state}' WHERE order_id = '{id}'");
        self.sql(&update).await;
    }
}
