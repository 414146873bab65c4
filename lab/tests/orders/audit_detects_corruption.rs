//! The audit is tested with corrupted data: it finds each corruption and names its subject.

use millrace::audit::{AuditMode, Promised, Report, audit, repair};
use orders::{EventBody, EventKind, OrderId, Status};
use streams::{Fetcher, Profile};
use workers::payment;
use workers::payment::provider::NewIntent;

use super::events::{event, ndjson_line, order_id};
use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};

#[tokio::test]
async fn the_audit_finds_corruption_in_ledger_stream_database_and_provider() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("AUDITED", 100)]).await;
    let order = basket(&[("AUDITED", 2)]);
    let intact = cluster.place("intact", &order).await;
    cluster.wait_until_final(&[intact]).await;
    cluster.assert_quiescent_and_consistent(&[intact]).await;

    let lost = Promised::new([(order_id("never-stored"), None)]);
    assert_eq!(cluster.assert_audit_fails(Some(&lost)).await.lost, Some(1));

    cluster.sql("UPDATE inventory.stock SET on_hand = on_hand - 98, loaded = loaded - 99").await;
    let report = cluster.assert_audit_fails(None).await;
    assert_eq!(report.oversold_skus, ["AUDITED"]);
    assert_eq!(report.problems[0].subject, "AUDITED");
    cluster.sql("UPDATE inventory.stock SET on_hand = on_hand + 98, loaded = loaded + 99").await;

    let withdrawn =
        r#"state = 'withdrawn', shipment = NULL, reason = '{"code":"requested","by":"buyer"}'"#;
    cluster.sql(&format!("UPDATE fulfilment.shipments SET {withdrawn}")).await;
    let report = cluster.assert_audit_fails(None).await;
    assert_eq!(report.problems[0].subject, intact.to_string(), "{report}");
    let shipped = format!("state = 'shipped', shipment = 'shp_{intact}', reason = NULL");
    cluster.sql(&format!("UPDATE fulfilment.shipments SET {shipped}")).await;

    cluster.assert_quiescent_and_consistent(&[intact]).await;
    let (report, republished) = cluster.lose_and_repair_a_message().await;
    assert_eq!((report.in_flight, republished), (1, 1), "{report}");
    assert_eq!(cluster.wait_until_final(&[order_id("stuck")]).await[0].status, Status::Fulfilled);
    cluster.assert_quiescent_and_consistent(&[intact, order_id("stuck")]).await;

    cluster.charge_again(intact).await;
    assert_eq!(cluster.assert_audit_fails(None).await.charged_twice, 1);

    // A second, different event about the same decision.
    let declined = EventBody::Declined { decline_code: "another_code".to_owned() };
    cluster.publish(EventKind::Declined, &[ndjson_line(&event("stuck", declined))]).await;
    assert_eq!(cluster.assert_audit_fails(None).await.duplicated, 1);
    cluster.processes.stop().await.unwrap();
}

impl TestCluster {
    /// Audits the quiescent cluster, asserts that the audit fails, and returns its report.
    async fn assert_audit_fails(&self, promised: Option<&Promised>) -> Report {
        let report = Report::new(Profile::Single);
        let findings = audit(&self.sources, report, promised, AuditMode::Quiesced).await.unwrap();
        assert!(!findings.report.passed && !findings.report.problems.is_empty());
        findings.report
    }

    pub(crate) async fn sql(&self, statement: &str) {
        self.sources.database.connection().await.unwrap().batch_execute(statement).await.unwrap();
    }

    /// Acks a message that payment should have processed, as a faulty worker would; audits, and
    /// repairs the order. Returns the report, and the number of republished messages.
    async fn lose_and_repair_a_message(&mut self) -> (Report, u64) {
        for (_, worker) in
            self.processes.workers.iter_mut().filter(|(pool, _)| *pool == payment::POOL)
        {
            worker.stop().await.unwrap();
        }
        self.place("stuck", &basket(&[("AUDITED", 1)])).await;
        let mut fetcher = Fetcher::new(self.sources.connection.clone(), payment::CHARGE.events());
        for delivery in fetcher.next(1).await.unwrap() {
            delivery.ack().await;
        }
        drop(fetcher);
        let report = Report::new(Profile::Single);
        let findings = audit(&self.sources, report, None, AuditMode::Quiesced).await.unwrap();
        self.start_workers().await;
        let repaired = repair(&self.sources, &findings.stuck).await.unwrap();
        (findings.report, repaired.republished)
    }

    /// Charges an order a second time, by another intent, which no worker would do.
    async fn charge_again(&self, order: OrderId) {
        let provider = &self.sources.provider;
        let order = order.to_string();
        let payment_method = Some("tok_visa");
        let new = NewIntent { order: &order, amount: 500, currency: "GBP", payment_method };
        let intent = provider.create_intent(&new, "again-create").await.unwrap();
        provider.confirm(&intent.id, "again-confirm").await.unwrap();
        wait_until("the provider has captured the second charge", async || {
            provider.retrieve(&intent.id).await.is_ok_and(|intent| intent.amount_received == 500)
        })
        .await;
    }
}
