//! Extracts programs from the distribution's packages without installing them: apt downloads and
//! verifies the missing packages, which are then unpacked. No service is configured or started, and
//! neither root privileges nor the system's package lists are needed.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::error::DownloadError;
use super::file_tree::entries;
use crate::servers::account::is_root;
use crate::servers::command::{run, with_timeout};
use crate::servers::folder::create_clean_folder;
use crate::servers::progress::ProgressFn;

/// Downloads packages and those of their dependencies that are not installed, and unpacks them.
pub(super) fn unpack(
    packages: &[&str],
    folder: &Path,
    progress: &ProgressFn,
) -> Result<(), DownloadError> {
    let apt = create_clean_folder(folder, "apt")?;
    fs::create_dir_all(apt.join("state/lists/partial"))?;
    fs::create_dir_all(apt.join("cache/archives/partial"))?;
    progress("downloading package lists");
    run(apt_get(&apt).arg("update"))?;
    progress(&format!("downloading {} and its dependencies", packages[0]));
    let download = ["install", "--download-only", "--reinstall", "--no-install-recommends", "-y"];
    run(apt_get(&apt).args(download).args(packages))?;
    for file in entries(&apt.join("cache/archives")) {
        if file.extension().is_some_and(|extension| extension == "deb") {
            run(with_timeout("dpkg").arg("-x").arg(&file).arg(folder))?;
        }
    }
    Ok(fs::remove_dir_all(&apt)?)
}

/// `apt-get` with the system's sources, keys and package status, but separate package lists.
fn apt_get(apt: &Path) -> Command {
    let mut command = with_timeout("apt-get");
    for (option, value) in [
        ("Dir::State", apt.join("state").display().to_string()),
        ("Dir::State::status", "/var/lib/dpkg/status".to_owned()),
        ("Dir::Cache", apt.join("cache").display().to_string()),
        // No file of the system is written, so no lock is needed.
        ("Debug::NoLocking", "true".to_owned()),
        ("Acquire::Languages", "none".to_owned()),
        ("Acquire::Retries", "3".to_owned()),
    ] {
        command.arg("-o").arg(format!("{option}={value}"));
    }
    if is_root() {
        // As root, apt downloads under a separate account, which cannot write here.
        command.args(["-o", "APT::Sandbox::User=root"]);
    }
    command
}
