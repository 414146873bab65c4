//! Downloads a missing program into the cache folder, completely or not at all.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::command::CommandError;
use super::discovery::Program;
use super::folder::{commit, lock, staging_folder};
use super::program_spec::ProgramSpec;

pub(crate) use nats_server::nats_server;
pub(crate) use packages::{postgresql, redis, strace};

mod nats_server;
mod packages;

/// Reports one line of progress to the user; a step may take a minute.
pub type ProgressFn = dyn Fn(&str) + Send + Sync;

/// Why a program could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// No folder is writable for downloads.
    #[error("neither the cache folder nor the folder for temporary files can be written")]
    NoCache,
    /// The cache folder cannot be read or written.
    #[error("cannot use the cache folder")]
    Cache(#[from] io::Error),
    /// A command is missing or failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The download does not contain the program, or the program is too old.
    #[error("downloaded {name} is missing or too old")]
    Unsuitable {
        /// The name of the program.
        name: &'static str,
    },
}

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
    (spec.download_into)(staging.path(), progress)?;
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

/// The environment variable that makes a program find the libraries unpacked with it.
fn libraries(tree: &Path) -> Vec<(String, OsString)> {
    let folders = ["usr/lib", "lib"].into_iter().flat_map(|lib| entries(&tree.join(lib)));
    let by_machine = folders.filter(|folder| folder.to_string_lossy().contains("-linux-gnu"));
    match std::env::join_paths(by_machine) {
        Ok(path) if !path.is_empty() => vec![("LD_LIBRARY_PATH".to_owned(), path)],
        _ => Vec::new(),
    }
}

/// The entries of a folder; none if it cannot be read.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}
