//! Mutants: one cluster in which seven guarantees are broken, each in another order. The command
//! `audit` names each of them in a line of its own.

use std::path::Path;

use millrace::audit::wait_quiescent;
use millrace::ledger::{Acknowledged, Ledger};
use orders::{CancelReason, CancelledBy, EventBody, EventKind, OrderId, Timestamp};
use serde_json::Value;
use streams::Profile;
use streams::failpoints::FAILPOINTS;
use tempfile::NamedTempFile;
use uuid::Uuid;
use workers::payment;
use workers::payment::provider::NewIntent;

use super::events::{event, ndjson_line, order_id};
use super::fixtures::{PRICE, basket, item};
use super::test_cluster::{DEADLINE, PROVIDER_KEY, TestCluster, plan, wait_until};
use crate::program::{COMMAND_LIMIT, output_within, program};

const REASON: CancelReason = CancelReason::Requested { by: CancelledBy::Buyer };

#[tokio::test]
async fn the_audit_names_each_mutant() {
    let mut plan = plan(Profile::Single);
    plan.envs.push((FAILPOINTS.to_owned(), "believe_all".to_owned()));
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("A", 100), item("B", 100)]).await;
    let file = NamedTempFile::new().unwrap();
    let mut ledger = Ledger::create(file.path()).unwrap();
    for (key, sku) in
        [("released", "A"), ("two-finals", "A"), ("total", "A"), ("lines-1", "A"), ("lines-2", "B")]
    {
        cluster.place_for(&mut ledger, 0, key, &basket(&[(sku, 1)])).await;
    }
    cluster
        .wait_until_final(&["released", "two-finals", "total", "lines-1", "lines-2"].map(order_id))
        .await;
    let (passed, report) = cluster.run_audit(file.path()).await;
    assert!(passed, "{report}");

    let intent = cluster.capture_without_an_order().await;
    cluster.release_although_shipped("released").await;
    let cancelled = event("two-finals", EventBody::Cancelled { reason: REASON });
    cluster.publish(EventKind::Cancelled, &[ndjson_line(&cancelled)]).await;
    cluster.update_row("total", "total = 999999").await;
    cluster.swap_lines("lines-1", "lines-2").await;
    cluster.ack_before_publish(&mut ledger, "unpublished").await;
    cluster.lose_outcomes(&mut ledger, "outcome").await;

    let (passed, report) = cluster.run_audit(file.path()).await;
    assert!(!passed, "{report}");
    let of = |key, detail: &str| format!("✗ {}: {detail}", order_id(key));
    for line in [
        of("released", "is shipped, but its reservation is released"),
        of("two-finals", "has two final events: fulfilled and cancelled"),
        of("total", &format!("its total is 999999 GBP, but its payment is of {PRICE} GBP")),
        of("lines-1", "its lines in the database are not those that were placed"),
        of("lines-2", "its lines in the database are not those that were placed"),
        format!("✗ {intent}: 777 was captured without an order"),
        of("outcome", "database says paid, stream says reserved"),
        of("unpublished", "was acknowledged and is lost"),
    ] {
        assert!(report.contains(&line), "{line} is missing in:\n{report}");
    }
    cluster.processes.stop().await.unwrap();
}

impl TestCluster {
    /// Places an order, and writes its 202 to the ledger.
    async fn place_for(
        &self,
        ledger: &mut Ledger,
        edge: usize,
        key: &str,
        body: &Value,
    ) -> OrderId {
        let placed = self.post(edge, key, body).await;
        let at = Timestamp::from_millis(0);
        let entry = Acknowledged {
            key: key.to_owned(),
            order_id: placed.signed_id().to_owned(),
            posted_at_ms: at,
            acknowledged_at_ms: at,
            body_digest: serde_json::from_value(placed.body["body_digest"].clone()).unwrap(),
        };
        ledger.write(&entry).unwrap();
        placed.order_id()
    }

