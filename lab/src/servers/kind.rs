//! The kinds of programs that Millrace runs, servers above all: what they are called, how old they may be, and
//! how each is got.

use std::path::{Path, PathBuf};

use super::account::{anyone_can_reach, is_root};
use super::get::{self, GetError, ProgressFn};
use super::version::Version;

/// A kind of program.
#[derive(Debug)]
pub(crate) struct Kind {
    /// How people call it.
    pub(crate) name: &'static str,
    /// The files it may go by, best first.
    pub(crate) files: &'static [&'static str],
    /// A file that must lie beside it.
    pub(crate) beside: Option<&'static str>,
    /// The oldest version that will do.
    pub(crate) least: Version,
    /// The variable that names its file or, where a second file lies beside it, its folder.
    pub(crate) variable: &'static str,
    /// The folder for it in our cache.
    pub(crate) cached_as: &'static str,
    /// Puts it with all that it needs into a folder.
    pub(crate) get_into: fn(&Path, &ProgressFn) -> Result<(), GetError>,
}

/// The message broker.
pub(crate) const NATS_SERVER: Kind = Kind {
    name: "nats-server",
    files: &["nats-server"],
    beside: None,
    least: Version(2, 15),
    variable: "MILLRACE_NATS_SERVER",
    cached_as: "nats-server-2.15.1",
    get_into: get::nats_server,
};

/// The cache.
pub(crate) const REDIS: Kind = Kind {
    name: "Redis",
    files: &["redis-server", "valkey-server"],
    beside: None,
    least: Version(7, 0),
    variable: "MILLRACE_REDIS_SERVER",
    cached_as: "redis",
    get_into: get::redis,
};

/// The database.
pub(crate) const POSTGRESQL: Kind = Kind {
    name: "PostgreSQL",
    files: &["postgres"],
    beside: Some("initdb"),
    least: Version(15, 0),
    variable: "MILLRACE_POSTGRES_BIN",
    cached_as: "postgresql",
    get_into: get::postgresql,
};

/// What records a server's system calls: for tests of what is on disk, and when.
pub(crate) const STRACE: Kind = Kind {
    name: "strace",
    files: &["strace"],
    beside: None,
    // The first that stops a program only at the calls that are recorded.
    least: Version(5, 3),
    variable: "MILLRACE_STRACE",
    cached_as: "strace",
    get_into: get::strace,
};

impl Kind {
    /// The files in `folder` that may be this program.
    pub(crate) fn in_folder(&self, folder: &Path) -> impl Iterator<Item = PathBuf> {
        let complete = self.beside.is_none_or(|beside| folder.join(beside).is_file());
        // Root runs PostgreSQL as another account, which must be able to reach it.
        let reached = self.beside.is_none() || !is_root() || anyone_can_reach(folder);
        let files = if complete && reached { self.files } else { &[] };
        files.iter().map(|file| folder.join(file)).filter(|path| path.is_file())
    }

    /// The file that the user means by the value of our variable.
    pub(crate) fn named_by(&self, path: &Path) -> PathBuf {
        if self.beside.is_some() { path.join(self.files[0]) } else { path.to_path_buf() }
    }
}
