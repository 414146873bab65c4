//! The auditor is audited: whatever is falsified, it is found, and named.

use millrace::audit::{AuditMode, Report, audit, repair};
use millrace::ledger::Acknowledged;
use orders::{EventBody, EventKind, OrderId, Status, Timestamp};
use streams::{Fetcher, Pool, Profile, Step};
use workers::payment::provider::NewIntent;

use super::events::{event, id, line};
use super::fixtures::{basket, item};
use super::test_cluster::{Shop, plan, until};

#[tokio::test]
async fn in_ledger_stream_database_and_provider() {
    let mut shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("AUDITED", 100)]).await;
    let order = basket(&[("AUDITED", 2)]);
    let honest = shop.place("honest", &order).await;
    shop.until_final(&[honest]).await;
    shop.books_close(&[honest]).await;

    let lost = entry(id("never-stored"));
    assert_eq!(shop.falsified(&[lost]).await.lost, 1);

    shop.sql("UPDATE inventory.stock SET on_hand = on_hand - 98, loaded = loaded - 99").await;
    let report = shop.falsified(&[]).await;
    assert_eq!(report.oversold_skus, ["AUDITED"]);
    assert_eq!(report.problems[0].subject, "AUDITED");
    shop.sql("UPDATE inventory.stock SET on_hand = on_hand + 98, loaded = loaded + 99").await;

    let withdrawn =
        r#"state = 'withdrawn', shipment = NULL, reason = '{"code":"requested","by":"buyer"}'"#;
    shop.sql(&format!("UPDATE fulfilment.shipments SET {withdrawn}")).await;
    let report = shop.falsified(&[]).await;
    assert_eq!(report.problems[0].subject, honest.to_string(), "{report}");
    let shipped = format!("state = 'shipped', shipment = 'shp_{honest}', reason = NULL");
    shop.sql(&format!("UPDATE fulfilment.shipments SET {shipped}")).await;

    shop.books_close(&[honest]).await;
    let (stuck, pushed) = shop.loses_a_message().await;
    assert_eq!((stuck.in_flight, pushed), (1, 1), "{stuck}");
    assert_eq!(shop.until_final(&[id("stuck")]).await[0].status, Status::Fulfilled);
    shop.books_close(&[honest, id("stuck")]).await;

    shop.charge_again(honest).await;
    assert_eq!(shop.falsified(&[]).await.charged_twice, 1);

    // The same decision, told in another wording.
    let told = EventBody::Declined { decline_code: "told_twice".to_owned() };
    shop.publish(EventKind::Declined, &[line(&event("stuck", told))]).await;
    assert_eq!(shop.falsified(&[]).await.duplicated, 1);
    shop.cluster.stop().await.unwrap();
}

fn entry(id: OrderId) -> Acknowledged {
    let at = Timestamp::from_millis(1);
    let order_id = format!("{id}{}", "0".repeat(16));
    Acknowledged { key: "k".to_owned(), order_id, posted_at_ms: at, acknowledged_at_ms: at }
}

impl Shop {
    /// What an audit says when something is wrong.
    async fn falsified(&self, ledger: &[Acknowledged]) -> Report {
        let report = Report::new(Profile::Single);
        let findings = audit(&self.books, report, ledger, AuditMode::Quiesced).await.unwrap();
        assert!(!findings.report.passed && !findings.report.problems.is_empty());
        findings.report
    }

    async fn sql(&self, statement: &str) {
        self.books.database.connection().await.unwrap().batch_execute(statement).await.unwrap();
    }

    /// Acks what payment should have charged, as a faulty worker would; then repairs it.
    async fn loses_a_message(&mut self) -> (Report, u64) {
        for (_, worker) in
            self.cluster.workers.iter_mut().filter(|(pool, _)| *pool == Pool::Payment)
        {
            worker.stop().await.unwrap();
        }
        self.place("stuck", &basket(&[("AUDITED", 1)])).await;
        let mut puller = Fetcher::new(self.books.connection.clone(), Step::Charge.events());
        for delivery in puller.next(1).await.unwrap() {
            delivery.ack().await;
        }
        drop(puller);
        let report = Report::new(Profile::Single);
        let findings = audit(&self.books, report, &[], AuditMode::Quiesced).await.unwrap();
        for (_, worker) in &mut self.cluster.workers {
            worker.start().await.unwrap();
        }
        let pushed = repair(&self.books.connection, &findings.stuck).await.unwrap();
        (findings.report, pushed)
    }

    /// What no worker would do: a second intent for the same order, and its confirmation.
    async fn charge_again(&self, order: OrderId) {
        let provider = &self.books.provider;
        let order = order.to_string();
        let new = NewIntent { order: &order, amount: 500, currency: "GBP", payment_method: None };
        let intent = provider.create_intent(&new, "again-create").await.unwrap();
        provider.confirm(&intent.id, "again-confirm").await.unwrap();
        until("the provider has it", async || {
            provider.retrieve(&intent.id).await.is_ok_and(|intent| intent.amount_received == 500)
        })
        .await;
    }
}
