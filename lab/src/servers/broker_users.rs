//! The users of the brokers: the product's roles, the lab's own, and one more for what has no key.

use std::fs;

use millrace::keys::{KeysFolder, Role};

use super::error::ServersError;

/// The line at which the list of users begins.
const USERS: &str = "users: [\n";

/// The roles of the product and the lab's own.
pub(super) fn roles() -> Vec<Role> {
    [Role::all(), vec![Role::Lab]].concat()
}

/// Makes the keys of all roles that have none, and writes the brokers' users.
pub(super) fn write_users(keys: &KeysFolder) -> Result<(), ServersError> {
    Ok(keys.update(&roles())?)
}

/// The same, and one more user, as the brokers' configuration describes one.
pub(super) fn write_users_and(keys: &KeysFolder, user: &str) -> Result<(), ServersError> {
    write_users(keys)?;
    let file = keys.path().join("brokers/users.conf");
    let text = fs::read_to_string(&file)?;
    Ok(fs::write(&file, text.replacen(USERS, &format!("{USERS}  {user}\n"), 1))?)
}
