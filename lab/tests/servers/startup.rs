//! What is there when the start is over, and gone when the stop is over.

use streams::{Connection, Profile, Topology, ensure_topology};

use super::run::Run;

async fn works_and_stops(profile: Profile) {
    let mut run = Run::of(profile).await;
    assert_eq!(run.servers.brokers.servers.len(), profile.brokers());

    let connection = Connection::open(&run.servers.brokers.url(), "test").await.unwrap();
    ensure_topology(&connection, &Topology::new(profile)).await.unwrap();

    let redis = redis::Client::open(run.servers.redis.url()).unwrap();
    let mut redis = redis.get_multiplexed_async_connection().await.unwrap();
    let answer: String = redis::cmd("PING").query_async(&mut redis).await.unwrap();
    assert_eq!(answer, "PONG");

    let (postgres, connection) =
        tokio_postgres::connect(run.servers.postgres.url(), tokio_postgres::NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    for (setting, value) in [("fsync", "on"), ("synchronous_commit", "on")] {
        let row = postgres.query_one(&format!("SHOW {setting}"), &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), value, "{setting}");
    }
    drop(postgres);
    connection.await.unwrap().unwrap();

    run.servers.stop().await.unwrap();
    assert!(run.servers.brokers.servers.iter().all(|broker| broker.pid().is_none()));
    let folder = run.folder.path().to_path_buf();
    drop(run);
    assert!(!folder.exists());
}

#[tokio::test]
async fn three_durable_brokers_take_streams_as_soon_as_they_have_started() {
    works_and_stops(Profile::Durable).await;
}

#[tokio::test]
async fn three_fast_brokers_take_streams_as_soon_as_they_have_started() {
    works_and_stops(Profile::Fast).await;
}

#[tokio::test]
async fn a_single_broker_takes_streams_as_soon_as_it_has_started() {
    works_and_stops(Profile::Single).await;
}

#[tokio::test]
async fn only_a_profile_that_syncs_always_says_so() {
    for profile in [Profile::Durable, Profile::Fast, Profile::Single] {
        let run = Run::of(profile).await;
        for url in run.servers.brokers.monitor_urls() {
            let syncs = get(&format!("{url}/jsz")).await.contains("\"sync_always\": true");
            assert_eq!(syncs, profile != Profile::Fast, "{profile}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_acknowledges_before_it_writes_is_not_taken_for_ours() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let run = Run::of(Profile::Single).await;
    let url = run.servers.brokers.url();
    // As ours in everything else.
    let config = r#"{"name":"ORDERS","subjects":["orders.*"],"storage":"file","num_replicas":1,
        "retention":"limits","discard":"new","max_bytes":4294967296,"allow_direct":true,
        "duplicate_window":120000000000,"persist_mode":"async"}"#;
    let length = config.len();
    let request = format!(
        "CONNECT {{}}\r\nSUB answer 1\r\nPUB $JS.API.STREAM.CREATE.ORDERS answer {length}\r\n\
         {config}\r\n"
    );
    let mut stream =
        tokio::net::TcpStream::connect(url.trim_start_matches("nats://")).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.contains("MSG answer") {
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).await.unwrap();
        assert!(length > 0, "closed after: {answer}");
        answer += std::str::from_utf8(&bytes[..length]).unwrap();
    }

    let connection = Connection::open(&url, "test").await.unwrap();
    let refused = ensure_topology(&connection, &Topology::new(Profile::Single)).await;
    let refused = anyhow::Error::from(refused.unwrap_err());
    assert!(format!("{refused:#}").contains("did not take ORDERS"), "{refused:#}");
}

/// The body that a broker's monitoring port answers.
pub(crate) async fn get(url: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    stream.write_all(format!("GET /{path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
