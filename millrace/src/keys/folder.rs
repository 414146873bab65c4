//! The folder with the keys of a cluster: `ROLE/nats.nk` is the secret of a role, `ROLE/nats.pub` lists the public
//! keys that are valid for it, and `brokers/` has what the brokers' configuration includes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use streams::{KeyFileError, RoleKey};
use thiserror::Error;

use super::Role;
use super::broker_files;
use super::certified_server::CertifiedServer;
use crate::secret_files::{self, SECRET, SECRET_FOLDER};

pub(super) const PUBLIC: u32 = 0o644;

/// A folder with keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysFolder(PathBuf);

/// Keys could not be made.
#[derive(Debug, Error)]
pub enum KeysError {
    /// Keys that are in use would be lost.
    #[error("{folder} has keys already: `millrace keys update` makes those that are missing")]
    Exists {
        /// The folder.
        folder: PathBuf,
    },
    /// Nothing was made there yet.
    #[error("{folder} has no keys: `millrace keys new` makes them")]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// A third key would make the oldest one invalid, which may be in use.
    #[error("{folder} has two valid keys: `millrace keys retire` ends the older one")]
    NotRetired {
        /// The folder of the role.
        folder: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot use {file}")]
    File {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// A certificate cannot be made.
    #[error("cannot make the certificate of {}", server.as_str())]
    Certificate {
        /// Its server.
        server: CertifiedServer,
        /// Why not.
        source: rcgen::Error,
    },
    /// The authority cannot be made.
    #[error("cannot make a certificate authority")]
    Authority {
        /// Why not.
        source: rcgen::Error,
    },
    /// The authority cannot sign.
    #[error(
        "{file} is missing: put it back; only to begin with another authority, which no process trusts yet, remove \
         ca.crt beside it"
    )]
    NoAuthorityKey {
        /// Where its key should be.
        file: PathBuf,
    },
    /// A key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyFileError),
}

impl KeysFolder {
    /// The folder at `path`, which may not exist yet.
    pub fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file with the key of `role`.
    pub fn key_file(&self, role: Role) -> PathBuf {
        self.0.join(role.name()).join("nats.nk")
    }

    /// Makes a key for each of `roles`, and the brokers' files.
    ///
    /// # Errors
    /// There are keys already, or a file cannot be written.
    pub fn create(&self, roles: &[Role]) -> Result<(), KeysError> {
        if self.is_made() {
            return Err(KeysError::Exists { folder: self.0.clone() });
        }
        self.update(roles)
    }

    /// Makes a key for each of `roles` that has none, and writes the brokers' files anew: after an upgrade roles
    /// may have other permissions.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn update(&self, roles: &[Role]) -> Result<(), KeysError> {
        make_folder(&self.0, 0o755)?;
        make_folder(&self.0.join("brokers"), 0o755)?;
        for role in roles {
            if self.valid_keys(*role)?.is_empty() {
                let key = RoleKey::generate(role.name());
                make_folder(&self.0.join(role.name()), SECRET_FOLDER)?;
                write(&self.key_file(*role), &key.to_text(), SECRET)?;
                write(&self.public_file(*role), &format!("{}\n", key.public()), PUBLIC)?;
            }
        }
        self.write_users(roles)
    }

    /// Makes another key for `role`, one of `roles`. The one before stays valid until [`retire`](Self::retire), so that
    /// nothing stops: a process uses the new one from its next connection on.
    ///
    /// # Errors
    /// The role has no key or two already, or a file cannot be read or written.
    pub fn rotate(&self, role: Role, roles: &[Role]) -> Result<(), KeysError> {
        let valid = self.valid_keys(role)?;
        let [old] = &valid[..] else {
            let folder = self.0.join(role.name());
            return Err(match valid.len() {
                0 => KeysError::Missing { folder },
                _ => KeysError::NotRetired { folder },
            });
        };
        let key = RoleKey::generate(role.name());
        // First what makes it valid: a key that no broker knows would refuse the role.
        let public = format!("{old}\n{}\n", key.public());
        write(&self.public_file(role), &public, PUBLIC)?;
        self.write_users(roles)?;
        write(&self.key_file(role), &key.to_text(), SECRET)
    }

    /// Ends the validity of all keys of `role`, one of `roles`, but the newest. Returns how many ended.
    ///
    /// # Errors
    /// The role has no key, or a file cannot be read or written.
    pub fn retire(&self, role: Role, roles: &[Role]) -> Result<usize, KeysError> {
        let mut valid = self.valid_keys(role)?;
        let newest = valid.pop();
        let newest = newest.ok_or_else(|| KeysError::Missing { folder: self.0.clone() })?;
        write(&self.public_file(role), &format!("{newest}\n"), PUBLIC)?;
        self.write_users(roles)?;
        Ok(valid.len())
    }

    /// Writes how brokers know each other. `routes` are host and port of each, for the others.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn write_cluster(&self, routes: &[String]) -> Result<(), KeysError> {
        write(&self.0.join("brokers/cluster.conf"), &self.cluster_conf(routes)?, SECRET)
    }

    /// How a broker knows others at `routes`: the text of `cluster.conf`.
    ///
    /// # Errors
    /// The password of the brokers cannot be read or written.
    pub fn cluster_conf(&self, routes: &[String]) -> Result<String, KeysError> {
        let file = self.0.join("brokers/route.password");
        let password = secret_files::find_or_create_password(&file);
        let password = password.map_err(|source| file_error(&file, source))?;
        Ok(broker_files::cluster(&password, routes))
    }

    /// Whether any key was made.
    pub fn is_made(&self) -> bool {
        self.0.join("brokers/users.conf").exists()
    }

    /// Writes the users of both accounts.
    fn write_users(&self, roles: &[Role]) -> Result<(), KeysError> {
        let with_keys = |role: &Role| Ok::<_, KeysError>((*role, self.valid_keys(*role)?));
        let users: Vec<_> = roles.iter().map(with_keys).collect::<Result<_, _>>()?;
        let (system, application): (Vec<_>, Vec<_>) =
            users.into_iter().partition(|(role, _)| *role == Role::System);
        for (file, users) in [("system.conf", system), ("users.conf", application)] {
            write(&self.0.join("brokers").join(file), &broker_files::users(&users), PUBLIC)?;
        }
        Ok(())
    }

    /// The public keys that are valid for `role`, oldest first.
    fn valid_keys(&self, role: Role) -> Result<Vec<String>, KeysError> {
        let text = read_if_any(&self.public_file(role))?.unwrap_or_default();
        Ok(text.lines().map(str::to_owned).collect())
    }

    fn public_file(&self, role: Role) -> PathBuf {
        self.0.join(role.name()).join("nats.pub")
    }
}

