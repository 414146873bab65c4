//! Contexts of the nats CLI, which say how it reaches a local cluster: `nats --context .millrace/operator.json`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use millrace::addresses::ENV_FILE;
use millrace::keys::{KeysFolder, Role};
use serde_json::json;

/// The roles of persons who use the nats CLI. An admin backs streams up and restores them.
const ROLES: [Role; 3] = [Role::Operator, Role::Viewer, Role::Admin];

/// Writes a context for each role beside the file with the addresses, below `folder`.
pub(crate) fn write(folder: &Path, nats_url: &str, keys: &Path) -> io::Result<()> {
    let keys = KeysFolder::at(keys);
    fs::create_dir_all(folder.join(ENV_FILE).with_file_name(""))?;
    for role in ROLES {
        let context = json!({
            "description": format!("Millrace on this machine, as {}", role.name()),
            "url": nats_url,
            "nkey": keys.key_file(role),
            "ca": keys.ca_file(role),
            "inbox_prefix": role.inbox_prefix(),
        });
        fs::write(file(folder, role), format!("{context:#}\n"))?;
    }
    Ok(())
}

/// Removes the contexts.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    ROLES.into_iter().try_for_each(|role| fs::remove_file(file(folder, role)))
}

fn file(folder: &Path, role: Role) -> PathBuf {
    folder.join(ENV_FILE).with_file_name(format!("{}.json", role.name()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_context_has_the_key_and_the_inbox_of_its_role() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "nats://a:1", Path::new("/keys")).unwrap();
        let context = fs::read(folder.path().join(".millrace/operator.json")).unwrap();
        let context: Value = serde_json::from_slice(&context).unwrap();
        assert_eq!(context["url"], "nats://a:1");
        assert_eq!(context["nkey"], "/keys/operator/nats.nk");
        assert_eq!(context["ca"], "/keys/operator/ca.crt");
        assert_eq!(context["inbox_prefix"], "_INBOX_operator");
        remove(folder.path()).unwrap();
        assert!(!folder.path().join(".millrace/viewer.json").exists());
    }
}
