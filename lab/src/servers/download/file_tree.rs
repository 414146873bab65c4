//! The tree of files that a download is unpacked into.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

/// The environment variable that makes a program find the libraries unpacked with it.
pub(super) fn libraries(tree: &Path) -> Vec<(String, OsString)> {
    let folders = ["usr/lib", "lib"].into_iter().flat_map(|lib| entries(&tree.join(lib)));
    let by_machine = folders.filter(|folder| folder.to_string_lossy().contains("-linux-gnu"));
    match std::env::join_paths(by_machine) {
        Ok(path) if !path.is_empty() => vec![("LD_LIBRARY_PATH".to_owned(), path)],
        _ => Vec::new(),
    }
}

/// The entries of a folder; none if it cannot be read.
pub(super) fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}
