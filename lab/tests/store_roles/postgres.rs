//! The roles of PostgreSQL.

use deadpool_postgres::Object;
use streams::Pool;
use workers::database::connect;
use workers::database_roles::{AUDITOR, BACKUP, ERASER, OPERATOR, role_name};
use workers::stages;

use super::assert_refused;
use crate::test_servers::TestServers;

/// What a role may read of other pools: each line is a promise between two pools.
const READS: [(&str, &[&str]); 4] = [
    ("inventory", &["payment.declined", "payment.refunded"]),
    ("payment", &["inventory.reserved", "inventory.pauses_of_payment", "fulfilment.withdrawn"]),
    ("fulfilment", &["payment.paid", "inventory.placed_orders"]),
    (
        "analytics",
        &[
            "fulfilment.fulfilled",
            "fulfilment.shipped_orders",
            "inventory.placed_orders",
            "inventory.order_countries",
        ],
    ),
];
/// What every role may read of every pool that orders pass.
const READ_BY_ALL: [&str; 3] =
    ["inventory.order_states", "payment.order_states", "fulfilment.order_states"];

/// A change of tables, of roles or of the server, or what only a superuser may read.
const REFUSED_TO_ALL: [&str; 12] = [
    "CREATE TABLE public.mine (n int)",
    "CREATE TABLE inventory.mine (n int)",
    "CREATE TEMPORARY TABLE mine (n int)",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "ALTER ROLE millrace PASSWORD 'mine'",
    "SET ROLE millrace",
    "SELECT FROM pg_authid",
    "SELECT pg_read_file('/etc/passwd')",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "DELETE FROM payment_migrations",
    "SELECT pg_reload_conf()",
];

/// A table or a view of a pool, or what all of them share.
struct Relation {
    schema: String,
    name: String,
    column: String,
    is_view: bool,
}

async fn relations(owner: &Object) -> Vec<Relation> {
    let select = "SELECT nspname, nspname || '.' || relname, attname, relkind = 'v'
         FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         JOIN pg_attribute ON attrelid = pg_class.oid AND attnum = 1
         WHERE nspname = ANY($1) AND relkind IN ('r', 'v') ORDER BY 2";
    let pools = stages::pools();
    let schemas: Vec<&str> = pools.iter().map(|pool| pool.as_str()).chain(["workers"]).collect();
    let rows = owner.query(select, &[&schemas]).await.unwrap();
    let relation = |row: &tokio_postgres::Row| Relation {
        schema: row.get::<_, String>(0),
        name: row.get(1),
        column: row.get(2),
        is_view: row.get(3),
    };
    rows.iter().map(relation).collect()
}

impl Relation {
    /// Statements that write.
    fn writes(&self) -> [String; 3] {
        let Self { name, column, .. } = self;
        [
            format!("INSERT INTO {name} DEFAULT VALUES"),
            format!("UPDATE {name} SET {column} = {column}"),
            self.delete(),
        ]
    }

    fn delete(&self) -> String {
        format!("DELETE FROM {}", self.name)
    }

    /// Statements of the owner only.
    fn changes(&self) -> Vec<String> {
        let name = &self.name;
        if self.is_view {
            return vec![format!("DROP VIEW {name}")];
        }
        vec![
            format!("TRUNCATE {name}"),
            format!("DROP TABLE {name}"),
            format!("ALTER TABLE {name} ADD n int"),
        ]
    }

    fn read(&self) -> String {
        format!("SELECT {} FROM {}", self.column, self.name)
    }
}

