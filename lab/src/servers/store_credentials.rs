//! The credentials of one run's PostgreSQL and Redis, as every cluster has them.

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::io;
use std::path::{Path, PathBuf};

use millrace::store_credentials::{
    REDIS_ADMIN, REDIS_EDGE, database_password_file, redis_users_file, roles_file,
    write_store_credentials,
};
use workers::database::connect;
use workers::database_roles::{database_roles, role_name};

use super::error::ServersError;
use super::nats::KEYS;

/// A folder with a password for each role.
#[derive(Debug, Clone)]
pub(crate) struct StoreCredentials {
    folder: PathBuf,
    /// The passwords of the database's roles, by their holders.
    database: BTreeMap<&'static str, String>,
    redis_admin: String,
    redis_edge: String,
}

impl StoreCredentials {
    /// Writes them below the folder of a run, or finds them there.
    pub(super) fn write(run_folder: &Path) -> io::Result<Self> {
        let folder = run_folder.join(KEYS);
        write_store_credentials(&folder)?;
        let password = |holder| read_to_string(database_password_file(&folder, holder));
        let database =
            database_roles().into_iter().map(|role| Ok((role.holder, password(role.holder)?)));
        Ok(Self {
            database: database.collect::<io::Result<_>>()?,
            redis_admin: read_to_string(folder.join(REDIS_ADMIN.password))?,
            redis_edge: read_to_string(folder.join(REDIS_EDGE.password))?,
            folder,
        })
    }

    /// The file with the users of Redis.
    pub(super) fn redis_users(&self) -> PathBuf {
        redis_users_file(&self.folder)
    }

    /// `url` of the database, for the role of `holder`.
    pub(super) fn database_url(&self, url: &str, holder: &str) -> String {
        let password = self.database.get(holder).expect("every pool and operator has a role");
        with_user(url, &role_name(holder), password)
    }

    /// `url` of Redis, for the edges.
    pub(super) fn edge_redis_url(&self, url: &str) -> String {
        with_user(url, REDIS_EDGE.name, &self.redis_edge)
    }

    /// `url` of Redis, for the user who may do everything.
    pub(super) fn admin_redis_url(&self, url: &str) -> String {
        with_user(url, REDIS_ADMIN.name, &self.redis_admin)
    }

    /// Creates the roles of the database with their passwords. `url` is that of its owner.
    pub(super) async fn create_roles(&self, url: &str) -> Result<(), ServersError> {
        let sql = read_to_string(roles_file(&self.folder))?;
        let (client, session) = connect(url).await?;
        client.batch_execute(&sql).await?;
        drop(client);
        session.await.map_err(io::Error::from)?;
        Ok(())
    }
}

/// `url` with this user and password in place of those that it has.
fn with_user(url: &str, user: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
    format!("{scheme}://{user}:{password}@{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_replaces_the_one_of_a_url() {
        assert_eq!(with_user("redis://h:1/", "u", "p"), "redis://u:p@h:1/");
        assert_eq!(with_user("postgres://m:s@h:1/d", "u", "p"), "postgres://u:p@h:1/d");
    }
}
