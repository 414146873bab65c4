//! The load generator counts every response, and keeps its rate.

use lab::load::{Phase, PhaseResult, Plan, Requests};
use lab::servers::{ReservedPort, reserve_port};
use std::io::{Seek, Write};
use std::path::Path;
use std::process::{Child, Command};

use crate::program::{COMMAND_LIMIT, output_within, program};

/// The HTTP server without a broker behind it (`millrace-lab bare`), killed at the end.
struct HttpBaseline {
    process: Child,
    target: String,
    _port: ReservedPort,
}

impl HttpBaseline {
    fn start() -> Self {
        let port = reserve_port().unwrap();
        let target = format!("127.0.0.1:{}", port.number());
        let process = Command::new(env!("CARGO_BIN_EXE_millrace-lab"))
            .args(["bare", "--listen", &target])
            .spawn()
            .unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while std::net::TcpStream::connect(&target).is_err() {
            assert!(std::time::Instant::now() < deadline, "the server does not listen");
            std::thread::yield_now();
        }
        Self { process, target, _port: port }
    }
}

impl Drop for HttpBaseline {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn orders(folder: &Path) -> Requests {
    let bodies = folder.join("bodies");
    std::fs::write(&bodies, "{\"a\":1}\n").unwrap();
    Requests::Orders { bodies, run: "test".to_owned(), tokens: None }
}

fn reads(folder: &Path) -> Requests {
    let paths = folder.join("paths");
    std::fs::write(&paths, "/v1/stock/A\n").unwrap();
    Requests::Reads { paths }
}

async fn load(
    target: &str,
    folder: &Path,
    requests: Requests,
    phases: Vec<Phase>,
) -> Vec<PhaseResult> {
    let plan = Plan {
        targets: vec![target.to_owned()],
        requests,
        ack_file: Some(folder.join("acks")),
        phases,
    };
    let mut stdin = tempfile::tempfile().unwrap();
    stdin.write_all(&serde_json::to_vec(&plan).unwrap()).unwrap();
    stdin.rewind().unwrap();
    let mut generator = program(["load"]);
    generator.stdin(stdin);
    let output = output_within(COMMAND_LIMIT, generator).await;
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test]
async fn a_closed_loop_sends_its_maximum_of_requests_and_no_more() {
    let server = HttpBaseline::start();
    let folder = tempfile::tempdir().unwrap();
    let phase = Phase { connections: 4, rate: None, duration_ms: 30_000, orders_max: Some(100) };
    for requests in [orders(folder.path()), reads(folder.path())] {
        let phases = vec![phase, phase];
        for result in load(&server.target, folder.path(), requests, phases).await {
            assert_eq!((result.acknowledged, result.broken, result.unsent), (100, 0, 0));
            assert_eq!(result.statuses, [(202, 100)].into());
            assert!(result.answered_within >= result.lasted() - 0.002);
            assert!(result.times.p50 > 0.0 && result.times.p50 <= result.times.max);
        }
    }
}

#[tokio::test]
async fn an_open_loop_makes_as_many_orders_due_as_its_rate_requires() {
    let server = HttpBaseline::start();
    let folder = tempfile::tempdir().unwrap();
    let phase = Phase { connections: 8, rate: Some(500.0), duration_ms: 1_000, orders_max: None };
    let requests = orders(folder.path());
    let result = load(&server.target, folder.path(), requests, vec![phase]).await.remove(0);
    assert_eq!(result.acknowledged + result.unsent, 500);
    assert_eq!(result.broken, 0);
}