#[tokio::test]
async fn a_pool_reads_and_writes_its_schema_and_of_others_reads_named_views_only() {
    let servers = TestServers::start_migrated().await;
    let relations = relations(&servers.owner().await).await;
    assert_eq!(READS.map(|(pool, _)| pool).to_vec(), names_of_pools(), "a new pool has a line");
    for (pool, reads) in READS {
        let session = servers.role(pool).await;
        for relation in &relations {
            let name = relation.name.as_str();
            let is_read = reads.contains(&name) || READ_BY_ALL.contains(&name);
            for change in relation.changes() {
                assert_refused(&session, pool, &change).await;
            }
            if relation.schema == pool {
                session.batch_execute(&relation.read()).await.unwrap();
                assert_refused(&session, pool, &relation.delete()).await;
                continue;
            }
            if relation.schema == "workers" {
                continue;
            }
            if is_read {
                assert!(relation.is_view, "{pool} reads a table of another pool: {name}");
                session.batch_execute(&relation.read()).await.unwrap();
            } else {
                assert_refused(&session, pool, &relation.read()).await;
            }
            for write in relation.writes() {
                assert_refused(&session, pool, &write).await;
            }
        }
        assert_refused_to_all(&session, pool).await;
        for other in names_of_pools().into_iter().filter(|other| *other != pool) {
            assert_refused(&session, pool, &format!("SET ROLE {}", role_name(other))).await;
        }
    }
}

#[tokio::test]
async fn what_pools_share_is_written_by_those_that_need_it() {
    let servers = TestServers::start_migrated().await;
    for pool in names_of_pools() {
        let session = servers.role(pool).await;
        session.batch_execute("DELETE FROM workers.taken_alone").await.unwrap();
        assert_refused(&session, pool, "TRUNCATE workers.taken_alone").await;
        assert_refused(&session, pool, "DELETE FROM workers.missed_messages").await;
        let (read, write) = (
            "SELECT FROM workers.missed_messages",
            "INSERT INTO workers.missed_messages (step, first_sequence, last_sequence)
             VALUES ('count', 1, 1) ON CONFLICT DO NOTHING",
        );
        let is_observer = pool == "analytics";
        if is_observer {
            session.batch_execute(read).await.unwrap();
        } else {
            assert_refused(&session, pool, read).await;
        }
        if is_observer || pool == "inventory" {
            session.batch_execute(write).await.unwrap();
        } else {
            assert_refused(&session, pool, write).await;
        }
    }
}

#[tokio::test]
async fn the_auditor_reads_everything_and_the_operator_writes_stock_besides() {
    let servers = TestServers::start_migrated().await;
    let relations = relations(&servers.owner().await).await;
    assert!(relations.len() > 15, "all tables and views are found");
    for who in [AUDITOR, OPERATOR] {
        let session = servers.role(who).await;
        for relation in &relations {
            session.batch_execute(&relation.read()).await.unwrap();
            let [insert, update, delete] = relation.writes();
            if who == OPERATOR && relation.name == "inventory.stock" {
                session.batch_execute(&update).await.unwrap();
            } else {
                assert_refused(&session, who, &insert).await;
                assert_refused(&session, who, &update).await;
            }
            assert_refused(&session, who, &delete).await;
            for change in relation.changes() {
                assert_refused(&session, who, &change).await;
            }
        }
        assert_refused_to_all(&session, who).await;
    }
}

/// The columns of `inventory.order_contents` about a person.
const PERSONAL: [&str; 4] = ["customer_id", "shipping_address", "contact", "metadata"];

#[tokio::test]
async fn what_is_about_a_person_is_read_by_inventory_and_by_a_backup_alone() {
    let servers = TestServers::start_migrated().await;
    let others = names_of_pools().into_iter().filter(|pool| *pool != "inventory");
    for who in others.chain([AUDITOR, OPERATOR, ERASER]) {
        let session = servers.role(who).await;
        for column in PERSONAL {
            // By the customer their orders are found.
            if who == ERASER && column == "customer_id" {
                continue;
            }
            let select = format!("SELECT {column} FROM inventory.order_contents");
            assert_refused(&session, who, &select).await;
        }
        assert_refused(&session, who, "SELECT * FROM inventory.order_contents").await;
    }
    for who in ["inventory", BACKUP] {
        let session = servers.role(who).await;
        session.batch_execute("SELECT * FROM inventory.order_contents").await.unwrap();
    }
}

