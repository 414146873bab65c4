//! The certificates of brokers, PostgreSQL and Redis are renewed while all of them run.

use lab::servers::Servers;
use lab::servers::tls_stream::encrypt;
use millrace::audit::AuditMode;
use millrace::keys::Role;
use orders::Status;
use streams::Profile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::raw_nats::read_info;

/// The request of a client of PostgreSQL that wants encryption: its length and its code.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

#[tokio::test]
async fn certificates_of_all_servers_are_renewed_while_everything_runs() {
    let mut cluster = TestCluster::start(plan(Profile::Durable)).await;
    cluster.load_catalog(&[item("SEALED", 100)]).await;
    let mut ids = vec![cluster.place("before", &basket(&[("SEALED", 1)])).await];
    let before = certificates(&cluster.processes.servers).await;

    cluster.processes.servers.renew_certificates().await.unwrap();
    wait_until("each server shows another certificate", async || {
        let now = certificates(&cluster.processes.servers).await;
        now.iter().zip(&before).all(|(now, before)| now != before)
    })
    .await;
    ids.push(cluster.place("open-connections", &basket(&[("SEALED", 1)])).await);
    cluster.restart_edges().await;
    for (_, worker) in &mut cluster.processes.workers {
        worker.stop().await.unwrap();
        worker.start().await.unwrap();
    }
    ids.push(cluster.place("new-connections", &basket(&[("SEALED", 1)])).await);
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled), "{views:?}");
    // A broker that reads its configuration again refuses the replies that are under way.
    cluster.assert_audit_passes(AuditMode::Quiesced).await;
    cluster.processes.stop().await.unwrap();
}

/// What each server shows to a new client.
async fn certificates(servers: &Servers) -> Vec<Vec<u8>> {
    let mut shown = Vec::new();
    for url in servers.brokers.url().split(',') {
        let mut tcp = TcpStream::connect(address(url)).await.unwrap();
        read_info(&mut tcp).await;
        shown.push(certificate(tcp, servers).await);
    }
    let tcp = TcpStream::connect(address(servers.redis.url())).await.unwrap();
    shown.push(certificate(tcp, servers).await);
    let mut tcp = TcpStream::connect(address(servers.postgres.url())).await.unwrap();
    tcp.write_all(&SSL_REQUEST).await.unwrap();
    assert_eq!(tcp.read_u8().await.unwrap(), b'S', "PostgreSQL encrypts");
    shown.push(certificate(tcp, servers).await);
    shown
}

async fn certificate(tcp: TcpStream, servers: &Servers) -> Vec<u8> {
    let ca_file = servers.brokers.access(Role::Lab).ca_file.unwrap();
    let stream = encrypt(tcp, &ca_file).await.unwrap();
    let (_, session) = stream.get_ref();
    session.peer_certificates().unwrap()[0].to_vec()
}

/// Host and port of a URL.
fn address(url: &str) -> &str {
    let (_, rest) = url.split_once("://").unwrap();
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('/').next().unwrap()
}
