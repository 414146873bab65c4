//! Passwords for PostgreSQL and Redis: a random one for each role, in files that only their owner can read.
//!
//! | file below the folder | what it holds | who needs it |
//! |---|---|---|
//! | `ROLE/postgres.password` | the password of `millrace_ROLE` | the processes of the role |
//! | `postgres/roles.sql` | every role with its verifier | `millrace migrate --roles` |
//! | `edge/redis.password`, `admin/redis.password` | the password of the user in Redis | edges; an operator |
//! | `redis/users.acl` | the users of Redis with hashes of their passwords | Redis, as its `aclfile` |
//! | `redis/health.password` | the password of the health check | the container of Redis |

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use workers::database_roles::{DatabaseRole, database_roles};

use crate::secret_files::{create_password, find_or_create_password, write_secret};

/// The edges' user in Redis.
pub const REDIS_EDGE: RedisUser =
    RedisUser { name: "edge", password: "edge/redis.password", rules: edge::REDIS_RULES };
/// The user who may do everything in Redis: an operator.
pub const REDIS_ADMIN: RedisUser =
    RedisUser { name: "admin", password: "admin/redis.password", rules: "~* &* +@all" };
/// The user of the health check.
const REDIS_HEALTH: RedisUser =
    RedisUser { name: "health", password: "redis/health.password", rules: "-@all +ping" };
const REDIS_USERS: [RedisUser; 3] = [REDIS_EDGE, REDIS_ADMIN, REDIS_HEALTH];

/// A user of Redis.
#[derive(Debug, Clone, Copy)]
pub struct RedisUser {
    /// Its name.
    pub name: &'static str,
    /// The file with its password, below the folder of all credentials.
    pub password: &'static str,
    /// What it may do, in the words of Redis.
    rules: &'static str,
}

/// Writes the credentials of every role below `folder`. Passwords that are there are kept, also those before a
/// renewal, in files that end with `.before`.
pub fn write_store_credentials(folder: &Path) -> io::Result<()> {
    let mut sql = String::new();
    for role in database_roles() {
        let password = find_or_create_password(&database_password_file(folder, role.holder))?;
        sql.push_str(&role.creation());
        sql.push_str(&role.password_change(&password));
    }
    write_secret(&roles_file(folder), &sql)?;
    let users = REDIS_USERS.iter().map(|user| redis_user(folder, user));
    let users: Vec<String> = users.collect::<io::Result<_>>()?;
    // The default user is everyone without a password.
    let users = format!("user default off\n{}", users.concat());
    write_secret(&redis_users_file(folder), &users)
}

/// Renews the passwords of `holder`: a pool, the auditor, the operator, the edges or the admin of Redis. Redis takes
/// the one before as well, until its file is removed.
pub fn renew_store_credentials(folder: &Path, holder: &str) -> io::Result<()> {
    let holds = |role: &DatabaseRole| role.holder == holder;
    let database =
        database_roles().iter().any(holds).then(|| database_password_file(folder, holder));
    let redis = REDIS_USERS.iter().find(|user| user.name == holder);
    let redis = redis.map(|user| folder.join(user.password));
    if let Some(file) = &redis
        && file.exists()
    {
        fs::rename(file, before(file))?;
    }
    let Some(file) = database.or(redis) else {
        return Err(io::Error::new(ErrorKind::NotFound, format!("no role is called `{holder}`")));
    };
    create_password(&file)?;
    write_store_credentials(folder)
}

/// The file with the password of a role of the database.
pub fn database_password_file(folder: &Path, holder: &str) -> PathBuf {
    folder.join(holder).join("postgres.password")
}

/// The file with the SQL that creates the database's roles.
pub fn roles_file(folder: &Path) -> PathBuf {
    folder.join("postgres/roles.sql")
}

/// The file with the users of Redis.
pub fn redis_users_file(folder: &Path) -> PathBuf {
    folder.join("redis/users.acl")
}

/// The line of a user, with the password before a renewal as well.
fn redis_user(folder: &Path, user: &RedisUser) -> io::Result<String> {
    let RedisUser { name, password, rules } = user;
    let file = folder.join(password);
    let before = fs::read_to_string(before(&file)).ok();
    let hashes: Vec<String> =
        before.into_iter().chain([find_or_create_password(&file)?]).map(|it| hash(&it)).collect();
    Ok(format!("user {name} on {} {rules}\n", hashes.join(" ")))
}

fn before(file: &Path) -> PathBuf {
    file.with_extension("password.before")
}

fn hash(password: &str) -> String {
    let hash: [u8; 32] = Sha256::digest(password.trim_end()).into();
    format!("#{}", orders::to_hex(&hash))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::limits::PASSWORD_CHARS;

    fn files(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o700, "{}", path.display());
                found.extend(files(&path));
            } else {
                found.push(path);
            }
        }
        found
    }

    #[test]
    fn every_file_is_private_and_what_servers_read_has_no_password() {
        let folder = tempfile::tempdir().unwrap();
        write_store_credentials(folder.path()).unwrap();
        let (passwords, others): (Vec<_>, Vec<_>) = files(folder.path())
            .into_iter()
            .partition(|file| file.extension().is_some_and(|it| it == "password"));
        assert_eq!((passwords.len(), others.len()), (database_roles().len() + 3, 2));
        for file in passwords.iter().chain(&others) {
            assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{}", file.display());
        }
        let others = others.iter().map(|file| fs::read_to_string(file).unwrap());
        let others = others.collect::<String>();
        for password in passwords.iter().map(|file| fs::read_to_string(file).unwrap()) {
            assert_eq!(password.len(), PASSWORD_CHARS);
            assert!(!others.contains(&password), "{others}");
        }
    }

    #[test]
    fn passwords_are_kept_until_they_are_renewed() {
        let folder = tempfile::tempdir().unwrap();
        let read = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap();
        write_store_credentials(folder.path()).unwrap();
        let [payment, edge] = ["payment/postgres.password", "edge/redis.password"].map(read);
        write_store_credentials(folder.path()).unwrap();
        assert_eq!(
            ["payment/postgres.password", "edge/redis.password"].map(read),
            [&*payment, &edge]
        );

        renew_store_credentials(folder.path(), "payment").unwrap();
        assert_ne!(read("payment/postgres.password"), payment);
        renew_store_credentials(folder.path(), "edge").unwrap();
        let users = read("redis/users.acl");
        for password in [&edge, &read("edge/redis.password")] {
            assert!(users.contains(&hash(password)), "both are valid at once: {users}");
        }
        renew_store_credentials(folder.path(), "nothing").unwrap_err();
    }
}