#[tokio::test]
async fn a_backup_reads_everything_and_writes_nothing() {
    let servers = TestServers::start_migrated().await;
    let owner = servers.owner().await;
    let session = servers.role(BACKUP).await;
    for relation in relations(&owner).await {
        session.batch_execute(&format!("SELECT * FROM {}", relation.name)).await.unwrap();
        for write in relation.writes().iter().chain(&relation.changes()) {
            assert_refused(&session, BACKUP, write).await;
        }
    }
    let sequences = "SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences";
    for sequence in owner.query(sequences, &[]).await.unwrap() {
        let name: String = sequence.get(0);
        session.batch_execute(&format!("SELECT last_value FROM {name}")).await.unwrap();
    }
    assert_refused_to_all(&session, BACKUP).await;
}

#[tokio::test]
async fn the_eraser_removes_what_is_about_a_person_and_changes_nothing_else() {
    let servers = TestServers::start_migrated().await;
    let relations = relations(&servers.owner().await).await;
    let session = servers.role(ERASER).await;
    for column in PERSONAL {
        let erase = format!("UPDATE inventory.order_contents SET {column} = NULL");
        session.batch_execute(&erase).await.unwrap();
    }
    session.batch_execute("UPDATE inventory.reservations SET customer_id = NULL").await.unwrap();
    let record = "INSERT INTO inventory.erasures (asked_by, why) VALUES ('a', 'b')";
    session.batch_execute(record).await.unwrap();
    for refused in [
        "UPDATE inventory.order_contents SET adjustments = NULL",
        "INSERT INTO inventory.order_contents (order_id, contact) VALUES (gen_random_uuid(), '{}')",
        "UPDATE inventory.reservations SET digest = NULL",
        "UPDATE inventory.reservations SET total = 1",
        "SELECT lines FROM inventory.reservations",
    ] {
        assert_refused(&session, ERASER, refused).await;
    }
    for relation in &relations {
        let [_, update, delete] = relation.writes();
        assert_refused(&session, ERASER, &delete).await;
        if relation.name != "inventory.erasures" {
            assert_refused(&session, ERASER, &update).await;
        }
        for change in relation.changes() {
            assert_refused(&session, ERASER, &change).await;
        }
        let is_read = READ_BY_ALL.contains(&&*relation.name)
            || ["inventory.order_contents", "inventory.reservations", "inventory.erasures"]
                .contains(&&*relation.name);
        if !is_read {
            assert_refused(&session, ERASER, &relation.read()).await;
        }
    }
    assert_refused_to_all(&session, ERASER).await;
}

#[tokio::test]
async fn someone_without_the_password_of_a_role_gets_no_session() {
    let servers = TestServers::start_migrated().await;
    let url = servers.processes.postgres.url();
    let (_, address) = url.rsplit_once('@').unwrap();
    let pools = names_of_pools().into_iter().map(role_name);
    let users: Vec<String> = pools
        .chain([AUDITOR, OPERATOR, BACKUP, ERASER].map(role_name))
        .chain(["millrace", "postgres", "anyone"].map(str::to_owned))
        .collect();
    for user in users {
        for login in [user.clone(), format!("{user}:"), format!("{user}:{user}")] {
            let url = format!("postgres://{login}@{address}");
            assert!(connect(&url).await.is_err(), "{login} has a session");
        }
    }
    let (in_clear_text, _) = url.split_once('?').unwrap();
    assert!(connect(in_clear_text).await.is_err(), "a session is not encrypted");
}

async fn assert_refused_to_all(session: &Object, who: &str) {
    for statement in REFUSED_TO_ALL {
        assert_refused(session, who, statement).await;
    }
}

fn names_of_pools() -> Vec<&'static str> {
    stages::pools().into_iter().map(Pool::as_str).collect()
}
