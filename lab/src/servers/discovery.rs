//! Finds a program that is new enough: set by an environment variable, or in the search path.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::program_spec::ProgramSpec;
use super::search_paths::SearchPaths;
use super::version::Version;

/// A program that can be run, with the environment variables that it needs.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) version: Version,
    pub(crate) envs: Vec<(String, OsString)>,
}

/// The program that an environment variable names is not usable.
#[derive(Debug, thiserror::Error)]
pub enum OverrideError {
    /// The program does not exist, or does not print its version.
    #[error("{variable} is set to {}, which is not a usable {name}", path.display())]
    Unusable {
        /// The environment variable.
        variable: &'static str,
        /// The name of the expected program.
        name: &'static str,
        /// The value of the variable.
        path: PathBuf,
    },
    /// The program is too old.
    #[error(
        "{variable} names {name} {version} ({}), but {min_version} or newer is needed",
        path.display()
    )]
    TooOld {
        /// The environment variable.
        variable: &'static str,
        /// The name of the program.
        name: &'static str,
        /// The value of the variable.
        path: PathBuf,
        /// The version of the program found.
        version: Version,
        /// The oldest supported version.
        min_version: Version,
    },
}

/// The program that its environment variable names, else the first in the search path that is new
/// enough.
pub(crate) fn find(
    spec: &ProgramSpec,
    search_paths: &SearchPaths,
) -> Result<Option<Program>, OverrideError> {
    if let Some(path) = search_paths.overrides.get(spec.variable) {
        return from_override(spec, path).map(Some);
    }
    let candidates = search_paths.folders.iter().flat_map(|folder| spec.candidates_in(folder));
    Ok(candidates
        .filter_map(|path| Program::probe(path, Vec::new()))
        .find(|program| program.version >= spec.min_version))
}

fn from_override(spec: &ProgramSpec, path: &Path) -> Result<Program, OverrideError> {
    let ProgramSpec { name, variable, min_version, .. } = *spec;
    let program = Program::probe(spec.executable_at(path), Vec::new());
    let path = path.to_path_buf();
    match program {
        None => Err(OverrideError::Unusable { variable, name, path }),
        Some(Program { version, .. }) if version < min_version => {
            Err(OverrideError::TooOld { variable, name, path, version, min_version })
        }
        Some(program) => Ok(program),
    }
}

impl Program {
    /// Runs the file with `--version`; `None` if that fails or prints no version.
    pub(crate) fn probe(path: PathBuf, envs: Vec<(String, OsString)>) -> Option<Self> {
        let output =
            Command::new(&path).arg("--version").envs(envs.iter().cloned()).output().ok()?;
        let version = Version::parse(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { path, version, envs })
    }
}
