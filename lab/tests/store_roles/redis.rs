//! The users of Redis.

use edge::RedisConfig;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError};
use streams::Profile;

use crate::test_servers::TestServers;

/// What an edge does, besides running its script.
const OF_AN_EDGE: [&str; 4] = [
    "SET order:a 1 EX 60 NX",
    "MGET order:a order:b",
    "MGET stock:A stock:B",
    "SET stock:A 1 PX 9000",
];
/// What it is refused: other keys, and commands that delete, look around or configure.
const REFUSED_TO_AN_EDGE: [&str; 20] = [
    "SET other 1",
    "MGET order:a other",
    "DEL order:a",
    "UNLINK stock:A",
    "RENAME order:a order:b",
    "FLUSHALL",
    "FLUSHDB",
    "CONFIG GET *",
    "CONFIG SET maxmemory 1",
    "KEYS *",
    "SCAN 0",
    "DBSIZE",
    "INFO",
    "CLIENT LIST",
    "ACL LIST",
    "SCRIPT FLUSH",
    "EVAL return 0",
    "PUBLISH a b",
    "REPLICAOF 127.0.0.1 1",
    "SHUTDOWN NOSAVE",
];

fn command(text: &str) -> Cmd {
    let mut words = text.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    for word in words {
        command.arg(word);
    }
    command
}

async fn connect(redis: &RedisConfig) -> Result<MultiplexedConnection, RedisError> {
    redis.client().unwrap().get_multiplexed_async_connection().await
}

#[track_caller]
fn assert_code(error: &RedisError, code: &str, text: &str) {
    assert_eq!(error.code(), Some(code), "{text}: {error}");
}

#[tokio::test]
async fn an_edge_reads_and_writes_its_keys_and_is_refused_everything_else() {
    let servers = TestServers::start(Profile::Single).await;
    let mut edge = connect(&servers.processes.edge_redis()).await.unwrap();
    for text in OF_AN_EDGE {
        command(text).exec_async(&mut edge).await.unwrap();
    }
    for text in REFUSED_TO_AN_EDGE {
        let error = command(text).exec_async(&mut edge).await.expect_err(text);
        assert_code(&error, "NOPERM", text);
    }
    let script = redis::Script::new("return redis.call('GET', 'other')");
    let error = script.prepare_invoke().invoke_async::<()>(&mut edge).await.unwrap_err();
    assert!(error.to_string().contains("can't access"), "a script of an edge: {error}");
}

#[tokio::test]
async fn someone_without_a_password_gets_nothing_from_redis() {
    let servers = TestServers::start(Profile::Single).await;
    let (_, address) = servers.processes.redis.url().rsplit_once('@').unwrap();
    let mut stranger =
        connect(&servers.processes.redis_at(&format!("rediss://{address}"))).await.unwrap();
    for text in ["PING", "GET stock:A", "SET stock:A 1", "INFO", "FLUSHALL", "CONFIG GET *"] {
        let error = command(text).exec_async(&mut stranger).await.expect_err(text);
        assert_code(&error, "NOAUTH", text);
    }
    for login in ["default", "edge", "edge:edge", "admin:admin", "health:"] {
        let url = format!("rediss://{login}@{address}");
        let pinged = match connect(&servers.processes.redis_at(&url)).await {
            Ok(mut connection) => command("PING").exec_async(&mut connection).await,
            Err(error) => Err(error),
        };
        assert!(pinged.is_err(), "{login} is answered");
    }
    let in_clear_text = servers.processes.redis.url().replace("rediss://", "redis://");
    let in_clear_text = RedisConfig::new(&in_clear_text, None);
    connect(&in_clear_text).await.expect_err("Redis answers what is not encrypted");
}
