//! The certificate of an edge is replaced while it runs.

use streams::Profile;
use tokio::process::Command;

use super::logged_edge::LoggedEdge;
use super::raw_http::{ORDER, RawHttp};
use super::test_certificates::{TestCertificates, shown};
use super::test_edge::fresh_key;
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

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_connections_and_open_ones_go_on() {
    let certificates = TestCertificates::new();
    let edge = certificates.start_edge().await;
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
    let command = edge_command(TestServers::shared().await, &certificates);
    let mut edge = LoggedEdge::start(command).await;
    let address = edge.address;
    let before = shown(&certificates.connect(address, &[]).await);

    certificates.replace_key();
    let line = edge.line_with("certificate is not renewed").await;
    assert!(line.contains("the certificate cannot be used with this key"), "{line}");
    let stream = certificates.connect(address, &[]).await;
    assert_eq!(shown(&stream), before);
    assert_eq!(RawHttp::over(stream).post(&fresh_key(), ORDER).await.status, 202);

    certificates.renew();
    edge.line_with("certificate is renewed").await;
    assert_ne!(shown(&certificates.connect(address, &[]).await), before);
    edge.kill().await;
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
