//! A client talks to no server that its authorities do not vouch for.

use edge::RedisConfig;
use millrace::keys::Role;
use streams::{BrokerAccess, ConnectError, Connection, Profile};
use workers::database::connect;

use crate::test_servers::TestServers;

#[tokio::test]
async fn a_server_of_another_authority_is_not_talked_to() {
    let servers = TestServers::start(Profile::Single).await;
    let foreign = TestServers::start(Profile::Single).await;
    let ca_file = |of: &TestServers, role| of.processes.brokers.access(role).ca_file.unwrap();
    let (own, foreign) = (ca_file(&servers, Role::Lab), ca_file(&foreign, Role::Lab));

    let access = servers.processes.brokers.access(Role::Edge);
    let access = BrokerAccess { ca_file: Some(foreign.clone()), ..access };
    let refused = Connection::open(&access, "test").await;
    assert!(matches!(refused, Err(ConnectError::Untrusted { .. })), "{:?}", refused.err());

    let redis = servers.processes.edge_redis();
    let redis = RedisConfig { redis_ca_file: Some(foreign.clone()), ..redis };
    let client = redis.client().unwrap();
    client.get_multiplexed_async_connection().await.unwrap_err();

    let url = servers.processes.database_url("payment");
    connect(&url).await.unwrap();
    let [own, foreign] = [own, foreign].map(|file| file.display().to_string().replace('/', "%2F"));
    assert!(url.contains(&own), "{url}");
    assert!(connect(&url.replace(&own, &foreign)).await.is_err());
}

#[tokio::test]
async fn files_that_are_no_certificates_are_named() {
    let servers = TestServers::start(Profile::Single).await;
    let file = servers.folder.path().join("empty.crt");
    std::fs::write(&file, "").unwrap();
    let access = servers.processes.brokers.access(Role::Edge);
    let access = BrokerAccess { ca_file: Some(file.clone()), ..access };
    let refused = Connection::open(&access, "test").await;
    assert!(matches!(refused, Err(ConnectError::CaFile { .. })), "{:?}", refused.err());
    let redis = servers.processes.edge_redis();
    let redis = RedisConfig { redis_ca_file: Some(file), ..redis };
    assert!(redis.client().unwrap_err().to_string().contains("empty.crt"));
}
