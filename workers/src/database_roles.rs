//! The roles of the database: who may read and write which rows. They are derived from the table of stages, so
//! that a new pool has its role.
//!
//! The owner of the tables migrates them. A pool writes its own schema and reads named views of others; it can
//! neither delete its rows nor change a table.

use std::collections::BTreeSet;

use deadpool_postgres::Object;
use tokio_postgres::Error;

use crate::order_view::order_rows;
use crate::privilege::Privilege;
use crate::running_stage::AnyStage;
use crate::stages::STAGES;

/// Reads everything and writes nothing.
pub const AUDITOR: &str = "auditor";
/// Reads everything, and writes what `millrace stock` does.
pub const OPERATOR: &str = "operator";

/// What [`OPERATOR`] writes.
const OPERATOR_WRITES: Privilege = Privilege { on: "inventory.stock", rights: "INSERT, UPDATE" };
/// Dumps the database: reads all that there is, and writes nothing.
pub const BACKUP: &str = "backup";
/// Erases what is known of a customer: `millrace erase`.
pub const ERASER: &str = "eraser";

/// What [`ERASER`] may, besides reading the states of orders. It cannot read what it erases.
const ERASER_PRIVILEGES: [Privilege; 3] = [
    Privilege {
        on: "inventory.order_contents",
        rights: "SELECT (order_id, customer_id, erased_by), INSERT (order_id, erased_by), \
                 UPDATE (customer_id, shipping_address, contact, metadata, erased_by)",
    },
    Privilege {
        on: "inventory.reservations",
        rights: "SELECT (order_id, customer_id, placed_at), UPDATE (customer_id)",
    },
    Privilege { on: "inventory.erasures", rights: "SELECT, INSERT, UPDATE" },
];
/// What an order says, where it says something about a person.
const ORDER_CONTENTS: &str = "inventory.order_contents";
/// What is read of it by [`AUDITOR`] and [`OPERATOR`], who read all other tables.
const IMPERSONAL_CONTENTS: Privilege =
    Privilege { on: ORDER_CONTENTS, rights: "SELECT (order_id, adjustments, erased_by)" };

/// The schema of what all pools share.
const SHARED: &str = "workers";
/// Marks of the records that a worker has in work by themselves. A mark is removed with its work.
const MARKS: Privilege =
    Privilege { on: "workers.taken_alone", rights: "SELECT, INSERT, UPDATE, DELETE" };

/// A login role of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseRole {
    /// Who logs in with it: a pool, [`AUDITOR`], [`OPERATOR`], [`BACKUP`] or [`ERASER`].
    pub holder: &'static str,
    /// Its name in the database.
    pub name: String,
}

/// Every role but the owner of the tables.
pub fn database_roles() -> Vec<DatabaseRole> {
    let pools = STAGES.iter().map(|stage| stage.pool().as_str());
    let holders = pools.chain([AUDITOR, OPERATOR, BACKUP, ERASER]);
    holders.map(|holder| DatabaseRole { holder, name: role_name(holder) }).collect()
}

/// The name of the role of a holder.
pub fn role_name(holder: &str) -> String {
    format!("millrace_{holder}")
}

impl DatabaseRole {
    /// SQL that creates the role if it does not exist. Without a password it cannot log in. Roles belong to all
    /// databases of a server, so another one may create it at the same time.
    pub fn creation(&self) -> String {
        let name = &self.name;
        format!(
            "DO $$ BEGIN
                 IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
                     CREATE ROLE {name} LOGIN;
                 END IF;
             EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
             END $$;\n"
        )
    }

    /// SQL that sets the role's password. It has the verifier, from which the password cannot be read.
    pub fn password_change(&self, password: &str) -> String {
        let verifier = postgres_protocol::password::scram_sha_256(password.as_bytes());
        format!("ALTER ROLE {} PASSWORD '{verifier}';\n", self.name)
    }
}

/// Creates the roles that are missing, and grants to each what it needs. Privileges are only added: the version
/// before runs with those that it has.
pub(crate) async fn create_and_grant(connection: &Object) -> Result<(), Error> {
    let missing = missing(connection).await?;
    let may_create = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user";
    let mut existing: BTreeSet<String> = database_roles().into_iter().map(|it| it.name).collect();
    if connection.query_one(may_create, &[]).await?.try_get(0)? {
        let creations: String = missing.iter().map(DatabaseRole::creation).collect();
        connection.batch_execute(&creations).await?;
    } else if !missing.is_empty() {
        let roles: Vec<&str> = missing.iter().map(|role| role.name.as_str()).collect();
        let roles = roles.join(", ");
        tracing::warn!(roles, "this user may not create roles: create them, and migrate again");
        existing.retain(|name| missing.iter().all(|role| role.name != *name));
    }
    connection.batch_execute(&grants(&existing).concat()).await
}

async fn missing(connection: &Object) -> Result<Vec<DatabaseRole>, Error> {
    let mut roles = database_roles();
    for row in connection.query("SELECT rolname::text FROM pg_roles", &[]).await? {
        let name: &str = row.try_get(0)?;
        roles.retain(|role| role.name != name);
    }
    Ok(roles)
}

