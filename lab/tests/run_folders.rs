//! Where the servers of tests write: in memory, if this machine has room for it. A test waits for
//! what servers say, not for a disk, and `fsync` is called there as well.

use std::env::temp_dir;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use nix::sys::statvfs::statvfs;

/// A file system in memory, on Linux.
const MEMORY: &str = "/dev/shm";
/// All servers that run at the same time write less than half of it.
const ROOM_BYTES: u64 = 4 << 30;

/// The folder below which each run has its folder.
pub(crate) fn run_folders() -> &'static Path {
    static FOLDER: LazyLock<PathBuf> =
        LazyLock::new(|| if memory_has_room() { MEMORY.into() } else { temp_dir() });
    &FOLDER
}

fn memory_has_room() -> bool {
    statvfs(MEMORY).is_ok_and(|file_system| {
        file_system.blocks_available() * file_system.fragment_size() >= ROOM_BYTES
    })
}
