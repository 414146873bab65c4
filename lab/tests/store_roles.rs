//! The roles of PostgreSQL and Redis: each may do its work, and is refused a sample of everything else.
//! Someone without credentials is refused everything.

mod passwords;
mod postgres;
mod redis;
mod upgrade;

use deadpool_postgres::Object;
use streams::Profile;
use tokio_postgres::error::SqlState;
use workers::database::Database;

use crate::test_servers::TestServers;

impl TestServers {
    /// Servers with tables and roles, without brokers' streams.
    async fn start_migrated() -> Self {
        let servers = Self::start(Profile::Single).await;
        let database = Database::open(servers.processes.postgres.url()).unwrap();
        workers::migrate(&database).await.unwrap();
        servers
    }

    /// A session of the owner of the tables.
    async fn owner(&self) -> Object {
        session(self.processes.postgres.url()).await
    }

    /// A session of the role of a pool, of the auditor or of the operator.
    async fn role(&self, holder: &str) -> Object {
        session(&self.processes.database_url(holder)).await
    }
}

async fn session(url: &str) -> Object {
    Database::open(url).unwrap().connection().await.unwrap()
}

/// Asserts that the session may not run `statement`.
async fn assert_refused(session: &Object, who: &str, statement: &str) {
    match session.batch_execute(statement).await {
        Ok(()) => panic!("{who} was not refused: {statement}"),
        Err(err) => {
            let code = err.code();
            assert_eq!(
                code,
                Some(&SqlState::INSUFFICIENT_PRIVILEGE),
                "{who}: {statement}: {err:?}"
            );
        }
    }
}
