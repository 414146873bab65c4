//! The audit is tested with a sabotaged product: it detects each broken guarantee.

use millrace::audit::{AuditMode, Promised, Report, audit};
use millrace::keys::Role;
use millrace::ledger::Acknowledged;
use orders::{EventKind, OrderId, Timestamp};
use streams::failpoints::FAILPOINTS;
use streams::{Pool, Profile};
use workers::{fulfilment, inventory};

use super::events::{cancel_requested, ndjson_line};
use super::fixtures::{PRICE, basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};

#[tokio::test]
async fn the_audit_detects_a_worker_that_acks_before_it_commits() {
    let mut cluster = start("ack_before_commit").await;
    for (pool, worker) in &mut cluster.processes.workers {
        if *pool == inventory::POOL {
            worker.stop().await.unwrap();
            worker.set(FAILPOINTS, "ack_before_commit,reserve.fetched");
            worker.start().await.unwrap();
        }
    }
    let id = cluster.place("once", &basket(&[("SKU", 1)])).await;
    wait_until("a worker has crashed while it holds the order", async || {
        cluster.processes.workers.iter_mut().any(|(_, worker)| worker.has_exited().unwrap())
    })
    .await;
    let report = cluster.assert_audit_names(&[id], "is stuck at accepted").await;
    assert_eq!(report.in_flight, 1, "{report}");
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn the_audit_detects_a_worker_that_ignores_the_rows_of_its_steps() {
    let cluster = start("forget_rows").await;
    let id = cluster.place_twice().await;
    cluster.assert_audit_names(&[id], "SKU: 10 loaded, 8 on hand + ").await;
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn the_audit_detects_a_worker_that_stamps_outcomes_with_the_current_time() {
    let cluster = start("time_from_now").await;
    let id = cluster.place("answered-twice", &basket(&[("SKU", 1)])).await;
    cluster.wait_until_final(&[id]).await;
    let created = cluster.copies(&[id], EventKind::Created).await;
    cluster.publish_message(&created.asking_for_answer()).await;
    let conflict = "has two different outcomes of one step";
    let report = cluster.assert_audit_names(&[id], conflict).await;
    assert_eq!(report.duplicated, 1, "{report}");
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn the_audit_detects_message_ids_that_are_counters() {
    let cluster = start("id_by_counter").await;
    let mut ids = Vec::new();
    for edge in 0..2 {
        let placed = cluster.post(edge, &format!("at-{edge}"), &basket(&[("SKU", 1)])).await;
        ids.push(placed.order_id());
    }
    let report = cluster.assert_audit_names(&ids, "was acknowledged and is lost").await;
    assert_eq!(report.lost, Some(1), "{report}");
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn the_audit_detects_a_release_that_does_not_wait_for_the_refund() {
    let mut cluster = start("release_unasked,believe_all").await;
    // With its own key the brokers would refuse what it publishes in the place of payment.
    cluster.give_key_of_lab(fulfilment::POOL).await;
    cluster.decide_withdrawal("key").await;
    let id = cluster.place("key", &basket(&[("SKU", 1)])).await;
    wait_until("the order is paid", async || {
        cluster.events_of(id).await.contains(&EventKind::Paid)
    })
    .await;
    cluster.publish(EventKind::CancelRequested, &[ndjson_line(&cancel_requested("key"))]).await;
    cluster.wait_until_final(&[id]).await;
    let held = format!("is cancelled but {PRICE} is held for it");
    cluster.assert_audit_names(&[id], &held).await;
    cluster.processes.stop().await.unwrap();
}

async fn start(failpoint: &str) -> TestCluster {
    let mut plan = plan(Profile::Single);
    plan.envs.push((FAILPOINTS.to_owned(), failpoint.to_owned()));
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("SKU", 10)]).await;
    cluster
}

impl TestCluster {
    /// Has the workers of a pool use a key that permits everything.
    async fn give_key_of_lab(&mut self, pool: Pool) {
        let key = self.processes.servers.brokers.keys().key_file(Role::Lab);
        for (of, worker) in &mut self.processes.workers {
            if *of == pool {
                worker.stop().await.unwrap();
                worker.set("NATS_KEY_FILE", key.to_str().unwrap());
                worker.start().await.unwrap();
            }
        }
    }

    /// Places one order, and again when it is final, so that inventory decides about it twice.
    async fn place_twice(&self) -> OrderId {
        let basket = basket(&[("SKU", 1)]);
        let id = self.place("twice", &basket).await;
        self.wait_until_final(&[id]).await;
        self.place("twice", &basket).await
    }

    /// Audits the quiescent cluster with acknowledged orders `ids`, asserts that the audit fails with
    /// a line that contains `problem`, and returns its report.
    async fn assert_audit_names(&self, ids: &[OrderId], problem: &str) -> Report {
        let entry = |id: &OrderId| Acknowledged {
            key: String::new(),
            order_id: id.to_string(),
            posted_at_ms: Timestamp::from_millis(0),
            acknowledged_at_ms: Timestamp::from_millis(0),
            body_digest: None,
        };
        let ledger: Vec<Acknowledged> = ids.iter().map(entry).collect();
        let report = Report::new(Profile::Single);
        let promised = Promised::of_ledger(&ledger).unwrap();
        let findings =
            audit(&self.sources, report, Some(&promised), AuditMode::Quiesced).await.unwrap();
        let report = findings.report;
        assert!(!report.passed, "the audit found nothing: {report}");
        assert!(report.to_string().contains(problem), "{problem} is missing in:\n{report}");
        report
    }
}
