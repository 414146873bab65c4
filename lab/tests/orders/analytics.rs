//! Analytics counts every fulfilled order once, and never stops intake.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use millrace::audit::{AuditMode, AuditSources, ObserverFindings, Report, audit};
use orders::{EventKind, OrderId, Status};
use serde_json::{Value, json};
use streams::{Lane, Pool, Profile, Publisher, Retention, batch, set_lane_limit, stream_state};
use tokio::time::Instant;
use workers::{fulfilment, inventory, payment, purge_processed, stages};

use super::events::{PUBLISH_TIMEOUT, created, ndjson_line};
use super::fixtures::{PRICE, basket, item};
use super::http_client::HttpResponse;
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::program::{COMMAND_LIMIT, output_within, program};

/// Orders posted at the same time.
const ROUND: usize = 20;
/// Longer than an edge remembers what it has seen: it takes a stream for emptied if all is gone that it has
/// seen within a minute.
const SEEN_WITHIN: Duration = Duration::from_secs(65);
/// Enough rounds to fill the stream.
const ROUNDS: usize = 10;

#[tokio::test]
async fn each_fulfilled_order_is_counted_once_whatever_is_redelivered() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("SOLD", 1_000), item("ALSO SOLD", 1_000)]).await;
    let two_lines = basket(&[("SOLD", 1), ("ALSO SOLD", 5), ("SOLD", 2)]);
    let first = cluster.place("first", &two_lines).await;
    let other_body = ndjson_line(&created("first", &basket(&[("SOLD", 100)])));
    cluster.publish(EventKind::Created, &[other_body]).await;
    let rejected = cluster.place("rejected", &basket(&[("SOLD", 5_000)])).await;
    let second = cluster.place("second", &basket(&[("SOLD", 4)])).await;
    cluster.wait_until_final(&[first, rejected, second]).await;
    cluster.republish_fulfilled().await;
    cluster.wait_until_counted().await;
    assert_eq!(cluster.sold("SOLD").await, (2, 7, 7 * PRICE));
    assert_eq!(cluster.sold("ALSO SOLD").await, (1, 5, 5 * PRICE));
    let report: Value = serde_json::from_str(&cluster.report(&["--json"]).await).unwrap();
    let also_sold = json!({"sku": "ALSO SOLD", "currency": "GBP", "orders": 1, "units": 5, "revenue": 5 * PRICE});
    assert_eq!(report["skus"][1], also_sold);
    let units: i64 = report["units"].as_array().unwrap().iter().filter_map(Value::as_i64).sum();
    assert_eq!(units, 7 + 5);
    let table = cluster.report(&["--sku", "SOLD", "--since", "3d"]).await;
    assert!(
        table.contains("SOLD") && table.contains("at most 7") && table.contains('█'),
        "{table}"
    );
    cluster.verify_and_stop(&[first, rejected, second]).await;
}

