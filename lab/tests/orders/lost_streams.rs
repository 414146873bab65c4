//! A stream that is deleted or purged by hand: intake closes, every command says what is wrong, and a
//! person decides how to go on.

use lab::up::Plan;
use millrace::audit::{AuditMode, Report, audit, repair};
use millrace::keys::Role;
use orders::Status;
use serde_json::json;
use streams::{Lane, Profile, find_stream_state};
use workers::{fulfilment, payment};

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::program::{COMMAND_LIMIT, output_within, program};

impl TestCluster {
    /// Runs a command of the product to its end. Returns whether it succeeded, and its output.
    pub(crate) async fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = program(arguments);
        let brokers = &self.processes.servers.brokers;
        // The other commands take the key of their role from the folder.
        let role = match arguments {
            ["migrate", ..] => Some(Role::Admin),
            ["worker", pool, ..] => Some(Role::named(pool).unwrap()),
            _ => None,
        };
        if let Some(role) = role {
            command.envs(brokers.environment(role));
        }
        command
            .env("NATS_URL", brokers.url())
            .env("MILLRACE_KEYS", brokers.keys().path())
            .env("DATABASE_URL", self.processes.servers.postgres.url())
            .env("MILLRACE_PROFILE", self.processes.endpoints().profile.as_str());
        let output = output_within(COMMAND_LIMIT, command).await;
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }

    pub(crate) async fn restart_edges(&mut self) {
        for edge in &mut self.processes.edges {
            edge.stop().await.unwrap();
            edge.start().await.unwrap();
        }
    }

    /// The report of an audit of the running cluster, which fails.
    async fn failed_audit(&self) -> Report {
        let report = Report::new(Profile::Single);
        let findings = audit(&self.sources, report, None, AuditMode::Live).await.unwrap();
        assert!(!findings.report.passed, "{}", findings.report);
        findings.report
    }
}

