//! The audit is audited: a product that breaks a promise is found out.

use millrace::audit::{AuditMode, Report, audit};
use millrace::ledger::Acknowledged;
use orders::{EventKind, OrderId, Timestamp};
use streams::{Pool, Profile, Sabotage};

use super::events::{cancel_requested, line, tasks};
use super::fixtures::{basket, item};
use super::test_cluster::{Shop, plan, until};

#[tokio::test]
async fn that_acks_before_the_commit() {
    let mut shop = open(Sabotage::AckBeforeCommit).await;
    for (pool, worker) in &mut shop.cluster.workers {
        if *pool == Pool::Inventory {
            worker.stop().await.unwrap();
            worker.set("MILLRACE_CRASH_AT", "reserve:Fetched");
            worker.start().await.unwrap();
        }
    }
    let id = shop.place("once", &basket(&[("SKU", 1)])).await;
    until("a worker has died with the order in hand", async || {
        shop.cluster.workers.iter_mut().any(|(_, worker)| worker.has_ended().unwrap())
    })
    .await;
    let report = shop.found_wrong(&[id]).await;
    assert_eq!(report.in_flight, 1, "{report}");
    shop.cluster.stop().await.unwrap();
}

#[tokio::test]
async fn that_does_not_look_into_its_ledger() {
    let shop = open(Sabotage::NoLedgerCheck).await;
    let id = shop.place_twice().await;
    let report = shop.found_wrong(&[id]).await;
    assert!(report.problems.iter().any(|problem| problem.subject == "SKU"), "{report}");
    shop.cluster.stop().await.unwrap();
}

#[tokio::test]
async fn that_tells_an_outcome_with_the_time_of_its_telling() {
    let shop = open(Sabotage::TimeFromNow).await;
    let id = shop.place_twice().await;
    let report = shop.found_wrong(&[id]).await;
    assert_eq!(report.duplicated, 1, "{report}");
    shop.cluster.stop().await.unwrap();
}

#[tokio::test]
async fn that_knows_messages_by_a_number() {
    let shop = open(Sabotage::IdByCounter).await;
    let mut ids = Vec::new();
    for edge in 0..2 {
        let answer = shop.post(edge, &format!("at-{edge}"), &basket(&[("SKU", 1)])).await;
        ids.push(answer.order_id());
    }
    let report = shop.found_wrong(&ids).await;
    assert_eq!(report.lost, 1, "{report}");
    shop.cluster.stop().await.unwrap();
}

#[tokio::test]
async fn that_releases_stock_without_asking_payment() {
    let shop = open(Sabotage::ReleaseUnasked).await;
    let decided = tasks([&cancel_requested("key")]);
    workers::fulfilment::withdraw(&shop.books.database, &decided).await.unwrap();
    let id = shop.place("key", &basket(&[("SKU", 1)])).await;
    until("it is paid", async || shop.told(id).await.contains(&EventKind::Paid)).await;
    shop.publish(EventKind::CancelRequested, &[line(&cancel_requested("key"))]).await;
    shop.until_final(&[id]).await;
    let report = shop.found_wrong(&[id]).await;
    assert!(report.problems.iter().any(|it| it.detail.contains("is held")), "{report}");
    shop.cluster.stop().await.unwrap();
}

async fn open(mutant: Sabotage) -> Shop {
    let mut plan = plan(Profile::Single);
    plan.envs.push(("MILLRACE_MUTANT".to_owned(), format!("{mutant:?}")));
    let shop = Shop::open(plan).await;
    shop.sell(&[item("SKU", 10)]).await;
    shop
}

impl Shop {
    /// Places one order, and again when inventory has decided about it, so that it decides twice.
    async fn place_twice(&self) -> OrderId {
        let basket = basket(&[("SKU", 1)]);
        let id = self.place("twice", &basket).await;
        self.until_final(&[id]).await;
        self.place("twice", &basket).await
    }

    /// What the audit says when all has come to rest: something is wrong.
    async fn found_wrong(&self, ids: &[OrderId]) -> Report {
        let entry = |id: &OrderId| Acknowledged {
            key: String::new(),
            order_id: id.to_string(),
            posted_at_ms: Timestamp::from_millis(0),
            acknowledged_at_ms: Timestamp::from_millis(0),
        };
        let ledger: Vec<Acknowledged> = ids.iter().map(entry).collect();
        let report = Report::new(Profile::Single);
        let findings = audit(&self.books, report, &ledger, AuditMode::Quiesced).await.unwrap();
        assert!(!findings.report.passed, "the audit found nothing: {}", findings.report);
        findings.report
    }
}
