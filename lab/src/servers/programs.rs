//! The three server programs of a run: found on this machine, or got.

use super::find::{NamedError, Program, find};
use super::get::{GetError, ProgressFn, cached_or_download};
use super::kind::{Kind, NATS_SERVER, POSTGRESQL, REDIS};
use super::search_paths::SearchPaths;
use super::version::Version;

/// Why there is no program to run.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The one that the user named will not do.
    #[error(transparent)]
    Named(#[from] NamedError),
    /// None was found and none could be got.
    #[error(
        "no {name} {least} or newer was found, and none could be got: \
         install one, or name it in {variable}"
    )]
    Missing {
        /// What is missing.
        name: &'static str,
        /// The oldest version that will do.
        least: Version,
        /// The variable that can name it.
        variable: &'static str,
        /// Why it could not be got.
        source: GetError,
    },
}

/// A program of each kind.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) nats_server: Program,
    pub(crate) redis: Program,
    pub(crate) postgresql: Program,
}

impl Programs {
    /// Finds each program, or gets it, which may take minutes; blocks the thread.
    pub(crate) fn find_or_download(
        search_paths: &SearchPaths,
        tell: &ProgressFn,
    ) -> Result<Self, ProgramError> {
        Ok(Self {
            nats_server: find_or_download(&NATS_SERVER, search_paths, tell)?,
            redis: find_or_download(&REDIS, search_paths, tell)?,
            postgresql: find_or_download(&POSTGRESQL, search_paths, tell)?,
        })
    }
}

/// Finds a program, or gets it, which may take minutes; blocks the thread.
pub(super) fn find_or_download(
    kind: &Kind,
    search_paths: &SearchPaths,
    tell: &ProgressFn,
) -> Result<Program, ProgramError> {
    if let Some(program) = find(kind, search_paths)? {
        return Ok(program);
    }
    let got = match &search_paths.cache {
        Some(cache) => cached_or_download(kind, cache, tell),
        None => Err(GetError::NoCache),
    };
    let Kind { name, least, variable, .. } = *kind;
    got.map_err(|source| ProgramError::Missing { name, least, variable, source })
}