#[tokio::test]
async fn a_stream_that_was_deleted_is_only_created_on_request_and_no_order_is_lost() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("DELETED", 100)]).await;
    let before = cluster.place("before", &basket(&[("DELETED", 1)])).await;
    cluster.assert_quiescent_and_consistent(&[before]).await;
    let mut nats = cluster.nats().await;
    let deleted = nats.api("STREAM.DELETE.ORDERS_1", &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");

    let reason = cluster.wait_until_closed("ORDERS_1: stream is missing").await;
    assert!(reason.contains("restore a backup"), "{reason}");
    let refused = cluster.post(0, "refused", &basket(&[("DELETED", 1)])).await;
    assert_eq!(refused.body["type"], "/problems/not-durable", "{}", refused.body);
    let (is_success, status) = cluster.run(&["status"]).await;
    assert!(is_success, "{status}");
    assert!(status.contains("INTAKE CLOSED ORDERS_1: stream is missing"), "{status}");
    assert!(status.contains("RETRIES "), "{status}");
    let report = cluster.failed_audit().await;
    assert!(report.to_string().contains("brokers: ORDERS_1: stream is missing"), "{report}");
    assert_eq!(report.fulfilled, 1);
    for command in [&["worker", "fulfilment"][..], &["migrate"]] {
        let (is_success, log) = cluster.run(command).await;
        assert!(!is_success && log.contains("the stream ORDERS_1 is missing"), "{log}");
        assert!(log.contains("millrace migrate --begin-anew"), "{log}");
    }
    let connection = &cluster.sources.connection;
    assert_eq!(find_stream_state(connection, Lane::FIRST.stream()).await.unwrap(), None);

    let (is_success, log) = cluster.run(&["migrate", "--begin-anew"]).await;
    assert!(is_success, "{log}");
    let reason = cluster.wait_until_closed("ORDERS_1: stream is another one").await;
    assert!(reason.contains("restart the edges"), "{reason}");
    cluster.restart_edges().await;
    let after = cluster.place("after", &basket(&[("DELETED", 1)])).await;
    let views = cluster.wait_until_final(&[before, after]).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled), "{views:?}");
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn a_lane_that_is_lost_stops_no_worker_and_orders_go_on_in_the_other_lanes() {
    let mut cluster = TestCluster::start(Plan { lanes: Some(3), ..plan(Profile::Single) }).await;
    cluster.load_catalog(&[item("LOST", 100)]).await;
    let mut ids = vec![cluster.place("before", &basket(&[("LOST", 1)])).await];
    cluster.wait_until_final(&ids).await;
    cluster.stop_workers().await;
    let mut nats = cluster.nats().await;
    for request in ["STREAM.DELETE.ORDERS_2", "CONSUMER.DELETE.ORDERS_1.payment"] {
        let deleted = nats.api(request, &json!({})).await;
        assert_eq!(deleted["success"], true, "{deleted}");
    }
    cluster.start_workers().await;
    ids.push(cluster.place("at-start", &basket(&[("LOST", 1)])).await);
    cluster.wait_until_final(&ids).await;

    // The workers run, and the lane is still missing.
    let deleted = nats.api("CONSUMER.DELETE.ORDERS_1.fulfilment", &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    ids.push(cluster.place("running", &basket(&[("LOST", 1)])).await);
    for view in cluster.wait_until_final(&ids).await {
        assert_eq!(view.status, Status::Fulfilled);
    }
    let status = cluster.status_text().await;
    assert!(status.contains("ORDERS_2: stream is missing"), "{status}");
    assert!(!cluster.log_lines("a lane is left out").is_empty());
    let connection = &cluster.sources.connection;
    assert_eq!(find_stream_state(connection, "ORDERS_2").await.unwrap(), None);
    let (is_success, log) = cluster.run(&["migrate", "--begin-anew"]).await;
    assert!(is_success, "{log}");
    assert!(find_stream_state(connection, "ORDERS_2").await.unwrap().is_some());
    cluster.restart_edges().await;
    ids.push(cluster.place("after", &basket(&[("LOST", 1)])).await);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn a_durable_that_is_missing_is_shown_and_ends_neither_status_nor_audit() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("DELETED", 100)]).await;
    let done = cluster.place("done", &basket(&[("DELETED", 1)])).await;
    cluster.assert_quiescent_and_consistent(&[done]).await;
    // Without workers it is not created again.
    cluster.stop_workers().await;
    let mut nats = cluster.nats().await;
    for (stream, durable) in [("ORDERS_1", "payment"), ("RETRIES", "retry-charge")] {
        let deleted = nats.api(&format!("CONSUMER.DELETE.{stream}.{durable}"), &json!({})).await;
        assert_eq!(deleted["success"], true, "{deleted}");
        let shown = format!("corrected     {stream}/{durable}: durable consumer is missing");
        let status = cluster.status_text().await;
        assert!(status.contains(&shown), "{status}");
    }
    let report = cluster.failed_audit().await;
    assert!(
        report.to_string().contains("ORDERS_1/payment: durable consumer is missing"),
        "{report}"
    );
    assert_eq!(report.fulfilled, 1);
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn orders_that_a_purge_has_stopped_are_named_and_a_repair_carries_them_on_or_cancels_them() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("PURGED", 100)]).await;
    cluster.stop_worker(fulfilment::POOL).await;
    let paid = cluster.place("paid", &basket(&[("PURGED", 1)])).await;
    cluster.wait_for_status(paid, Status::Paid).await;
    cluster.stop_worker(payment::POOL).await;
    let withdrawn = cluster.place("withdrawn", &basket(&[("PURGED", 1)])).await;
    let stopped = cluster.place("stopped", &basket(&[("PURGED", 1)])).await;
    for id in [withdrawn, stopped] {
        cluster.wait_for_status(id, Status::Reserved).await;
    }
    cluster.decide_withdrawal("withdrawn").await;
    let ids = [paid, withdrawn, stopped];
    let mut nats = cluster.nats().await;
    // An edge knows what it saw at its last look, a second ago at most.
    wait_until("the edge has seen the purge", async || {
        cluster.post(0, "stopped", &basket(&[("PURGED", 1)])).await;
        nats.api("STREAM.PURGE.ORDERS_1", &json!({})).await;
        cluster.http.get_text(&format!("{}/readyz", cluster.edge_urls()[0])).await.0 == 503
    })
    .await;

    let reason = cluster.wait_until_closed("ORDERS_1: messages is purged by hand").await;
    assert!(reason.contains("millrace audit"), "{reason}");
    let status = cluster.status_text().await;
    assert!(status.contains("ORDERS_1: messages is purged by hand"), "{status}");
    cluster.start_worker(payment::POOL).await;
    cluster.start_worker(fulfilment::POOL).await;
    let mut findings = None;
    wait_until("the audit names the orders", async || {
        let report = Report::new(Profile::Single);
        let found = audit(&cluster.sources, report, None, AuditMode::Live).await.unwrap();
        let is_stuck = found.stuck.len() == ids.len();
        findings = Some(found);
        is_stuck
    })
    .await;
    let findings = findings.unwrap();
    assert!(findings.report.to_string().contains("is stuck at reserved"), "{}", findings.report);
    let repaired = repair(&cluster.sources, &findings.stuck).await.unwrap();
    assert_eq!((repaired.republished, repaired.rebuilt, repaired.cancelled), (0, 2, 1));
    let ended = cluster.wait_until_final(&ids).await;
    let statuses: Vec<Status> = ended.iter().map(|view| view.status).collect();
    assert_eq!(statuses, [Status::Fulfilled, Status::Cancelled, Status::Cancelled]);
    assert_eq!(cluster.on_hand("PURGED").await, 99);

    cluster.restart_edges().await;
    let after = cluster.place("after", &basket(&[("PURGED", 1)])).await;
    cluster.verify_and_stop(&[paid, withdrawn, stopped, after]).await;
}
