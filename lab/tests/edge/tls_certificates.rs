//! The certificate of an edge is replaced while it runs.

use std::process::Stdio;

use streams::Profile;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{ChildStderr, Command};
use tokio::time::timeout;

use super::raw_http::{ORDER, RawHttp};
use super::test_certificates::{TestCertificates, shown};
use super::test_edge::{DEADLINE, TestEdge, fresh_key};
use crate::program::{COMMAND_LIMIT, output_within};
use crate::test_servers::{TestServers, wait_until};

/// An edge with TLS, as a process.
fn edge_command(servers: &TestServers, certificates: &TestCertificates) -> Command {
    let config = certificates.config();
    let mut command = servers.edge_command(Profile::Single);
    command
        .env("MILLRACE_TLS_CERTIFICATE", config.tls_certificate.unwrap())
        .env("MILLRACE_TLS_KEY", config.tls_key.unwrap());
    command
}

/// Reads the log up to the line with `text`.
async fn wait_for(log: &mut Lines<BufReader<ChildStderr>>, text: &str) -> String {
    let read = async {
        loop {
            let line = log.next_line().await.unwrap().expect("the edge has ended");
            if line.contains(text) {
                return line;
            }
        }
    };
    timeout(DEADLINE, read).await.unwrap_or_else(|_| panic!("no line has {text}"))
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_connections_and_open_ones_go_on() {
    let certificates = TestCertificates::new();
    let servers = TestServers::shared().await;
    let mut config = servers.config(servers.profile);
    config.tls = certificates.config();
    let edge = TestEdge::start(config).await;
    let connect = async || certificates.connect(edge.address, &[]).await;
    let open = connect().await;
    let before = shown(&open);
    let mut open = RawHttp::over(open);
    assert_eq!(open.post(&fresh_key(), ORDER).await.status, 202);

    certificates.renew();
    wait_until("another certificate is shown", async || {
        let is_new = shown(&connect().await) != before;
        // Else it would be closed because it is idle.
        assert_eq!(open.get("/livez").await.status, 200);
        is_new
    })
    .await;
    assert_eq!(open.post(&fresh_key(), ORDER).await.status, 202);
    let mut new = RawHttp::over(connect().await);
    assert_eq!(new.post(&fresh_key(), ORDER).await.status, 202);
    edge.stop().await;
}

#[tokio::test]
async fn a_key_that_does_not_match_is_logged_and_leaves_the_certificate_before_in_force() {
    let certificates = TestCertificates::new();
    let mut command = edge_command(TestServers::shared().await, &certificates);
    let mut edge = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(edge.stderr.take().unwrap()).lines();
    let listening = wait_for(&mut log, "edge listening").await;
    let (_, address) = listening.split_once("address=").unwrap();
    let address = address.trim().parse().unwrap();
    let before = shown(&certificates.connect(address, &[]).await);

    certificates.replace_key();
    let line = wait_for(&mut log, "certificate is not renewed").await;
    assert!(line.contains("the certificate cannot be used with this key"), "{line}");
    let stream = certificates.connect(address, &[]).await;
    assert_eq!(shown(&stream), before);
    assert_eq!(RawHttp::over(stream).post(&fresh_key(), ORDER).await.status, 202);

    certificates.renew();
    wait_for(&mut log, "certificate is renewed").await;
    assert_ne!(shown(&certificates.connect(address, &[]).await), before);
    edge.kill().await.unwrap();
}

#[tokio::test]
async fn an_edge_does_not_start_with_a_key_that_does_not_match_or_without_one() {
    let certificates = TestCertificates::new();
    certificates.replace_key();
    let servers = TestServers::shared().await;
    let output = output_within(COMMAND_LIMIT, edge_command(servers, &certificates)).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && stderr.contains("no certificate for TLS"), "{stderr}");

    let mut command = edge_command(servers, &certificates);
    command.env_remove("MILLRACE_TLS_KEY");
    let output = output_within(COMMAND_LIMIT, command).await;
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("--tls-key (MILLRACE_TLS_KEY): is required"), "{stderr}");
}
