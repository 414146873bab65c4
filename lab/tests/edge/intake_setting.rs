//! The setting of the intake, which an operator writes into the bucket `EDGES` while the edges run.

use std::time::Duration;

use serde_json::{Value, json};
use streams::{EdgeReport, worker_presence};
use tokio::time::Instant;

use super::raw_http::ORDER;
use super::test_edge::{fresh_key, order_id};
use crate::test_servers::{TestServers, wait_until};

const PAUSED: &str = r#"{"paused":true,"why":"stocktaking","by":"ann"}"#;
/// What is promised: a setting is in force at every edge within this time.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(2);
/// What a busy machine may take longer to report it.
const REPORT_TOLERANCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn while_the_intake_is_paused_every_edge_refuses_new_orders_and_serves_those_that_are_stored()
{
    let servers = TestServers::start_with_streams().await;
    let mut edges = vec![servers.start_edge().await, servers.start_edge_with(2, 16).await];
    let mut client = edges[0].connect().await;
    let placed = client.post(&fresh_key(), ORDER).await;
    assert_eq!(placed.status, 202);
    servers.set_intake_in_time(PAUSED, "paused", 2).await;
    // Also at one that starts now.
    edges.push(servers.start_edge().await);
    for edge in &edges {
        let mut client = edge.connect().await;
        let refused = client.post(&fresh_key(), ORDER).await;
        refused.assert_problem(503, "intake-paused");
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(client.get("/readyz").await.status, 200, "it serves what is stored");
    }
    let id = order_id(&placed.json());
    let path = placed.header("location").unwrap().to_owned();
    client
        .send(format!("POST {path}/cancel HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\n\r\n"))
        .await;
    assert_eq!(client.reply().await.status, 202);
    assert_eq!(servers.stored_events_of(id).await.len(), 2);

    servers.set_intake_in_time("{}", "accepting", 3).await;
    let reports = servers.edge_reports().await;
    assert_eq!(reports.iter().map(|report| report.refused).sum::<u64>(), 3, "{reports:?}");
    assert_eq!(reports.iter().map(|report| report.accepted).sum::<u64>(), 1, "{reports:?}");
    assert_eq!(client.post(&fresh_key(), ORDER).await.status, 202);
    for edge in edges {
        edge.stop().await;
    }
}

#[tokio::test]
async fn the_last_good_setting_of_the_intake_stays_in_force_while_the_value_is_bad() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    servers.set_intake_in_time(PAUSED, "paused", 1).await;
    servers.set_intake(r#"{"rate":5}"#).await;
    let fault =
        "`rate` is not a member: there are paused, until, backlog_max_age_seconds, why and by";
    // Also at one that starts now.
    let other = servers.start_edge().await;
    servers
        .wait_for_reports(2, |report| {
            let is_shown = report.error.as_ref().is_some_and(|error| error.contains(fault));
            is_shown && report.state == "paused" && report.revision == 1
        })
        .await;
    servers.set_intake(r#"{"backlog_max_age_seconds":9}"#).await;
    servers.set_intake(r#"{"backlog_max_age_seconds":0}"#).await;
    servers.wait_for_reports(2, |report| report.state == "invalid" && report.revision == 3).await;
    assert_eq!(edge.connect().await.post(&fresh_key(), ORDER).await.status, 202);
    other.stop().await;
    edge.stop().await;
}

#[tokio::test]
async fn an_edge_is_found_by_the_nats_cli_and_says_where_it_runs_until_it_ends() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut nats = servers.nats().await;
    let info = nats.request("$SRV.INFO.millrace-edge", "").await;
    assert_eq!(info["metadata"]["role"], "edge", "{info}");
    assert_eq!(info["metadata"]["pid"], std::process::id().to_string(), "{info}");
    assert_eq!(info["metadata"]["profile"], "single", "{info}");
    let answered = nats.request("edge.state", "").await;
    let expected = json!({
        "state": "accepting", "revision": 0, "accepted": 0, "unacknowledged": 0, "refused": 0,
    });
    assert_eq!(answered, expected);
    let stats = nats.request("$SRV.STATS.millrace-edge", "").await;
    assert_eq!(stats["endpoints"][0]["data"], expected, "{stats}");
    edge.stop().await;
    servers.wait_for_reports(0, |_| true).await;
}

impl TestServers {
    /// Puts `json` as the setting of the intake. Returns its revision.
    async fn set_intake(&self, json: &str) -> u64 {
        let reply: Value = self.nats().await.request("$KV.EDGES.intake", json).await;
        reply["seq"].as_u64().unwrap()
    }

    /// Puts a setting, and asserts that all `edges` have it and are in this state within two seconds.
    async fn set_intake_in_time(&self, json: &str, state: &str, edges: usize) {
        let revision = self.set_intake(json).await;
        let written_at = Instant::now();
        self.wait_for_reports(edges, |it| it.revision == revision && it.state == state).await;
        let took = written_at.elapsed();
        assert!(took < IN_FORCE_WITHIN + REPORT_TOLERANCE, "{json} took {took:?}");
    }

    async fn edge_reports(&self) -> Vec<EdgeReport> {
        worker_presence(&self.connect().await, &[]).await.unwrap().edges
    }

    async fn wait_for_reports(&self, edges: usize, is_expected: impl Fn(&EdgeReport) -> bool) {
        let connection = self.connect().await;
        wait_until(&format!("{edges} edges report what is expected"), async || {
            let reports = worker_presence(&connection, &[]).await.unwrap().edges;
            reports.len() == edges && reports.iter().all(&is_expected)
        })
        .await;
    }
}