#[tokio::test]
async fn sales_are_counted_by_country_beside_those_that_an_earlier_version_counted() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ABROAD", 1_000)]).await;
    let to = |country: &str, quantity| {
        let mut body = basket(&[("ABROAD", quantity)]);
        body["shipping_address"] = json!({"name": "Ann", "line1": "1", "country": country});
        body
    };
    cluster.stop_worker(analytics()).await;
    let earlier = cluster.place("earlier", &to("GB", 100)).await;
    cluster.wait_until_final(&[earlier]).await;
    // A version before countries counts an order so.
    cluster
        .sql(&format!(
            "INSERT INTO analytics.counted_orders (order_id, fulfilled_at)
                 SELECT order_id, shipped_at FROM fulfilment.shipped_orders WHERE order_id = '{earlier}';
             INSERT INTO analytics.sales SELECT date_trunc('minute', shipped_at, 'UTC'), 'ABROAD', 'GBP', 1, 100,
                 {} FROM fulfilment.shipped_orders WHERE order_id = '{earlier}'",
            100 * PRICE
        ))
        .await;
    cluster.start_worker(analytics()).await;
    let mut ids = vec![earlier];
    for (key, body) in [
        ("gb", to("GB", 1)),
        ("gb-again", to("GB", 2)),
        ("de", to("DE", 5)),
        ("nowhere", basket(&[("ABROAD", 4)])),
    ] {
        ids.push(cluster.place(key, &body).await);
    }
    cluster.wait_until_final(&ids).await;
    cluster.republish_fulfilled().await;
    cluster.wait_until_counted().await;
    assert_eq!(cluster.sold("ABROAD").await, (5, 112, 112 * PRICE));
    let report: Value = serde_json::from_str(&cluster.report(&["--json"]).await).unwrap();
    let sold_to = |country: &str, orders: i64, units: i64| {
        let revenue = units * PRICE;
        json!({"country": country, "currency": "GBP", "orders": orders, "units": units, "revenue": revenue})
    };
    assert_eq!(
        report["countries"],
        json!([sold_to("DE", 1, 5), sold_to("", 1, 4), sold_to("GB", 2, 3)])
    );
    let table = cluster.report(&[]).await;
    assert!(table.contains("COUNTRY") && table.contains("\nDE "), "{table}");
    cluster.sql("UPDATE analytics.country_sales SET units = units + 1 WHERE country = 'DE'").await;
    let sources = &cluster.sources;
    let found = audit(sources, Report::new(Profile::Single), None, AuditMode::Live).await.unwrap();
    assert!(
        found.report.problems.iter().any(|it| format!("{it:?}").contains("country DE")),
        "{:?}",
        found.report.problems
    );
    cluster.sql("UPDATE analytics.country_sales SET units = units - 1 WHERE country = 'DE'").await;
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn analytics_that_is_stopped_never_stops_intake_and_rebuilds_what_it_missed() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("PRESSED", 1_000_000)]).await;
    cluster.stop_worker(analytics()).await;
    let mut ids = cluster.fulfil_orders(0).await;
    let connection = cluster.sources.connection.clone();
    let round = stream_state(&connection, Lane::FIRST.stream()).await.unwrap().bytes as i64;
    // Six rounds are the 60 % from which on analytics holds nothing back. One more, even if each of
    // its orders has its own message, is less than the 80 % from which on intake stops.
    let limit = round * ROUNDS as i64;
    set_lane_limit(&connection, Lane::FIRST, limit).await.unwrap();
    for number in 1..ROUNDS {
        ids.extend(cluster.fulfil_orders(number).await);
        wait_until("the stream is no longer under pressure", async || {
            cluster.purge_older_than(Instant::now() - SEEN_WITHIN).await;
            let state = stream_state(&connection, Lane::FIRST.stream()).await.unwrap();
            state.bytes * 100 < limit as u64 * 60
        })
        .await;
    }
    let first_kept = stream_state(&connection, Lane::FIRST.stream()).await.unwrap().first_sequence;
    assert!(first_kept > 1, "the stream was never under pressure");

    cluster.start_worker(analytics()).await;
    let findings = cluster.wait_until_counted().await;
    assert!(findings.missed_messages > 0 && findings.rebuilt_orders > 0, "{findings}");
    assert_eq!(cluster.sold("PRESSED").await, (200, 200, 200 * PRICE));
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn added_to_a_running_cluster_analytics_reads_the_history_and_rebuilds_the_rest() {
    let mut plan = plan(Profile::Single);
    plan.workers = vec![(inventory::POOL, 1), (payment::POOL, 1), (fulfilment::POOL, 1)];
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("OLD", 1_000)]).await;
    let purged = cluster.place("purged", &basket(&[("OLD", 1)])).await;
    cluster.assert_quiescent_and_consistent(&[purged]).await;
    assert!(cluster.audit().await.observers.is_empty(), "analytics was never started");
    let cutoff = Instant::now();
    let kept = cluster.place("kept", &basket(&[("OLD", 2)])).await;
    cluster.assert_quiescent_and_consistent(&[purged, kept]).await;
    cluster.purge_older_than(cutoff).await;

    cluster.processes.add_worker(analytics()).await.unwrap();
    let findings = cluster.wait_until_counted().await;
    assert!(findings.missed_messages > 0, "{findings}");
    assert_eq!(cluster.sold("OLD").await, (2, 3, 3 * PRICE));
    cluster.verify_and_stop(&[purged, kept]).await;
}