/// The statements that grant to `existing` roles what they need. In one transaction.
fn grants(existing: &BTreeSet<String>) -> Vec<String> {
    let mut statements = vec![
        // Every role has these by default in some versions of PostgreSQL.
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;\n".to_owned(),
        "DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC',
             current_database()); END $$;\n"
            .to_owned(),
    ];
    let is_existing = |role: &String| existing.contains(role);
    for stage in STAGES {
        let role = role_name(stage.pool().as_str());
        if is_existing(&role) {
            statements.extend(grants_to_pool(*stage, &role));
        }
    }
    for role in [AUDITOR, OPERATOR].map(role_name).iter().filter(|role| is_existing(role)) {
        for schema in schemas() {
            statements.push(format!("GRANT USAGE ON SCHEMA {schema} TO {role};\n"));
            statements.push(format!("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};\n"));
        }
        // A version before has granted it, and reads no more of it than is granted below.
        statements.push(format!("REVOKE SELECT ON {ORDER_CONTENTS} FROM {role};\n"));
        statements.push(IMPERSONAL_CONTENTS.grant(role));
    }
    let operator = role_name(OPERATOR);
    if is_existing(&operator) {
        statements.push(OPERATOR_WRITES.grant(&operator));
    }
    let backup = role_name(BACKUP);
    if is_existing(&backup) {
        for schema in schemas() {
            statements.push(format!(
                "GRANT USAGE ON SCHEMA {schema} TO {backup};
                 GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {backup};
                 GRANT SELECT ON ALL SEQUENCES IN SCHEMA {schema} TO {backup};\n"
            ));
        }
    }
    let eraser = role_name(ERASER);
    if is_existing(&eraser) {
        statements.extend(grants_to_eraser(&eraser));
    }
    for role in existing {
        // A worker looks whether the tables are those that it needs.
        let tables: Vec<String> = schemas().map(migrations_table).collect();
        statements.push(format!("GRANT SELECT ON {} TO {role};\n", tables.join(", ")));
    }
    statements
}

fn grants_to_pool(stage: &dyn AnyStage, role: &str) -> Vec<String> {
    let schema = stage.pool();
    let views = order_rows().map(|(_, rows)| rows.view).chain(stage.proof_views());
    let reads = views.map(|on| Privilege { on, rights: "SELECT" });
    let others: Vec<Privilege> =
        reads.chain(stage.privileges().iter().copied()).chain([MARKS]).collect();
    let used: BTreeSet<&str> =
        others.iter().map(Privilege::schema).chain([schema.as_str()]).collect();
    let used: Vec<&str> = used.into_iter().collect();
    let mut statements = vec![
        format!("GRANT USAGE ON SCHEMA {} TO {role};\n", used.join(", ")),
        format!("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {schema} TO {role};\n"),
        format!("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role};\n"),
    ];
    statements.extend(others.iter().map(|privilege| privilege.grant(role)));
    statements
}

fn grants_to_eraser(role: &str) -> Vec<String> {
    let views = order_rows().map(|(_, rows)| Privilege { on: rows.view, rights: "SELECT" });
    let privileges: Vec<Privilege> = views.chain(ERASER_PRIVILEGES).collect();
    let used: BTreeSet<&str> = privileges.iter().map(Privilege::schema).collect();
    let usage =
        used.into_iter().map(|schema| format!("GRANT USAGE ON SCHEMA {schema} TO {role};\n"));
    usage.chain(privileges.iter().map(|privilege| privilege.grant(role))).collect()
}

/// The schemas of all pools, and the shared one.
pub(crate) fn schemas() -> impl Iterator<Item = &'static str> {
    STAGES.iter().map(|stage| stage.pool().as_str()).chain([SHARED])
}

/// The table that says which migrations of a schema are applied.
pub(crate) fn migrations_table(schema: &str) -> String {
    format!("{schema}_migrations")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pool_has_a_role_with_its_own_schema_and_no_table_of_another_pool() {
        for stage in STAGES {
            let (pool, role) = (stage.pool(), role_name(stage.pool().as_str()));
            assert!(
                database_roles().iter().any(|it| it.name == role && it.holder == pool.as_str())
            );
            let granted = grants_to_pool(*stage, &role).concat();
            let own = format!("GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA {pool} TO");
            assert!(granted.contains(&own), "{granted}");
            for other in schemas().filter(|schema| *schema != pool.as_str()) {
                assert!(!granted.contains(&format!("TABLES IN SCHEMA {other}")), "{granted}");
            }
        }
    }

    #[test]
    fn a_pool_only_reads_outside_of_its_schema_and_of_the_shared_one() {
        for stage in STAGES {
            for privilege in stage.privileges() {
                let is_shared = privilege.schema() == SHARED;
                assert!(
                    is_shared || privilege.rights == "SELECT",
                    "{}: {privilege:?}",
                    stage.pool()
                );
            }
        }
    }

    #[test]
    fn a_role_that_does_not_exist_is_granted_nothing() {
        let existing = BTreeSet::from([role_name("inventory")]);
        let granted = grants(&existing).concat();
        assert!(granted.contains("TO millrace_inventory"), "{granted}");
        assert!(!granted.contains("millrace_payment"), "{granted}");
        assert!(!granted.contains(&role_name(AUDITOR)), "{granted}");
    }
}
