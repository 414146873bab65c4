//! Commands of the product that a deployment runs: migrations before the first start, and the health
//! checks of a container.

use std::process::Stdio;

use lab::up::{Cluster, Plan};
use millrace::keys::Role;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use streams::{Connection, Lane, Profile, stream_state, subjects};
use tokio::net::TcpListener;
use tokio::time::timeout;
use workers::database::Database;
use workers::fulfilment;

use crate::program::{COMMAND_LIMIT, output_within, program};
use crate::test_servers::{TestServers, plan, wait_until};
use crate::time_limit::TimeLimit;

/// Runs a command with these variables; whether it succeeded, and its log.
async fn run(arguments: &[&str], environment: &[(&str, String)]) -> (bool, String) {
    let mut command = program(arguments);
    command.envs(environment.iter().cloned());
    let output = output_within(COMMAND_LIMIT, command).await;
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

/// The variables of `migrate`, and of workers of the same servers.
fn for_migration(servers: &TestServers) -> Vec<(&'static str, String)> {
    let mut environment = servers.processes.brokers.environment(Role::Admin);
    environment.extend([
        ("DATABASE_URL", servers.processes.postgres.url().to_owned()),
        ("MILLRACE_PROFILE", "single".to_owned()),
    ]);
    environment
}

#[tokio::test]
async fn migrate_makes_streams_and_tables_and_changes_nothing_the_second_time() {
    let servers = TestServers::start(Profile::Single).await;
    let (brokers, postgres) = (&servers.processes.brokers, &servers.processes.postgres);
    let environment = for_migration(&servers);
    for _ in 0..2 {
        let (is_success, log) = run(&["migrate"], &environment).await;
        assert!(is_success, "{log}");
        assert!(!log.contains("corrected"), "{log}");
    }

    let connection = Connection::open(&brokers.access(Role::Lab), "test").await.unwrap();
    for stream in [Lane::FIRST.stream(), subjects::RETRIES, subjects::DEAD_LETTERS] {
        assert_eq!(stream_state(&connection, stream).await.unwrap().messages, 0);
    }
    let database = Database::open(postgres.url()).unwrap();
    let client = database.connection().await.unwrap();
    for table in ["inventory.stock", "payment.payments", "fulfilment.shipments"] {
        client.query(&format!("SELECT FROM {table}"), &[]).await.unwrap();
    }
}

#[tokio::test]
async fn an_old_binary_starts_on_a_schema_that_a_newer_one_has_migrated() {
    let servers = TestServers::start(Profile::Single).await;
    let postgres = servers.processes.postgres.url();
    let environment = for_migration(&servers);
    let (is_success, log) = run(&["migrate"], &environment).await;
    assert!(is_success, "{log}");
    let database = Database::open(postgres).unwrap();
    let client = database.connection().await.unwrap();
    for schema in ["inventory", "payment", "fulfilment", "workers"] {
        let newer = format!(
            "INSERT INTO {schema}_migrations (version, name, applied_on, checksum)
             VALUES (900, 'of_a_newer_version', '2030-01-01T00:00:00Z', '1')"
        );
        client.batch_execute(&newer).await.unwrap();
    }
    let (is_success, log) = run(&["migrate"], &environment).await;
    assert!(is_success, "{log}");
}

#[tokio::test]
async fn health_accepts_only_an_edge_that_is_ready_and_a_worker_that_is_connected() {
    let plan =
        Plan { edges: 1, workers: vec![(fulfilment::POOL, 1)], admins: 1, ..plan(Profile::Single) };
    let _time_limit = TimeLimit::start();
    let mut cluster = Cluster::start(plan, &[]).await.unwrap();
    let listen = cluster.edges[0].url().trim_start_matches("http://").to_owned();
    let nats_url = cluster.servers.brokers.url();
    let edge = [("MILLRACE_LISTEN", listen)];
    let worker = [("NATS_URL", nats_url)];
    assert_eq!(run(&["health", "edge"], &edge).await, (true, String::new()));
    wait_until("the worker is connected", async || run(&["health", "worker"], &worker).await.0)
        .await;
    wait_until("so is what serves repairs", async || run(&["health", "admin"], &worker).await.0)
        .await;

    cluster.servers.brokers.stop().await.unwrap();
    wait_until("the edge is not ready", async || !run(&["health", "edge"], &edge).await.0).await;
    let (_, error) = run(&["health", "edge"], &edge).await;
    assert!(error.contains("503"), "{error}");
    wait_until("the worker is not connected", async || {
        !run(&["health", "worker"], &worker).await.0 && !run(&["health", "admin"], &worker).await.0
    })
    .await;
    cluster.servers.brokers.start().await.unwrap();
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_that_waits_for_its_servers_at_its_start_stops_at_once() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    for role in [&["edge", "--listen", "127.0.0.1:0"][..], &["worker", "inventory"], &["admin"]] {
        let mut process = program(role)
            .env("NATS_URL", format!("nats://{address}"))
            .env("DATABASE_URL", format!("postgres://millrace@{address}/millrace"))
            .env("REDIS_URL", format!("redis://{address}"))
            .env("MILLRACE_SECRETS", "the secret of the tests")
            .env("MILLRACE_IDENTITY", "none")
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let _unanswered = timeout(COMMAND_LIMIT, silent.accept()).await.unwrap().unwrap();
        kill(Pid::from_raw(process.id().unwrap() as i32), Signal::SIGTERM).unwrap();
        let exit = timeout(COMMAND_LIMIT, process.wait()).await.unwrap().unwrap();
        // Had it waited to the end, it would have failed.
        assert!(exit.success(), "{role:?}: {exit}");
    }
}
