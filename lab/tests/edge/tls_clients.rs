//! Millrace's own clients of an edge with TLS.

use std::fs;
use std::process::Output;

use bytes::Bytes;
use lab::order_client::{OrderClient, PlacementResult};
use millrace::edge_connector::EdgeAuthorities;

use super::raw_http::ORDER;
use super::test_certificates::TestCertificates;
use super::test_edge::{DEADLINE, fresh_key};
use crate::program::{COMMAND_LIMIT, output_within, program};

/// Standard output and standard error.
fn text(output: &Output) -> String {
    String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap()
}

#[tokio::test]
async fn the_health_check_asks_an_edge_with_tls_whether_it_is_ready() {
    let certificates = TestCertificates::new();
    let edge = certificates.start_edge().await;
    let health = async |has_tls| {
        let mut command = program(["health", "edge", "--listen", &edge.address.to_string()]);
        if has_tls {
            // As in the environment of the edge.
            let file = certificates.config().tls_certificate.unwrap();
            command.env("MILLRACE_TLS_CERTIFICATE", file);
        }
        output_within(COMMAND_LIMIT, command).await
    };
    let healthy = health(true).await;
    assert!(healthy.status.success(), "{}", text(&healthy));
    assert!(!health(false).await.status.success());
    edge.stop().await;
}

#[tokio::test]
async fn a_file_is_imported_through_an_edge_that_its_authority_signs_and_no_other() {
    let (certificates, others) = (TestCertificates::new(), TestCertificates::new());
    let edge = certificates.start_edge().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let line = format!("{{\"idempotency_key\":\"{}\",\"order\":{ORDER}}}\n", fresh_key());
    fs::write(file.path(), line).unwrap();
    let import = async |trusted: &TestCertificates| {
        let mut command = program(["import", "--edge-urls", &format!("https://{}", edge.address)]);
        command.arg(file.path()).arg("--edge-ca-file").arg(trusted.ca_file());
        output_within(COMMAND_LIMIT, command).await
    };
    let imported = import(&certificates).await;
    assert!(text(&imported).ends_with("1 orders stored, 0 refused\n"), "{}", text(&imported));
    let refused = import(&others).await;
    assert!(text(&refused).contains("is not trusted: "), "{}", text(&refused));
    edge.stop().await;
}

#[tokio::test]
async fn the_client_of_the_lab_places_orders_over_tls() {
    let certificates = TestCertificates::new();
    let edge = certificates.start_edge().await;
    let authorities = EdgeAuthorities { edge_ca_file: Some(certificates.ca_file()) };
    let urls = [format!("https://{}", edge.address)];
    let client = OrderClient::new(&urls, &authorities, DEADLINE).unwrap();
    let placed = client.place(0, fresh_key(), Bytes::from(ORDER)).await.unwrap();
    assert!(matches!(placed, PlacementResult::Accepted(..)), "{placed:?}");
    edge.stop().await;
}
