//! `millrace-lab up` supervises a cluster: a process that exits unexpectedly is reported and
//! restarted.

use std::sync::{Arc, Mutex};

use hyper::StatusCode;
use lab::servers::Servers;
use lab::up::Cluster;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use orders::Status;
use streams::Profile;
use tokio::net::TcpStream;
use workers::payment;

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};

#[tokio::test]
async fn workers_edges_and_servers_that_are_killed_are_restarted() {
    let log = Log::default();
    let mut cluster = cluster_with_log(&log).await;
    cluster.load_catalog(&[item("RESTARTED", 5)]).await;

    let before = pids(&cluster);
    for (_, pid) in &before {
        sigkill(*pid);
    }
    for (name, _) in &before {
        let line = format!("{name} exited (signal: 9 (SIGKILL)), restarting");
        cluster.supervise_until(&log, &line).await;
    }
    let mut placed = None;
    wait_until("an edge accepts an order", async || {
        cluster.processes.supervise().await.unwrap();
        let address = cluster.processes.edges[0].url().strip_prefix("http://").unwrap();
        if TcpStream::connect(address).await.is_ok() {
            let response = cluster.post(0, "restarted", &basket(&[("RESTARTED", 1)])).await;
            placed = (response.status == StatusCode::ACCEPTED).then(|| response.order_id());
        }
        placed.is_some()
    })
    .await;
    let id = placed.unwrap();
    assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Fulfilled);
    wait_until("redis responds", async || {
        let client = cluster.processes.servers.admin_redis().client().unwrap();
        client.get_multiplexed_async_connection().await.is_ok()
    })
    .await;
    let after = pids(&cluster);
    assert!(before.iter().zip(&after).all(|(before, after)| before != after));
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn a_provider_that_is_killed_is_not_replaced_by_one_without_its_payments() {
    let log = Log::default();
    let mut cluster = cluster_with_log(&log).await;
    sigkill(cluster.processes.provider.pid().unwrap());

    cluster.supervise_until(&log, "provider exited (signal: 9 (SIGKILL)), not restarted").await;
    cluster.processes.supervise().await.unwrap();
    let exits = log.lock().unwrap().iter().filter(|line| line.contains(" exited (")).count();
    assert_eq!(exits, 1);
    assert!(cluster.processes.provider.has_exited().unwrap());
    cluster.processes.stop().await.unwrap();
}

/// The lines that the supervisor has reported.
type Log = Arc<Mutex<Vec<String>>>;

async fn cluster_with_log(log: &Log) -> TestCluster {
    let mut plan = plan(Profile::Single);
    let lines = log.clone();
    plan.progress = Arc::new(move |line| lines.lock().unwrap().push(line.to_owned()));
    TestCluster::start(plan).await
}

/// One process of each kind that is restarted, with its name.
fn pids(cluster: &TestCluster) -> [(String, u32); 5] {
    let Cluster { servers: Servers { brokers, redis, postgres, .. }, edges, workers, .. } =
        &cluster.processes;
    let (_, payment) = workers.iter().find(|(pool, _)| *pool == payment::POOL).unwrap();
    let servers = [&brokers.servers[0], redis, postgres];
    let [broker, redis, postgres] =
        servers.map(|server| (server.name().to_owned(), server.pid().unwrap()));
    let [payment, edge] =
        [payment, &edges[0]].map(|role| (role.name().to_owned(), role.pid().unwrap()));
    [broker, redis, postgres, payment, edge]
}

fn sigkill(pid: u32) {
    kill(Pid::from_raw(pid as i32), Signal::SIGKILL).unwrap();
}

impl TestCluster {
    /// Supervises until a line that starts with `prefix` is reported.
    async fn supervise_until(&mut self, log: &Log, prefix: &str) {
        wait_until(&format!("`{prefix}` is reported"), async || {
            self.processes.supervise().await.unwrap();
            log.lock().unwrap().iter().any(|line| line.starts_with(prefix))
        })
        .await;
    }
}
