//! The folder of one run, below which everything lies that the servers write, and its parts.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::account::{anyone_can_reach, is_root};
use crate::reaper::Reaper;

/// Where a run may live when the usual folder for temporary files is closed to other accounts.
const OPEN_TO_ALL: [&str; 2] = ["/tmp", "/var/tmp"];

/// Others may pass through to what they own; they cannot list what is here.
const PASS_THROUGH: u32 = 0o711;

/// How the names of folders begin that are not whole yet.
const UNFINISHED: &str = "unfinished-";

/// A new folder for one run, removed when dropped or when this process dies, unless kept.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    reaper: Reaper,
    keep: bool,
}

impl RunFolder {
    /// Makes a folder below the system's folder for temporary files. Root hands PostgreSQL's data
    /// to another account, so as root it is a place which every account can reach.
    pub fn create(reaper: &Reaper) -> io::Result<Self> {
        let usual = std::env::temp_dir();
        let parent = if is_root() && !anyone_can_reach(&usual) {
            OPEN_TO_ALL.map(PathBuf::from).into_iter().find(|it| anyone_can_reach(it))
        } else {
            Some(usual)
        };
        let parent = parent.ok_or(io::ErrorKind::PermissionDenied)?;
        let path = tempfile::Builder::new().prefix("millrace-").tempdir_in(parent)?.keep();
        let folder = Self { path, reaper: reaper.clone(), keep: false };
        reaper.remove_at_end(&folder.path)?;
        if is_root() {
            fs::set_permissions(&folder.path, Permissions::from_mode(PASS_THROUGH))?;
        }
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the folder where it is, for somebody to look into.
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
        // What still runs may write while we remove, or after: the reaper looks again at the end.
        if let Err(error) = remove_if_there(&self.path) {
            tracing::debug!(%error, "the run's folder is left to the reaper");
        }
    }
}

/// An empty folder `name` in `parent` that other accounts can pass through, whatever was there.
pub(crate) fn fresh_folder(parent: &Path, name: &str) -> io::Result<PathBuf> {
    let folder = parent.join(name);
    remove_if_there(&folder)?;
    fs::create_dir_all(&folder)?;
    fs::set_permissions(&folder, Permissions::from_mode(PASS_THROUGH))?;
    Ok(folder)
}

/// A new folder in `cache` for something that only counts when it is whole: until `finish` it is
/// removed when dropped. The caller holds the lock, so whatever such folder is there is a leftover.
pub(crate) fn unfinished_folder(cache: &Path) -> io::Result<TempDir> {
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            remove_if_there(&entry.path())?;
        }
    }
    let folder = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(cache)?;
    fs::set_permissions(&folder, Permissions::from_mode(0o755))?;
    Ok(folder)
}

/// Gives a folder that is whole now its name.
pub(crate) fn finish(unfinished: TempDir, folder: &Path) -> io::Result<()> {
    remove_if_there(folder)?;
    fs::rename(unfinished.path(), folder)?;
    // It is no longer there to be removed.
    _ = unfinished.keep();
    Ok(())
}

/// Removes a folder with all that is in it; one that does not exist is removed already.
pub(crate) fn remove_if_there(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Waits until no other process works in `folder`, and keeps them out until the file is closed.
pub(crate) fn lock(folder: &Path) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(folder.join("lock"))?;
    file.lock()?;
    Ok(file)
}
