//! Where server programs are looked for, and where those that we get are kept.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use super::account::{anyone_can_reach, is_root};
use super::kind::{NATS_SERVER, POSTGRESQL, REDIS, STRACE};

/// The folder in which a distribution keeps PostgreSQL, a subfolder for each major version.
const POSTGRESQL_VERSIONS: &str = "/usr/lib/postgresql";

/// Places for server programs.
#[derive(Clone, Debug)]
pub struct SearchPaths {
    /// What the user named, by the name of the variable.
    pub named: BTreeMap<&'static str, PathBuf>,
    /// Folders that are searched, in this order.
    pub folders: Vec<PathBuf>,
    /// Our own existing folder for what we get; `None` when there is nowhere to write.
    pub cache: Option<PathBuf>,
}

impl SearchPaths {
    /// Reads the environment: the variables that name servers, `PATH`, and where caches belong.
    pub fn from_environment() -> Self {
        let variables = [NATS_SERVER, REDIS, POSTGRESQL, STRACE].map(|kind| kind.variable);
        let named = variables.into_iter().filter_map(|it| Some((it, env::var_os(it)?.into())));
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(postgresql_folders());
        Self { named: named.collect(), folders: folders.collect(), cache: cache_folder() }
    }
}

/// The distribution's own folders of PostgreSQL, newest first.
fn postgresql_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir(POSTGRESQL_VERSIONS).into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let folder = |version| Path::new(POSTGRESQL_VERSIONS).join(format!("{version}/bin"));
    versions.into_iter().map(folder).collect()
}

/// The first of the usual cache folders that will do, else a folder for temporary files.
fn cache_folder() -> Option<PathBuf> {
    let set = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = env::var_os("HOME").map(PathBuf::from).filter(|home| is_ours(home));
    let system = is_root().then(|| PathBuf::from("/var/cache"));
    let usual = [set, home.map(|home| home.join(".cache")), system].into_iter().flatten();
    let temporary = env::temp_dir().join(format!("millrace-servers-{}", Uid::effective()));
    usual
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("millrace/servers"))
        .chain([temporary])
        .find(|folder| is_usable(folder))
}

/// Makes the folder if need be; whether we alone can write in it, and PostgreSQL's account read it.
fn is_usable(folder: &Path) -> bool {
    let nearest = folder.ancestors().find(|it| it.exists());
    let reached = !is_root() || nearest.is_some_and(anyone_can_reach);
    reached
        && fs::create_dir_all(folder).is_ok()
        && is_ours(folder)
        && fs::set_permissions(folder, Permissions::from_mode(0o755)).is_ok()
        && tempfile::tempfile_in(folder).is_ok()
        && (!is_root() || anyone_can_reach(folder))
}

/// Programs are run from here, so nobody else may have put them there, nor a link in our way.
fn is_ours(folder: &Path) -> bool {
    let found = fs::symlink_metadata(folder);
    found.is_ok_and(|found| found.is_dir() && found.uid() == Uid::effective().as_raw())
}
