//! `millrace pool`: what it writes, what it says, and what it refuses.

use lab::servers::Brokers;
use lab::up::{Cluster, Plan};
use millrace::keys::Role;
use streams::{
    Connection, PoolSetting, Profile, Requester, read_setting, worker_presence, write_setting,
};
use workers::payment;

use crate::program::{COMMAND_LIMIT, output_within, program};
use crate::raw_nats::RawNats;
use crate::test_servers::{TestServers, plan, wait_until};
use crate::time_limit::TimeLimit;

/// Runs `millrace pool` with the key of `role`; whether it succeeded, and what it has printed.
pub(crate) async fn pool(arguments: &[&str], role: Role, brokers: &Brokers) -> (bool, String) {
    let mut command = program([&["pool"][..], arguments].concat());
    command.envs(brokers.environment(role)).env("USER", "ann");
    let output = output_within(COMMAND_LIMIT, command).await;
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[tokio::test]
async fn it_keeps_the_rest_of_the_setting_and_says_which_clocks_run_and_where_it_is_in_force() {
    let plan = Plan { edges: 1, workers: vec![(payment::POOL, 2)], ..plan(Profile::Single) };
    let _time_limit = TimeLimit::start();
    let cluster = Cluster::start(plan, &[]).await.unwrap();
    let access = cluster.servers.brokers.access(Role::Lab);
    let connection = Connection::open(&access, "test").await.unwrap();
    wait_until("the workers answer", async || {
        worker_presence(&connection, &[payment::POOL]).await.unwrap().reports.len() == 2
    })
    .await;
    let run =
        async |arguments: &[&str]| pool(arguments, Role::Operator, &cluster.servers.brokers).await;
    let (is_success, text) = run(&["payment", "set", "--rate", "50", "--why", "slow"]).await;
    assert!(is_success && text.contains("payment: rate 50/s: slow [revision 1]"), "{text}");
    assert!(text.contains("not paid 15m after its reservation is cancelled"), "{text}");
    assert!(text.contains("in force at 2 of 2 workers"), "{text}");
    let (is_success, text) = run(&["payment", "pause", "--for", "30m", "--why", "away"]).await;
    assert!(is_success && text.contains("payment: PAUSED until 2"), "{text}");
    assert!(text.contains(", rate 50/s: away [revision 2]"), "{text}");
    assert!(text.contains("reservations do not expire during the pause"), "{text}");
    let (is_success, text) = run(&["payment", "resume", "--why", "back"]).await;
    assert!(is_success && text.contains("payment: rate 50/s: back [revision 3]"), "{text}");
    let (_, text) = run(&["payment", "set", "--rate", "all", "--why", "fast"]).await;
    assert!(text.contains("payment: as without a setting: fast [revision 4]"), "{text}");

    let (_, text) = run(&["payment", "show"]).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[1].contains("ann") && lines[1].contains("PAUSED until 2"), "{text}");
    let (_, text) = run(&["inventory", "show"]).await;
    assert!(text.contains("inventory has no setting"), "{text}");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn it_refuses_what_is_not_a_setting_another_key_and_a_setting_that_has_changed() {
    let servers = TestServers::start_with_streams().await;
    let run =
        async |arguments: &[&str], role| pool(arguments, role, &servers.processes.brokers).await;
    let operator = Role::Operator;
    let (is_success, text) =
        run(&["payment", "set", "--workers", "0", "--why", "x"], operator).await;
    assert!(!is_success && text.contains("`workers` is 0: write a whole number from 1"), "{text}");
    let (is_success, text) =
        run(&["payment", "pause", "--until", "noon", "--why", "x"], operator).await;
    assert!(!is_success && text.contains("`until` is \"noon\": write a time"), "{text}");
    let (is_success, text) =
        run(&["payment", "pause", "--until", "2020-01-01T00:00:00Z", "--why", "x"], operator).await;
    assert!(!is_success && text.contains("the pause would be over"), "{text}");
    let (is_success, text) = run(&["kitchen", "show"], operator).await;
    assert!(!is_success && text.contains("unknown pool `kitchen`"), "{text}");
    let (is_success, text) = run(&["payment", "set", "--why", "x"], operator).await;
    assert!(!is_success && text.contains("--rate"), "{text}");
    let (is_success, text) = run(&["payment", "pause", "--why", "x"], Role::Viewer).await;
    assert!(!is_success && text.contains("do not permit this key to write the setting"), "{text}");
    let (is_success, text) =
        run(&["payment", "pause", "--why", "x"], Role::Worker(payment::POOL)).await;
    assert!(!is_success && text.contains("do not permit this key to write the setting"), "{text}");

    // Nothing of that was written.
    let access = servers.processes.brokers.access(Role::Lab);
    let connection = Connection::open(&access, "test").await.unwrap();
    let requester = Requester::new(connection.clone());
    let read = async |key| read_setting::<PoolSetting>(&requester, key).await;
    assert_eq!(read("payment").await, Ok(None));
    let setting = PoolSetting { paused: true, ..PoolSetting::default() };
    let write = async |seen| write_setting(&connection, "payment", &setting, seen).await;
    let revision = write(0).await.unwrap();
    let refused = write(0).await.unwrap_err();
    assert!(refused.to_string().contains("has changed since it was read"), "{refused}");
    assert!(write(revision).await.unwrap() > revision);

    // What is not a setting is replaced by a change of the last good one.
    let mut nats = RawNats::connect(&access).await;
    nats.request("$KV.POOLS.payment", "paused").await;
    let (is_success, text) =
        run(&["payment", "set", "--batch", "64", "--why", "x"], operator).await;
    assert!(is_success && text.contains("payment: PAUSED, batch 64: x"), "{text}");
    assert!(text.contains("none of the workers answers"), "{text}");
    let (_, text) = run(&["payment", "show"], operator).await;
    assert!(text.contains("INVALID, the one before stays in force: it is not JSON"), "{text}");
    assert_eq!(read("inventory").await, Ok(None));
}
