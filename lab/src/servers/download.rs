//! Downloads a missing program into the cache folder, completely or not at all.

use std::path::Path;

use super::discovery::Program;
use super::folder::{commit, lock, staging_folder};
use super::program_spec::{Origin, ProgramSpec};
use super::progress::ProgressFn;
pub(super) use error::DownloadError;
use file_tree::{entries, libraries};

mod error;
mod file_tree;
mod nats_server;
mod packages;

/// The program from the cache folder, downloaded if necessary. Only one process downloads; others
/// wait for it.
pub(crate) fn cached_or_download(
    spec: &ProgramSpec,
    cache: &Path,
    progress: &ProgressFn,
) -> Result<Program, DownloadError> {
    let tree = cache.join(spec.cache_name);
    if let Some(program) = find_in_tree(spec, &tree) {
        return Ok(program);
    }
    let _lock = lock(cache)?;
    // Another process may have downloaded it in the meantime.
    if let Some(program) = find_in_tree(spec, &tree) {
        return Ok(program);
    }
    progress(&format!("downloading {} into {}", spec.name, cache.display()));
    let staging = staging_folder(cache)?;
    match spec.origin {
        Origin::NatsServer => nats_server::download(staging.path(), progress)?,
        Origin::Packages(packages) => packages::unpack(packages, staging.path(), progress)?,
    }
    find_in_tree(spec, staging.path()).ok_or(DownloadError::Unsuitable { name: spec.name })?;
    commit(staging, &tree)?;
    find_in_tree(spec, &tree).ok_or(DownloadError::Unsuitable { name: spec.name })
}

/// Finds the program in a folder that is flat or has the layout of a root file system.
fn find_in_tree(spec: &ProgramSpec, tree: &Path) -> Option<Program> {
    let flat_or_usr_bin = [tree.to_path_buf(), tree.join("usr/bin")];
    let by_version = entries(&tree.join("usr/lib/postgresql")).map(|version| version.join("bin"));
    let folders: Vec<_> = flat_or_usr_bin.into_iter().chain(by_version).collect();
    folders
        .iter()
        .flat_map(|folder| spec.candidates_in(folder))
        .filter_map(|path| Program::probe(path, libraries(tree)))
        .find(|program| program.version >= spec.min_version)
}
