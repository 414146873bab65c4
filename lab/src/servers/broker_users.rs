//! Who may do what at the brokers: the product's roles, the lab's own, and one more for what has no key.

use std::fs;
use std::path::PathBuf;

use millrace::keys::{KeysError, KeysFolder, Role};
use streams::RoleKey;

use super::error::ServersError;
use super::protection::Protection;

/// The line at which the list of users begins.
const USERS: &str = "users: [\n";

/// The roles of the product and the lab's own.
pub(super) fn roles() -> Vec<Role> {
    [Role::all(), vec![Role::Lab]].concat()
}

/// Makes the keys of all roles that have none, and writes the brokers' users.
pub(super) fn write_users(keys: &KeysFolder, protection: Protection) -> Result<(), ServersError> {
    keys.update(&roles())?;
    if protection.has_permissions() {
        return Ok(());
    }
    let user =
        |role| Ok(format!("  {{nkey: \"{}\"}}\n", RoleKey::read(&keys.key_file(role))?.public()));
    let others = roles().into_iter().filter(|role| *role != Role::System);
    let users = others.map(user).collect::<Result<String, KeysError>>()?;
    Ok(fs::write(users_file(keys), format!("{USERS}{users}]\n"))?)
}

/// The same, and one more user, as the brokers' configuration describes one.
pub(super) fn write_users_and(
    keys: &KeysFolder,
    protection: Protection,
    user: &str,
) -> Result<(), ServersError> {
    write_users(keys, protection)?;
    let file = users_file(keys);
    let text = fs::read_to_string(&file)?;
    Ok(fs::write(&file, text.replacen(USERS, &format!("{USERS}  {user}\n"), 1))?)
}

fn users_file(keys: &KeysFolder) -> PathBuf {
    keys.path().join("brokers/users.conf")
}