    /// Runs the command `audit`, once nothing is in flight. Returns whether it succeeded, and what it
    /// prints.
    async fn run_audit(&self, ledger: &Path) -> (bool, String) {
        assert!(wait_quiescent(&self.sources.connection, DEADLINE).await);
        let endpoints = self.processes.endpoints();
        let mut command = program(["audit", "--ledger"]);
        command
            .arg(ledger)
            .env("NATS_URL", &endpoints.nats_url)
            .env("MILLRACE_KEYS", &endpoints.keys)
            .env("DATABASE_URL", &endpoints.database_url)
            .env("MILLRACE_PROVIDER_URL", &endpoints.provider_url)
            .env("MILLRACE_PROVIDER_KEY", PROVIDER_KEY)
            .env("MILLRACE_PROFILE", "single");
        let output = output_within(COMMAND_LIMIT, command).await;
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(!log.contains("error:"), "{log}");
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    /// Inventory receives a refund that payment has not published.
    async fn release_although_shipped(&self, key: &str) {
        let refunded = event(key, EventBody::Refunded { amount: None, reason: REASON });
        self.publish(EventKind::Refunded, &[ndjson_line(&refunded)]).await;
        self.wait_for_event(order_id(key), EventKind::Cancelled).await;
    }

    async fn update_row(&self, key: &str, assignment: &str) {
        let connection = self.sources.database.connection().await.unwrap();
        let update = format!("UPDATE inventory.reservations SET {assignment} WHERE order_id = $1");
        let row = Uuid::from_bytes(*order_id(key).as_bytes());
        assert_eq!(connection.execute(&update, &[&row]).await.unwrap(), 1);
    }

    /// Gives two orders each other's lines. Their totals are equal, and so are the sums of each SKU.
    async fn swap_lines(&self, one: &str, other: &str) {
        let connection = self.sources.database.connection().await.unwrap();
        let ids = [one, other].map(|key| Uuid::from_bytes(*order_id(key).as_bytes()));
        let swap = "UPDATE inventory.reservations AS one SET lines = other.lines
                    FROM inventory.reservations AS other
                    WHERE one.order_id = ANY($1) AND other.order_id = ANY($1)
                        AND one.order_id <> other.order_id";
        assert_eq!(connection.execute(swap, &[&&ids[..]]).await.unwrap(), 2);
    }

    /// Captures money at the provider for nothing. Returns the id of the intent.
    async fn capture_without_an_order(&self) -> String {
        let provider = &self.sources.provider;
        let payment_method = Some("tok_visa");
        let new = NewIntent { order: "", amount: 777, currency: "GBP", payment_method };
        let intent = provider.create_intent(&new, "stray-create").await.unwrap();
        provider.confirm(&intent.id, "stray-confirm").await.unwrap();
        intent.id
    }

    /// Places an order at an edge that acknowledges orders and does not publish them.
    async fn ack_before_publish(&mut self, ledger: &mut Ledger, key: &str) {
        let edge = &mut self.processes.edges[1];
        edge.stop().await.unwrap();
        edge.set(FAILPOINTS, "ack_before_publish");
        edge.start().await.unwrap();
        self.wait_until_open().await;
        self.place_for(ledger, 1, key, &basket(&[("A", 1)])).await;
    }

    /// Places an order whose payment is committed and not published.
    async fn lose_outcomes(&mut self, ledger: &mut Ledger, key: &str) {
        for (pool, worker) in &mut self.processes.workers {
            if *pool == payment::POOL {
                worker.stop().await.unwrap();
                worker.set(FAILPOINTS, "lose_outcomes");
                worker.start().await.unwrap();
            }
        }
        let id = self.place_for(ledger, 0, key, &basket(&[("A", 1)])).await;
        wait_until("the order is paid", async || {
            let view = self.views(&[id]).await.remove(0);
            view.is_some_and(|view| view.status == orders::Status::Paid)
        })
        .await;
    }
}
