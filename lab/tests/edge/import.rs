//! `millrace import`: every order of a file is placed once, whatever happens on the way.

use std::fs;
use std::path::Path;
use std::process::Output;

use tokio::net::TcpListener;

use super::raw_http::ORDER;
use super::test_edge::TestEdge;
use crate::program::{COMMAND_LIMIT, output_within, program};
use crate::test_servers::TestServers;

/// More lines than one request of an import has.
const MANY: usize = 5_000;

fn line(key: &str) -> String {
    format!("{{\"idempotency_key\":\"{key}\",\"order\":{ORDER}}}\n")
}

/// Imports `text` through edges at these addresses.
async fn import(folder: &Path, text: &str, edges: &[String]) -> Output {
    let file = folder.join("orders.ndjson");
    fs::write(&file, text).unwrap();
    let mut command = program(["import"]);
    command.arg(&file).arg("--edge-urls").arg(edges.join(","));
    output_within(COMMAND_LIMIT, command).await
}

fn url(edge: &TestEdge) -> String {
    format!("http://{}", edge.address)
}

#[tokio::test]
async fn a_file_is_imported_once_and_refused_lines_are_named() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let folder = tempfile::tempdir().unwrap();
    let broken = "{\"idempotency_key\":\"broken\",\"order\":{}}\n";
    let text = [&line("a"), "\n", broken, &line("b"), "not json\n", line("c").trim_end()].concat();
    for _ in 0..2 {
        let output = import(folder.path(), &text, &[url(&edge)]).await;
        let [stdout, stderr] =
            [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
        assert!(!output.status.success(), "{stdout}{stderr}");
        assert!(stdout.contains("line 3: ") && stdout.contains("/order/lines"), "{stdout}");
        assert!(stdout.contains("line 5: "), "{stdout}");
        assert_eq!(stderr, "3 orders stored, 2 refused\n");
    }
    let mut keys: Vec<String> = Vec::new();
    for batch in servers.stored_batches().await {
        keys.extend(batch.iter().map(|event| event["order_id"].as_str().unwrap().to_owned()));
    }
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 3);
    edge.stop().await;
}

#[tokio::test]
async fn an_import_uses_another_edge_if_one_does_not_answer() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let folder = tempfile::tempdir().unwrap();
    // Its port is taken, and nothing is there once it is dropped.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let text: String = (0..MANY).map(|number| line(&format!("many-{number}"))).collect();
    let edges = [format!("http://{gone}"), url(&edge)];
    let output = import(folder.path(), &text, &edges).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, format!("{MANY} orders stored, 0 refused\n"));
    edge.stop().await;
}
