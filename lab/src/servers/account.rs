//! The account that PostgreSQL runs as, since it refuses to run as root.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use nix::unistd::{Uid, User};

/// Accounts without rights that a Unix system has, best first.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// An account without rights; only root can start a program as another account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Id of the user's own group.
    pub gid: u32,
}

impl Account {
    /// The account that stands in for root; `None` when we are an ordinary user already.
    pub fn instead_of_root() -> Option<Self> {
        if !is_root() {
            return None;
        }
        UNPRIVILEGED
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() })
    }

    /// Gives `folder` to this account.
    pub(crate) fn own(self, folder: &Path) -> std::io::Result<()> {
        chown(folder, Some(self.uid), Some(self.gid))
    }
}

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    Uid::effective().is_root()
}

/// Whether any account can walk to `folder`: each folder on the way lets others pass.
pub(crate) fn anyone_can_reach(folder: &Path) -> bool {
    folder
        .ancestors()
        .all(|step| fs::metadata(step).is_ok_and(|metadata| metadata.mode() & 0o001 != 0))
}
