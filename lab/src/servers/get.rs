//! Getting a server program that this machine lacks into our own cache folder, whole or not at all.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::command::CommandError;
use super::find::Program;
use super::folder::{finish, lock, unfinished_folder};
use super::kind::Kind;

pub(crate) use nats_server::nats_server;
pub(crate) use packages::{postgresql, redis, strace};

mod nats_server;
mod packages;

/// Tells the user in a line what is being done, as it may take a minute.
pub type ProgressFn = dyn Fn(&str) + Send + Sync;

/// Why a program could not be got.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// There is no folder that we may write what we get to.
    #[error("neither the cache folder nor the folder for temporary files can be written")]
    NoCache,
    /// Our cache folder cannot be read or written.
    #[error("the cache folder cannot be used")]
    Cache(#[from] io::Error),
    /// A command that it takes is missing or failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// What we got is not what we need, or too old.
    #[error("what can be got holds no {name} that is new enough")]
    Unsuitable {
        /// What was wanted.
        name: &'static str,
    },
}

/// What was got earlier, or is got now. Processes that want it at the same time wait for one.
pub(crate) fn cached_or_download(
    kind: &Kind,
    cache: &Path,
    tell: &ProgressFn,
) -> Result<Program, GetError> {
    let tree = cache.join(kind.cached_as);
    if let Some(program) = in_tree(kind, &tree) {
        return Ok(program);
    }
    let _lock = lock(cache)?;
    // Another process may have been faster.
    if let Some(program) = in_tree(kind, &tree) {
        return Ok(program);
    }
    tell(&format!("getting {} into {}", kind.name, cache.display()));
    let unfinished = unfinished_folder(cache)?;
    (kind.get_into)(unfinished.path(), tell)?;
    in_tree(kind, unfinished.path()).ok_or(GetError::Unsuitable { name: kind.name })?;
    finish(unfinished, &tree)?;
    in_tree(kind, &tree).ok_or(GetError::Unsuitable { name: kind.name })
}

/// Finds the program in a folder that is flat or laid out like a system's root.
fn in_tree(kind: &Kind, tree: &Path) -> Option<Program> {
    let flat_or_usual = [tree.to_path_buf(), tree.join("usr/bin")];
    let by_version = subfolders(&tree.join("usr/lib/postgresql")).map(|it| it.join("bin"));
    let folders: Vec<_> = flat_or_usual.into_iter().chain(by_version).collect();
    folders
        .iter()
        .flat_map(|folder| kind.in_folder(folder))
        .filter_map(|path| Program::ask(path, libraries(tree)))
        .find(|program| program.version >= kind.least)
}

/// The variable that makes programs find the libraries that were unpacked along with them.
fn libraries(tree: &Path) -> Vec<(String, OsString)> {
    let folders = ["usr/lib", "lib"].into_iter().flat_map(|lib| subfolders(&tree.join(lib)));
    let by_machine = folders.filter(|folder| folder.to_string_lossy().contains("-linux-gnu"));
    match std::env::join_paths(by_machine) {
        Ok(path) if !path.is_empty() => vec![("LD_LIBRARY_PATH".to_owned(), path)],
        _ => Vec::new(),
    }
}

/// What lies in a folder; nothing when it cannot be read.
fn subfolders(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}