#[tokio::test]
async fn the_audit_detects_sales_that_are_not_what_the_orders_add_up_to() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("FORGED", 1_000)]).await;
    let id = cluster.place("forged", &basket(&[("FORGED", 1)])).await;
    cluster.wait_until_final(&[id]).await;
    cluster.wait_until_counted().await;
    let connection = cluster.sources.database.connection().await.unwrap();
    connection.execute("UPDATE analytics.sales SET units = units + 1", &[]).await.unwrap();
    let report = cluster.audit().await;
    assert!(!report.passed);
    assert_eq!(report.problems[0].subject, "analytics FORGED");
    cluster.processes.stop().await.unwrap();
}

fn analytics() -> Pool {
    stages::pool_named("analytics").unwrap()
}

impl TestCluster {
    /// Places a round of orders at the same time, asserts that each gets a 202, and waits until
    /// they are fulfilled.
    async fn fulfil_orders(&self, round: usize) -> Vec<OrderId> {
        let body = basket(&[("PRESSED", 1)]);
        let keys: Vec<String> = (0..ROUND).map(|number| format!("{round}-{number}")).collect();
        let posts = keys.iter().map(|key| self.post(0, key, &body));
        let responses = join_all(posts).await;
        for response in &responses {
            assert_eq!(response.status, 202, "round {round}: {}", response.body);
        }
        let ids: Vec<OrderId> = responses.iter().map(HttpResponse::order_id).collect();
        let views = self.wait_until_final(&ids).await;
        assert!(views.iter().all(|view| view.status == Status::Fulfilled));
        ids
    }

    async fn purge_older_than(&self, cutoff: Instant) {
        let AuditSources { connection, database, .. } = &self.sources;
        let age = cutoff.elapsed();
        let retention = Retention { normal: age, under_pressure: age };
        purge_processed(connection, database, Lane::FIRST, &stages::steps(), retention)
            .await
            .unwrap();
    }

    /// Publishes each `fulfilled` event of the stream twice more.
    async fn republish_fulfilled(&self) {
        let publisher = Publisher::new(self.sources.connection.clone());
        for message in self.order_messages().await {
            let Some(kind @ EventKind::Fulfilled) = message.kind else { continue };
            for line in message.lines.iter().chain(&message.lines) {
                let line = Bytes::from([&line[..], b"\n"].concat());
                publisher.publish(&batch::republish(kind, line), PUBLISH_TIMEOUT).await.unwrap();
            }
        }
    }

    async fn audit(&self) -> Report {
        let report = Report::new(Profile::Single);
        audit(&self.sources, report, None, AuditMode::Quiesced).await.unwrap().report
    }

    /// Waits until analytics has seen every order and rebuilt what it missed; asserts that its
    /// sales are what the orders add up to.
    async fn wait_until_counted(&self) -> ObserverFindings {
        let mut findings = ObserverFindings::default();
        wait_until("analytics has counted every order", async || {
            let report = self.audit().await;
            assert_eq!(report.problems, []);
            findings = report.observers.get("analytics").cloned().unwrap_or_default();
            findings.is_complete
        })
        .await;
        findings
    }

    /// What `millrace analytics` prints.
    async fn report(&self, options: &[&str]) -> String {
        let mut command = program(["analytics"]);
        command.args(options).env("DATABASE_URL", self.processes.servers.postgres.url());
        let output = output_within(COMMAND_LIMIT, command).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The orders, units and revenue of a SKU.
    async fn sold(&self, sku: &str) -> (i64, i64, i64) {
        let connection = self.sources.database.connection().await.unwrap();
        let sums = "SELECT sum(orders)::bigint, sum(units)::bigint, sum(revenue)::bigint
             FROM analytics.sales WHERE sku = $1";
        let row = connection.query_one(sums, &[&sku]).await.unwrap();
        (row.get(0), row.get(1), row.get(2))
    }
}
