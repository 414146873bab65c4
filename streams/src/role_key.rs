//! The key of a role: a file with the name of the role and the seed of an nkey, with which a client signs what
//! its broker asks. The brokers know the public part only.

use std::fmt;
use std::path::{Path, PathBuf};

use async_nats::{Auth, AuthError, ConnectOptions};
use nkeys::KeyPair;
use thiserror::Error;

use crate::subjects::inbox_prefix;

/// How the line of a key file begins that has the role.
const ROLE: &str = "role ";
/// How the line begins that has the seed of a user.
const SEED: &str = "SU";

/// The key of a role.
pub struct RoleKey {
    role: Option<String>,
    pair: KeyPair,
}

/// A key file cannot be used. Its content is not quoted.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("cannot read the key file {file}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// It has no seed of a user.
    #[error("{file} is not a key file: no line is the seed of a user's nkey")]
    NoSeed {
        /// The file.
        file: PathBuf,
    },
}

impl RoleKey {
    /// A new key.
    pub fn generate(role: &str) -> Self {
        Self { role: Some(role.to_owned()), pair: KeyPair::new_user() }
    }

    /// The key in `file`. A seed alone, as other tools write it, is a key without a role.
    pub fn read(file: &Path) -> Result<Self, KeyFileError> {
        let unreadable = |source| KeyFileError::Unreadable { file: file.to_owned(), source };
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        Self::parse(&text).ok_or_else(|| KeyFileError::NoSeed { file: file.to_owned() })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim);
        let role = lines.clone().find_map(|line| line.strip_prefix(ROLE)).map(str::to_owned);
        let pair = KeyPair::from_seed(lines.find(|line| line.starts_with(SEED))?).ok()?;
        Some(Self { role, pair })
    }

    /// The content of its file.
    pub fn to_text(&self) -> String {
        let role = self.role.as_deref().unwrap_or_default();
        let seed = self.pair.seed().expect("the key was made from a seed");
        format!("# A secret: it opens the brokers to the role below.\n{ROLE}{role}\n{seed}\n")
    }

    /// What the brokers know of it.
    pub fn public(&self) -> String {
        self.pair.public_key()
    }

    /// Signs what a broker asks a client to sign.
    pub fn sign(&self, nonce: &[u8]) -> Option<Vec<u8>> {
        self.pair.sign(nonce).ok()
    }
}

impl fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleKey").field("role", &self.role).finish_non_exhaustive()
    }
}

/// Options to connect with the key in `file`, which is read for each connection: a new key is used from the next
/// one on.
pub(crate) fn connect_options(file: &Path) -> Result<ConnectOptions, KeyFileError> {
    let role = RoleKey::read(file)?.role;
    let file = file.to_owned();
    let options = ConnectOptions::with_auth_callback(move |nonce| {
        let file = file.clone();
        async move { sign(&file, &nonce) }
    });
    Ok(match role {
        Some(role) => options.custom_inbox_prefix(inbox_prefix(&role)),
        None => options,
    })
}

fn sign(file: &Path, nonce: &[u8]) -> Result<Auth, AuthError> {
    let key = RoleKey::read(file).map_err(AuthError::new)?;
    let mut auth = Auth::new();
    auth.nkey = Some(key.public());
    auth.signature = key.sign(nonce);
    Ok(auth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_has_the_role_and_the_key_that_were_written() {
        let key = RoleKey::generate("edge");
        let read = RoleKey::parse(&key.to_text()).unwrap();
        assert_eq!(read.role.as_deref(), Some("edge"));
        assert_eq!(read.public(), key.public());
        assert!(key.public().starts_with('U'));
        assert_ne!(key.public(), RoleKey::generate("edge").public());
    }

    #[test]
    fn a_seed_alone_is_a_key_without_a_role_and_no_error_quotes_a_seed() {
        let seed = KeyPair::new_user().seed().unwrap();
        assert_eq!(RoleKey::parse(&seed).unwrap().role, None);
        assert!(RoleKey::parse("role edge\n").is_none());
        assert!(RoleKey::parse(&format!("role edge\n{}", &seed[..20])).is_none());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nats.nk");
        std::fs::write(&file, &seed[..20]).unwrap();
        let error = RoleKey::read(&file).unwrap_err().to_string();
        assert!(error.contains("not a key file") && !error.contains(&seed[..8]), "{error}");
        let key = RoleKey::generate("edge");
        let seed = key.pair.seed().unwrap();
        assert!(!format!("{key:?}").contains(&seed));
    }
}
