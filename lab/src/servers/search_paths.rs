//! Where programs are searched, and where downloaded programs are cached.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use super::account::{is_root, is_world_traversable};
use super::program_spec::{NATS_SERVER, POSTGRESQL, REDIS, STRACE};

/// Debian's folder for PostgreSQL, with a subfolder for each major version.
const POSTGRESQL_VERSIONS: &str = "/usr/lib/postgresql";

/// Where to find programs.
#[derive(Clone, Debug)]
pub struct SearchPaths {
    /// The paths set by the user, by environment variable.
    pub overrides: BTreeMap<&'static str, PathBuf>,
    /// The folders to search, in this order.
    pub folders: Vec<PathBuf>,
    /// An existing folder for downloads, owned by this account; `None` if no folder is writable.
    pub cache: Option<PathBuf>,
}

impl SearchPaths {
    /// Reads the environment: the variables of each program, `PATH`, and the cache folder.
    pub fn from_environment() -> Self {
        let variables = [NATS_SERVER, REDIS, POSTGRESQL, STRACE].map(|program| program.variable);
        let overrides =
            variables.into_iter().filter_map(|name| Some((name, env::var_os(name)?.into())));
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(postgresql_folders());
        Self { overrides: overrides.collect(), folders: folders.collect(), cache: cache_folder() }
    }
}

/// The folders of the distribution's PostgreSQL, newest version first.
fn postgresql_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir(POSTGRESQL_VERSIONS).into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        versions.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let folder = |version| Path::new(POSTGRESQL_VERSIONS).join(format!("{version}/bin"));
    versions.into_iter().map(folder).collect()
}

/// The first usable standard cache folder, else a temporary folder.
fn cache_folder() -> Option<PathBuf> {
    let xdg_cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = env::var_os("HOME").map(PathBuf::from).filter(|home| is_owned_folder(home));
    let system = is_root().then(|| PathBuf::from("/var/cache"));
    let standard = [xdg_cache, home.map(|home| home.join(".cache")), system].into_iter().flatten();
    let temporary = env::temp_dir().join(format!("millrace-servers-{}", Uid::effective()));
    standard
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("millrace/servers"))
        .chain([temporary])
        .find(|folder| is_usable(folder))
}

/// Creates the folder if necessary. Returns whether only this account can write to it and
/// PostgreSQL's account can read it.
fn is_usable(folder: &Path) -> bool {
    let nearest = folder.ancestors().find(|ancestor| ancestor.exists());
    let is_accessible = !is_root() || nearest.is_some_and(is_world_traversable);
    is_accessible
        && fs::create_dir_all(folder).is_ok()
        && is_owned_folder(folder)
        && fs::set_permissions(folder, Permissions::from_mode(0o755)).is_ok()
        && tempfile::tempfile_in(folder).is_ok()
        && (!is_root() || is_world_traversable(folder))
}

/// Whether this account owns the folder and it is not a symbolic link. Programs are run from it, so
/// no other account may have created it.
fn is_owned_folder(folder: &Path) -> bool {
    let metadata = fs::symlink_metadata(folder);
    metadata.is_ok_and(|metadata| metadata.is_dir() && metadata.uid() == Uid::effective().as_raw())
}