pub(super) fn make_folder(folder: &Path, mode: u32) -> Result<(), KeysError> {
    secret_files::make_folder(folder, mode).map_err(|source| file_error(folder, source))
}

pub(super) fn write(file: &Path, text: &str, mode: u32) -> Result<(), KeysError> {
    secret_files::write(file, text, mode).map_err(|source| file_error(file, source))
}

/// The text of a file; `None` if it does not exist.
pub(super) fn read_if_any(file: &Path) -> Result<Option<String>, KeysError> {
    match fs::read_to_string(file) {
        Ok(text) => Ok(Some(text)),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error(file, source)),
    }
}

fn file_error(file: &Path, source: io::Error) -> KeysError {
    KeysError::File { file: file.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(file: &Path) -> u32 {
        file.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn secrets_are_private_and_are_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeysFolder::at(&folder.path().join("keys"));
        assert!(!keys.is_made());
        keys.create(&Role::all()).unwrap();
        keys.write_cluster(&["a:1".to_owned()]).unwrap();
        for role in Role::all() {
            assert_eq!(mode(&keys.key_file(role)), 0o600, "{role:?}");
        }
        assert_eq!(mode(&keys.path().join("brokers/users.conf")), 0o644);
        assert_eq!(mode(&keys.path().join("brokers/cluster.conf")), 0o600);
        let read = || fs::read_to_string(keys.key_file(Role::Edge)).unwrap();
        let before = read();
        assert!(matches!(keys.create(&Role::all()), Err(KeysError::Exists { .. })));
        keys.update(&Role::all()).unwrap();
        assert_eq!(read(), before);
    }

    #[test]
    fn an_update_makes_the_key_of_a_new_role_and_keeps_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeysFolder::at(folder.path());
        keys.create(&[Role::Edge]).unwrap();
        let edge = RoleKey::read(&keys.key_file(Role::Edge)).unwrap().public();
        keys.update(&[Role::Edge, Role::Viewer]).unwrap();
        let users = fs::read_to_string(folder.path().join("brokers/users.conf")).unwrap();
        let viewer = RoleKey::read(&keys.key_file(Role::Viewer)).unwrap().public();
        assert!(users.contains(&edge) && users.contains(&viewer), "{users}");
        let seed = fs::read_to_string(keys.key_file(Role::Edge)).unwrap();
        let seed = seed.lines().find(|line| line.starts_with("SU")).unwrap();
        assert!(!users.contains(seed));
    }

    #[test]
    fn a_rotated_key_is_valid_beside_the_one_before_until_that_is_retired() {
        let folder = tempfile::tempdir().unwrap();
        let (keys, roles) = (KeysFolder::at(folder.path()), [Role::Edge, Role::Viewer]);
        assert!(matches!(keys.rotate(Role::Edge, &roles), Err(KeysError::Missing { .. })));
        keys.create(&roles).unwrap();
        let current = || RoleKey::read(&keys.key_file(Role::Edge)).unwrap().public();
        let is_user = |public: &str| {
            let users = fs::read_to_string(folder.path().join("brokers/users.conf")).unwrap();
            users.contains(public)
        };
        let old = current();
        keys.rotate(Role::Edge, &roles).unwrap();
        assert_ne!(current(), old);
        assert!(is_user(&old) && is_user(&current()));
        assert!(matches!(keys.rotate(Role::Edge, &roles), Err(KeysError::NotRetired { .. })));
        assert_eq!(keys.retire(Role::Edge, &roles).unwrap(), 1);
        assert!(!is_user(&old) && is_user(&current()));
        assert_eq!(keys.retire(Role::Edge, &roles).unwrap(), 0);
    }

    #[test]
    fn brokers_share_one_password() {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeysFolder::at(folder.path());
        keys.create(&[Role::Edge]).unwrap();
        let routes = ["b1:6222".to_owned(), "b2:6222".to_owned()];
        let text = keys.cluster_conf(&routes).unwrap();
        assert_eq!(text, keys.cluster_conf(&routes).unwrap());
        assert!(text.contains("@b1:6222\"") && text.contains("@b2:6222\""), "{text}");
    }
}
