//! Getting programs from the distribution's packages without installing them: apt downloads and
//! checks what is missing here, and the packages are unpacked. No service is set up or started, and
//! neither root's rights nor the system's own package lists are needed.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{GetError, ProgressFn, subfolders};
use crate::servers::account::is_root;
use crate::servers::command::{bounded, run};
use crate::servers::folder::fresh_folder;

/// Puts Redis with its libraries into `folder`. Debian keeps its binary in the tools' package.
pub(crate) fn redis(folder: &Path, tell: &ProgressFn) -> Result<(), GetError> {
    unpack(&["redis-server", "redis-tools"], folder, tell)
}

/// Puts PostgreSQL with its libraries into `folder`.
pub(crate) fn postgresql(folder: &Path, tell: &ProgressFn) -> Result<(), GetError> {
    unpack(&["postgresql"], folder, tell)
}

/// Puts strace with its libraries into `folder`.
pub(crate) fn strace(folder: &Path, tell: &ProgressFn) -> Result<(), GetError> {
    unpack(&["strace"], folder, tell)
}

/// Downloads packages with what they depend on and this machine lacks, and unpacks them all.
pub(super) fn unpack(packages: &[&str], folder: &Path, tell: &ProgressFn) -> Result<(), GetError> {
    let apt = fresh_folder(folder, "apt")?;
    fs::create_dir_all(apt.join("state/lists/partial"))?;
    fs::create_dir_all(apt.join("cache/archives/partial"))?;
    tell("reading the distribution's package lists");
    run(apt_get(&apt).arg("update"))?;
    tell(&format!("downloading {} and what it needs", packages[0]));
    let download = ["install", "--download-only", "--reinstall", "--no-install-recommends", "-y"];
    run(apt_get(&apt).args(download).args(packages))?;
    for file in subfolders(&apt.join("cache/archives")) {
        if file.extension().is_some_and(|extension| extension == "deb") {
            run(bounded("dpkg").arg("-x").arg(&file).arg(folder))?;
        }
    }
    Ok(fs::remove_dir_all(&apt)?)
}

/// `apt-get` with the system's sources, keys and knowledge of what is installed, but its own lists.
fn apt_get(apt: &Path) -> Command {
    let mut command = bounded("apt-get");
    for (option, value) in [
        ("Dir::State", apt.join("state").display().to_string()),
        ("Dir::State::status", "/var/lib/dpkg/status".to_owned()),
        ("Dir::Cache", apt.join("cache").display().to_string()),
        // Nothing of the system's is written, so nobody has to be kept out.
        ("Debug::NoLocking", "true".to_owned()),
        ("Acquire::Languages", "none".to_owned()),
        ("Acquire::Retries", "3".to_owned()),
    ] {
        command.arg("-o").arg(format!("{option}={value}"));
    }
    if is_root() {
        // Root's apt downloads as an account of its own, which cannot write here.
        command.args(["-o", "APT::Sandbox::User=root"]);
    }
    command
}
