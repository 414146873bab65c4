//! The account that PostgreSQL runs as, since it refuses to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use nix::unistd::{Uid, User};

/// Unprivileged accounts of a Unix system, in order of preference.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// An unprivileged account. Only root can start a program under another account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
}

impl ServiceAccount {
    /// The account to use instead of root; `None` if this process is not root, or without an
    /// unprivileged account.
    pub fn instead_of_root() -> Option<Self> {
        if !is_root() {
            return None;
        }
        UNPRIVILEGED
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }

    /// Makes this account the owner of `path`.
    pub(crate) fn chown(self, path: &Path) -> std::io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Whether every account can traverse `folder` and all its parents.
pub(crate) fn is_world_traversable(folder: &Path) -> bool {
    folder
        .ancestors()
        .all(|ancestor| fs::metadata(ancestor).is_ok_and(|metadata| metadata.mode() & 0o001 != 0))
}
