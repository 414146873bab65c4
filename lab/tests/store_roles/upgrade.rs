//! A database with one user for all gets its roles, and keeps its rows.

use std::time::Duration;

use millrace::prepare;
use streams::Profile;
use tokio::time::timeout;
use workers::database::{Database, DatabaseConfig};
use workers::database_roles::{database_roles, role_name};

use super::session;
use crate::test_servers::TestServers;

/// Undoes what this version adds to a database of the version before.
const BEFORE_ROLES: &str = "
    DROP VIEW inventory.order_states, payment.order_states, fulfilment.order_states;
    DROP VIEW inventory.pauses_of_payment;
    DROP TABLE inventory.payment_pauses;
    DROP VIEW inventory.order_countries;
    DROP TABLE inventory.order_contents, inventory.erasures;
    DROP INDEX inventory.reservations_by_customer;
    ALTER TABLE inventory.reservations DROP COLUMN caller;
    DELETE FROM inventory_migrations WHERE name IN ('order_states', 'payment_pauses', 'order_contents',
        'adjustments', 'gifts', 'order_countries', 'traceparent', 'privacy', 'customer_indexes');
    ALTER TABLE inventory.reservations DROP COLUMN traceparent;
    DELETE FROM payment_migrations WHERE name = 'order_states';
    DELETE FROM fulfilment_migrations WHERE name = 'order_states';
    INSERT INTO fulfilment.shipments (order_id, state, shipment, decided_at)
    VALUES ('00000000-0000-0000-0000-000000000001', 'shipped', 'shp', now());";
/// Long enough for a process to have found the tables if it looked for them once only.
const WAITS: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_database_of_the_version_before_gets_its_roles_and_a_worker_waits_for_them() {
    let servers = TestServers::start_migrated().await;
    let owner = servers.owner().await;
    let revoked = database_roles().into_iter().map(|role| format!("DROP OWNED BY {};", role.name));
    owner.batch_execute(&revoked.collect::<String>()).await.unwrap();
    owner.batch_execute(BEFORE_ROLES).await.unwrap();

    let config = DatabaseConfig::new(&servers.processes.database_url("payment"));
    let mut worker = Box::pin(prepare::database(&config));
    assert!(timeout(WAITS, &mut worker).await.is_err(), "the tables are not migrated yet");
    let database = Database::open(servers.processes.postgres.url()).unwrap();
    workers::migrate(&database).await.unwrap();
    worker.await.unwrap();

    let select = "SELECT state FROM fulfilment.order_states";
    for pool in ["inventory", "payment", "analytics"] {
        let rows = servers.role(pool).await.query(select, &[]).await.unwrap();
        assert_eq!(rows[0].get::<_, &str>(0), "shipped");
    }
}

#[tokio::test]
async fn an_owner_who_may_not_create_roles_migrates_and_grants_to_those_that_exist() {
    let servers = TestServers::start(Profile::Single).await;
    let owner = servers.owner().await;
    let analytics = role_name("analytics");
    for statement in [
        "CREATE ROLE app LOGIN PASSWORD 'app'",
        "CREATE DATABASE app OWNER app",
        &format!("DROP ROLE {analytics}"),
    ] {
        owner.batch_execute(statement).await.unwrap();
    }
    let in_app = |url: &str| url.replacen("/millrace?", "/app?", 1);
    let (_, address) = servers.processes.postgres.url().rsplit_once('@').unwrap();
    let app = Database::open(&in_app(&format!("postgres://app:app@{address}"))).unwrap();
    // Twice, since every start of a process of the owner may migrate.
    for _ in 0..2 {
        workers::migrate(&app).await.unwrap();
    }
    let payment = session(&in_app(&servers.processes.database_url("payment"))).await;
    payment.batch_execute("SELECT FROM payment.payments").await.unwrap();

    owner.batch_execute(&format!("CREATE ROLE {analytics} LOGIN PASSWORD 'late'")).await.unwrap();
    workers::migrate(&app).await.unwrap();
    let late = session(&in_app(&format!("postgres://{analytics}:late@{address}"))).await;
    late.batch_execute("SELECT FROM analytics.sales").await.unwrap();
}
