//! What a 202 claims, the brokers have proven.

use std::future::pending;
use std::process::Stdio;

use streams::Profile;
use tokio::process::Command;
use tokio::time::timeout;

use super::broker_outage::until_ready_is;
use super::raw_http::{ORDER, Talk};
use super::test_edge::{DEADLINE, Door, House, fresh_key};

impl House {
    /// Starts a broker again with another `sync_interval`.
    async fn restart_broker(&mut self, index: usize, sync_interval: &str) {
        let brokers = &mut self.servers.brokers;
        brokers.servers[index].set("BROKER_SYNC_INTERVAL", &format!("\"{sync_interval}\""));
        brokers.servers[index].stop().await.unwrap();
        brokers.start().await.unwrap();
    }

    /// Why an edge that claims `profile` does not run.
    async fn refusal(&self, profile: Profile) -> String {
        let run = edge::run(self.config(profile), |address| panic!("open at {address}"), pending());
        timeout(DEADLINE, run).await.unwrap().unwrap_err().to_string()
    }

    /// How the process `millrace edge` ends, and all that it says.
    async fn edge_process(&self, profile: Profile) -> (Option<i32>, String) {
        let process = Command::new(env!("CARGO_BIN_EXE_millrace-lab"))
            .args(["edge", "--listen", "127.0.0.1:0", "--profile", profile.as_str()])
            .env("NATS_URL", self.servers.brokers.url())
            .env("REDIS_URL", self.servers.redis.url())
            .env("MILLRACE_SECRETS", "the secret of the tests")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let ended = timeout(DEADLINE, process).await.unwrap().unwrap();
        let said = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        (ended.status.code(), said)
    }
}

#[tokio::test]
async fn an_edge_claims_durable_only_when_every_broker_syncs_every_write() {
    let mut house = House::start_empty_of(Profile::Durable).await;
    house.make_streams().await;
    house.restart_broker(1, "2m").await;
    let (code, said) = house.edge_process(Profile::Durable).await;
    assert_eq!(code, Some(1), "{said}");
    let why = "`durable` may not be claimed: broker-2 reports sync_interval 120s; set \
               `sync_interval: always` in its configuration, or start with `--profile fast`";
    assert!(said.contains(why), "{said}");

    let door = Door::open(house.config(Profile::Fast)).await;
    let reply = door.talk().await.post(&fresh_key(), ORDER).await;
    assert_eq!((reply.status, reply.json()["durability"].as_str()), (202, Some("fast")));
    door.close().await;

    house.restart_broker(1, "always").await;
    let door = house.open_door().await;
    let mut talk = door.talk().await;
    let reply = talk.post(&fresh_key(), ORDER).await;
    assert_eq!((reply.status, reply.json()["durability"].as_str()), (202, Some("durable")));
    door.close().await;
}

#[tokio::test]
async fn a_broker_that_comes_back_without_sync_ends_the_promise_until_it_syncs_again() {
    let mut house = House::start_empty_of(Profile::Durable).await;
    house.make_streams().await;
    let door = house.open_door().await;
    let mut talk = door.talk().await;
    assert_eq!(talk.get("/readyz").await.status, 200);

    house.restart_broker(2, "2m").await;
    let mut talk = door.talk().await;
    let reason = until_not_durable(&mut talk).await;
    assert!(reason.contains("broker-3 reports sync_interval 120s"), "{reason}");
    talk.post(&fresh_key(), ORDER).await.assert_problem(503, "not-durable");

    house.restart_broker(2, "always").await;
    // An edge closes what is silent for as long as a restart may take.
    let mut talk = door.talk().await;
    until_ready_is(&mut talk, 200).await;
    assert_eq!(talk.post(&fresh_key(), ORDER).await.status, 202);
    door.close().await;
}

#[tokio::test]
async fn an_edge_starts_while_one_broker_is_down_and_not_while_two_are() {
    let mut house = House::start_empty_of(Profile::Durable).await;
    house.make_streams().await;
    house.servers.brokers.servers[0].kill().await.unwrap();
    let door = house.open_door().await;
    assert_eq!(door.talk().await.get("/readyz").await.status, 200);
    door.close().await;

    house.servers.brokers.servers[1].kill().await.unwrap();
    let refusal = house.refusal(Profile::Durable).await;
    assert!(refusal.contains("1 of 3 brokers said how they sync and 2 must"), "{refusal}");
}

#[tokio::test]
async fn an_edge_claims_single_only_when_its_broker_syncs_every_write() {
    let mut house = House::start_empty().await;
    house.restart_broker(0, "2m").await;
    let refusal = house.refusal(Profile::Single).await;
    assert!(refusal.contains("`single` may not be claimed: broker-1 reports"), "{refusal}");
}

/// While the edge finds another broker it says other things.
async fn until_not_durable(talk: &mut Talk) -> String {
    loop {
        let reason = until_ready_is(talk, 503).await;
        if reason != "no broker\n" {
            return reason;
        }
    }
}
