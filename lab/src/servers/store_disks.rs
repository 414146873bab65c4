//! A small file system for the store of each broker, which a fault can fill: an ext4 image beside the store.
//!
//! They are mounted in a mount namespace of their own, which only the brokers enter, and one process that
//! waits. The kernel unmounts them when the last of these has ended, however this process ends.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, fallocate};

use super::command::{self, CommandError};
use super::probe::Probe;
use super::process::ProcessSpec;
use super::server::{Server, StartError};
use crate::reaper::Reaper;

/// Creates and mounts a file system for each of these folders. The images are sparse, and larger
/// than what a run stores.
const MOUNT: &str = r#"
set -e
PATH=$PATH:/usr/sbin:/sbin
for store in "$@"; do
  truncate -s 8G "$store.ext4"
  mkfs.ext4 -q -F -m 0 -N 16384 -J size=16 "$store.ext4"
  mkdir "$store"
  mount -t ext4 -o loop,noinit_itable "$store.ext4" "$store"
done
"#;
/// Then keeps the namespace.
const WAIT: &str = ": > mounted && exec sleep infinity";
const MOUNTED: &str = "mounted";

/// Starts a program inside a namespace.
pub(crate) const NSENTER: &str = "nsenter";

/// The file that takes the free space of a disk, beside what the broker stores.
const FILLER: &str = "filler";
/// What the file grows by at once: the size of a file system, and at last a block.
const GROWTH_MAX: i64 = 8 << 30;
const GROWTH_MIN: i64 = 4 << 10;

/// The mounted file systems of all stores.
#[derive(Debug)]
pub(crate) struct StoreDisks {
    /// The process that waits in the namespace.
    holder: Server,
}

/// Mounts such a file system once: whether this process may, and this machine has what that needs.
///
/// # Errors
/// It cannot be created or mounted.
pub fn try_mount() -> Result<(), CommandError> {
    let folder = tempfile::tempdir()
        .map_err(|source| CommandError::NotRun { command: "unshare".to_owned(), source })?;
    let mut mount = command::with_timeout("unshare");
    mount.args(["--mount", "/bin/sh", "-c", MOUNT, "sh"]).arg(folder.path().join("store"));
    command::run(&mut mount)
}

impl StoreDisks {
    /// Mounts a file system at each of `stores`. The log of the process that waits is in `folder`.
    ///
    /// # Errors
    /// One of them cannot be mounted.
    pub(crate) async fn mount(
        folder: &Path,
        stores: &[PathBuf],
        reaper: &Reaper,
    ) -> Result<Self, StartError> {
        let mut spec = ProcessSpec::new("store-disks", "unshare".into(), folder.to_path_buf());
        let script = format!("{MOUNT}{WAIT}");
        spec.args = ["--mount", "/bin/sh", "-c", &script, "sh"].map(OsString::from).to_vec();
        spec.args.extend(stores.iter().map(OsString::from));
        let probe = Probe::File(folder.join(MOUNTED));
        let mut holder = Server::new(spec, String::new(), probe, [], reaper);
        holder.start().await?;
        Ok(Self { holder })
    }

    /// The arguments of [`NSENTER`] before a program that is to run in `folder` inside the namespace.
    pub(crate) fn nsenter_args(&self, folder: &Path) -> Vec<OsString> {
        let namespace = format!("--mount={}", self.seen_from_here("ns/mnt").display());
        // Entering would change the working folder.
        let folder = format!("--wd={}", folder.display());
        vec![namespace.into(), folder.into()]
    }

    /// Removes all that is stored.
    pub(crate) fn clear(&self, store: &Path) -> io::Result<()> {
        for entry in fs::read_dir(self.path_of(store))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// The path of a store for processes that are not in the namespace, such as this one.
    fn path_of(&self, store: &Path) -> PathBuf {
        let store = store.strip_prefix("/").unwrap_or(store);
        self.seen_from_here("root").join(store)
    }

    /// Makes one file of all free space of the disk with this store.
    pub(crate) fn fill(&self, store: &Path) -> io::Result<()> {
        let path = self.path_of(store).join(FILLER);
        let filler = File::options().create(true).append(true).open(path)?;
        let mut length = filler.metadata()?.len() as i64;
        let mut growth = GROWTH_MAX;
        while growth >= GROWTH_MIN {
            match fallocate(&filler, FallocateFlags::empty(), length, growth) {
                Ok(()) => length += growth,
                Err(Errno::ENOSPC) => growth /= 2,
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Frees what [`Self::fill`] has taken.
    pub(crate) fn free(&self, store: &Path) -> io::Result<()> {
        fs::remove_file(self.path_of(store).join(FILLER))
    }

    /// Ends the process that waits. The file systems are unmounted when the brokers have ended, too.
    pub(crate) async fn stop(&mut self) -> io::Result<()> {
        self.holder.stop().await
    }

    /// A file about the process that waits; nothing exists there after it has ended.
    fn seen_from_here(&self, file: &str) -> PathBuf {
        Path::new("/proc").join(self.holder.pid().unwrap_or_default().to_string()).join(file)
    }
}
