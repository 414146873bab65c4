//! Passwords are written by a command, and renewed while processes run.

use std::path::Path;

use millrace::keys::Role;
use millrace::store_credentials::{REDIS_EDGE, database_password_file};
use workers::database::DatabaseConfig;
use workers::database::connect;
use workers::database_roles::role_name;

use crate::program::{COMMAND_LIMIT, output_within, program};
use crate::test_servers::{TestServers, wait_until};

/// Runs a command, which must succeed. Returns all that it printed.
async fn run(arguments: &[&str], environment: &[(&str, String)]) -> String {
    let mut command = program(arguments);
    command.envs(environment.iter().cloned());
    let output = output_within(COMMAND_LIMIT, command).await;
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{text}");
    text
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

#[tokio::test]
async fn a_password_of_the_database_is_renewed_while_a_process_runs() {
    let servers = TestServers::start_migrated().await;
    let keys = servers.folder.path().join("keys");
    let folder = keys.to_str().unwrap();
    let file = database_password_file(&keys, "payment");
    let owner = servers.owner().await;
    let (_, address) = servers.processes.postgres.url().rsplit_once('@').unwrap();
    let url = format!("postgres://{}@{address}", role_name("payment"));
    let config = DatabaseConfig { database_url: url, database_password_file: Some(file.clone()) };
    let running = config.open().unwrap();
    running.probe().await.unwrap();

    let before = read(&file);
    let printed = run(&["passwords", folder, "--renew", "payment"], &[]).await;
    let roles = keys.join("postgres/roles.sql");
    let brokers = &servers.processes.brokers;
    let mut environment = brokers.environment(Role::Admin);
    environment.extend([
        ("DATABASE_URL", servers.processes.postgres.url().to_owned()),
        ("MILLRACE_PROFILE", "single".to_owned()),
    ]);
    let migrate = ["migrate", "--roles", roles.to_str().unwrap()];
    let printed = printed + &run(&migrate, &environment).await;
    assert_ne!(read(&file), before);
    assert!(!printed.contains(&before) && !printed.contains(&read(&file)), "{printed}");

    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1";
    owner.execute(end, &[&role_name("payment")]).await.unwrap();
    wait_until("the process has another session", async || running.probe().await.is_ok()).await;
    let (user, password) = (role_name("payment"), before);
    let old = format!("postgres://{user}:{password}@{address}");
    assert!(connect(&old).await.is_err(), "the one before is not valid");
}

#[tokio::test]
async fn two_passwords_of_an_edge_are_valid_while_edges_restart() {
    let servers = TestServers::start_migrated().await;
    let keys = servers.folder.path().join("keys");
    let folder = keys.to_str().unwrap();
    let file = keys.join(REDIS_EDGE.password);
    let (_, address) = servers.processes.redis.url().rsplit_once('@').unwrap();
    let client = servers.processes.admin_redis().client().unwrap();
    // Redis may close the sessions of all users.
    let load = async || {
        let mut admin = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd("ACL").arg("LOAD").exec_async(&mut admin).await.unwrap();
    };
    let is_valid = async |password: &str| {
        let url = format!("rediss://edge:{password}@{address}");
        let client = servers.processes.redis_at(&url).client().unwrap();
        client.get_multiplexed_async_connection().await.is_ok()
    };

    let before = read(&file);
    run(&["passwords", folder, "--renew", "edge"], &[]).await;
    assert!(!is_valid(&read(&file)).await, "Redis has not loaded it yet");
    load().await;
    assert!(is_valid(&before).await && is_valid(&read(&file)).await);

    std::fs::remove_file(file.with_extension("password.before")).unwrap();
    run(&["passwords", folder], &[]).await;
    load().await;
    assert!(!is_valid(&before).await && is_valid(&read(&file)).await);
}
