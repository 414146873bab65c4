//! An edge claims the durability that its brokers report.

use std::future::{pending, ready};

use streams::Profile;
use tokio::time::timeout;
use workers::stages::FIRST_STEP;

use super::broker_outage::wait_for_readyz;
use super::raw_http::{ORDER, RawHttp};
use super::test_edge::{DEADLINE, TestEdge, fresh_key};
use crate::program::output_within;
use crate::test_servers::TestServers;

impl TestServers {
    /// Starts a broker again with another `sync_interval`.
    async fn restart_broker(&mut self, index: usize, sync_interval: &str) {
        let brokers = &mut self.processes.brokers;
        brokers.servers[index].set("BROKER_SYNC_INTERVAL", &format!("\"{sync_interval}\""));
        brokers.servers[index].stop().await.unwrap();
        brokers.start().await.unwrap();
    }

    /// The error with which an edge that claims `profile` refuses to start.
    async fn refusal(&self, profile: Profile) -> String {
        let run = edge::run(
            self.config(profile),
            FIRST_STEP,
            |address| panic!("listening on {address}"),
            pending(),
        );
        timeout(DEADLINE, run).await.unwrap().unwrap_err().to_string()
    }

    /// The exit code of the process `millrace edge`, and its output.
    async fn run_edge_process(&self, profile: Profile) -> (Option<i32>, String) {
        let output = output_within(DEADLINE, self.edge_command(profile)).await;
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), text)
    }
}

#[tokio::test]
async fn an_edge_claims_durable_only_if_every_broker_syncs_every_write() {
    let mut servers = TestServers::start_durable().await;
    servers.restart_broker(1, "2m").await;
    let (code, output) = servers.run_edge_process(Profile::Durable).await;
    assert_eq!(code, Some(1), "{output}");
    let error = "`durable` may not be claimed: broker-2 reports sync_interval 120s; set \
               `sync_interval: always` in its configuration, or start with `--profile fast`";
    assert!(output.contains(error), "{output}");

    let edge = TestEdge::start(servers.config(Profile::Fast)).await;
    let reply = edge.connect().await.post(&fresh_key(), ORDER).await;
    assert_eq!((reply.status, reply.json()["durability"].as_str()), (202, Some("fast")));
    edge.stop().await;

    servers.restart_broker(1, "always").await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let reply = client.post(&fresh_key(), ORDER).await;
    assert_eq!((reply.status, reply.json()["durability"].as_str()), (202, Some("durable")));
    edge.stop().await;
}

#[tokio::test]
async fn a_broker_that_restarts_without_sync_stops_intake_until_it_syncs_again() {
    let mut servers = TestServers::start_durable().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    assert_eq!(client.get("/readyz").await.status, 200);

    servers.restart_broker(2, "2m").await;
    let mut client = edge.connect().await;
    let reason = wait_until_not_durable(&mut client).await;
    assert!(reason.contains("broker-3 reports sync_interval 120s"), "{reason}");
    client.post(&fresh_key(), ORDER).await.assert_problem(503, "not-durable");

    servers.restart_broker(2, "always").await;
    // The edge may have closed the connection as idle during the restart.
    let mut client = edge.connect().await;
    wait_for_readyz(&mut client, 200).await;
    assert_eq!(client.post(&fresh_key(), ORDER).await.status, 202);
    edge.stop().await;
}

#[tokio::test]
async fn an_edge_starts_while_one_broker_is_down_and_not_while_two_are() {
    let mut servers = TestServers::start_durable().await;
    servers.processes.brokers.servers[0].kill().await.unwrap();
    let edge = servers.start_edge().await;
    assert_eq!(edge.connect().await.get("/readyz").await.status, 200);
    edge.stop().await;

    servers.processes.brokers.servers[1].kill().await.unwrap();
    let config = servers.config(Profile::Durable);
    // It waits for enough brokers, and stops at once if it is asked to.
    edge::run(config, FIRST_STEP, |_| panic!("listening"), ready(())).await.unwrap();
    let refusal = servers.refusal(Profile::Durable).await;
    assert!(refusal.contains("1 of 3 brokers reported their fsync policy and 2 must"), "{refusal}");
}

#[tokio::test]
async fn an_edge_claims_single_only_if_its_broker_syncs_every_write() {
    let mut servers = TestServers::start(Profile::Single).await;
    servers.restart_broker(0, "2m").await;
    let refusal = servers.refusal(Profile::Single).await;
    assert!(refusal.contains("`single` may not be claimed: broker-1 reports"), "{refusal}");
}

/// Waits until `/readyz` gives a reason other than the missing broker, which it gives while the
/// edge reconnects.
async fn wait_until_not_durable(client: &mut RawHttp) -> String {
    loop {
        let reason = wait_for_readyz(client, 503).await;
        if reason != "no broker\n" {
            return reason;
        }
    }
}
