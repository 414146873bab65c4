//! Finding a server program that is new enough: named by a variable, or in one of the usual folders.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::kind::Kind;
use super::search_paths::SearchPaths;
use super::version::Version;

/// A program that can be run, and what it needs in its environment.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) version: Version,
    pub(crate) envs: Vec<(String, OsString)>,
}

/// The user named a program that will not do.
#[derive(Debug, thiserror::Error)]
pub enum NamedError {
    /// There is no such program, or it does not tell its version.
    #[error("{variable} names {}, where no {name} can be run", path.display())]
    Unusable {
        /// The variable that names it.
        variable: &'static str,
        /// What it should be.
        name: &'static str,
        /// What it names.
        path: PathBuf,
    },
    /// The program is too old.
    #[error("{variable} names {name} {version} ({}), but {least} or newer is needed", path.display())]
    TooOld {
        /// The variable that names it.
        variable: &'static str,
        /// What it is.
        name: &'static str,
        /// What it names.
        path: PathBuf,
        /// Its version.
        version: Version,
        /// The oldest version that will do.
        least: Version,
    },
}

/// The program that the user named, else the first in the usual folders that is new enough.
pub(crate) fn find(kind: &Kind, search_paths: &SearchPaths) -> Result<Option<Program>, NamedError> {
    if let Some(path) = search_paths.named.get(kind.variable) {
        return named(kind, path).map(Some);
    }
    let candidates = search_paths.folders.iter().flat_map(|folder| kind.in_folder(folder));
    Ok(candidates
        .filter_map(|path| Program::ask(path, Vec::new()))
        .find(|program| program.version >= kind.least))
}

fn named(kind: &Kind, path: &Path) -> Result<Program, NamedError> {
    let Kind { name, variable, least, .. } = *kind;
    let program = Program::ask(kind.named_by(path), Vec::new());
    let path = path.to_path_buf();
    match program {
        None => Err(NamedError::Unusable { variable, name, path }),
        Some(Program { version, .. }) if version < least => {
            Err(NamedError::TooOld { variable, name, path, version, least })
        }
        Some(program) => Ok(program),
    }
}

impl Program {
    /// Runs a file to learn its version; `None` when it cannot be run or does not tell.
    pub(crate) fn ask(path: PathBuf, envs: Vec<(String, OsString)>) -> Option<Self> {
        let asked =
            Command::new(&path).arg("--version").envs(envs.iter().cloned()).output().ok()?;
        let version = Version::read(&String::from_utf8_lossy(&asked.stdout))?;
        Some(Self { path, version, envs })
    }
}
