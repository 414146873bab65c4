//! The folder of one run, which holds all files that the servers write, and the folders below it.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::account::{is_root, is_world_traversable};
use crate::reaper::Reaper;

/// Parents of the run folder if other accounts cannot traverse the one that is asked for.
const SHARED_TMP_FOLDERS: [&str; 2] = ["/tmp", "/var/tmp"];

/// Mode in which other accounts can traverse a folder but not list it.
const TRAVERSE_ONLY: u32 = 0o711;

/// Name prefix of folders that are not complete yet.
const STAGING_PREFIX: &str = "unfinished-";

/// A temporary folder for one run. It is removed when dropped or when this process dies, unless it
/// is kept.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    reaper: Reaper,
    keep: bool,
}

impl RunFolder {
    /// Creates a folder below `parent`. For root every account can traverse it, because PostgreSQL
    /// runs under another account: where that is not so, it is below another folder for temporary
    /// files.
    ///
    /// # Errors
    /// The folder cannot be created, or the reaper does not run.
    pub fn create(parent: &Path, reaper: &Reaper) -> io::Result<Self> {
        let parent = if is_root() && !is_world_traversable(parent) {
            SHARED_TMP_FOLDERS
                .map(PathBuf::from)
                .into_iter()
                .find(|folder| is_world_traversable(folder))
        } else {
            Some(parent.to_path_buf())
        };
        let parent = parent.ok_or(io::ErrorKind::PermissionDenied)?;
        let path = tempfile::Builder::new().prefix("millrace-").tempdir_in(parent)?.keep();
        let folder = Self { path, reaper: reaper.clone(), keep: false };
        reaper.remove_at_end(&folder.path)?;
        if is_root() {
            fs::set_permissions(&folder.path, Permissions::from_mode(TRAVERSE_ONLY))?;
        }
        Ok(folder)
    }

    /// The path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps the folder after this process ends, for inspection.
    pub fn keep(&mut self) {
        self.keep = true;
        self.reaper.keep(&self.path);
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        // Processes that still run may write to it; the reaper removes it again at the end.
        if let Err(error) = remove_if_exists(&self.path) {
            tracing::debug!(%error, "cannot remove the run folder, leaving it to the reaper");
        }
    }
}

/// Creates the empty folder `name` in `parent`, which other accounts can traverse, and removes what
/// was there.
pub(crate) fn create_clean_folder(parent: &Path, name: &str) -> io::Result<PathBuf> {
    let folder = parent.join(name);
    remove_if_exists(&folder)?;
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, Permissions::from_mode(TRAVERSE_ONLY))?;
    Ok(folder)
}

/// A new staging folder in `cache`, removed when dropped unless [`commit`] renames it. The caller
/// holds the lock, so every other staging folder is a leftover and is removed.
pub(crate) fn staging_folder(cache: &Path) -> io::Result<TempDir> {
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(STAGING_PREFIX) {
            remove_if_exists(&entry.path())?;
        }
    }
    let folder = tempfile::Builder::new().prefix(STAGING_PREFIX).tempdir_in(cache)?;
    fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// Atomically renames a complete staging folder to `folder`.
pub(crate) fn commit(staging: TempDir, folder: &Path) -> io::Result<()> {
    remove_if_exists(folder)?;
    fs::rename(staging.path(), folder)?;
    // Renamed, so there is nothing to remove on drop.
    _ = staging.keep();
    Ok(())
}

/// Removes a folder recursively; does nothing if it does not exist.
pub(crate) fn remove_if_exists(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Waits for an exclusive lock on `folder`, which is held until the file is closed.
pub(crate) fn lock(folder: &Path) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(folder.join("lock"))?;
    file.lock()?;
    Ok(file)
}
