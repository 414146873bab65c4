//! The three server programs of a run: found on this machine, or downloaded.

use super::discovery::{OverrideError, Program, find};
use super::download::{DownloadError, cached_or_download};
use super::program_spec::{NATS_SERVER, POSTGRESQL, ProgramSpec, REDIS};
use super::progress::ProgressFn;
use super::search_paths::SearchPaths;
use super::version::Version;

/// Why no usable program was found.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// The program that an environment variable names is not usable.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// The program was neither found nor downloaded.
    #[error(
        "no {name} {min_version} or newer was found, and the download failed: \
         install it, or set {variable}"
    )]
    Missing {
        /// The name of the program.
        name: &'static str,
        /// The oldest supported version.
        min_version: Version,
        /// The environment variable that can name it.
        variable: &'static str,
        /// Why the download failed.
        source: DownloadError,
    },
}

/// The server programs of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) nats_server: Program,
    pub(crate) redis: Program,
    pub(crate) postgresql: Program,
}

impl Programs {
    /// Finds or downloads each program. Blocks the thread; a download may take minutes.
    pub(crate) fn find_or_download(
        search_paths: &SearchPaths,
        progress: &ProgressFn,
    ) -> Result<Self, ProgramError> {
        Ok(Self {
            nats_server: find_or_download(&NATS_SERVER, search_paths, progress)?,
            redis: find_or_download(&REDIS, search_paths, progress)?,
            postgresql: find_or_download(&POSTGRESQL, search_paths, progress)?,
        })
    }
}

/// Finds or downloads a program. Blocks the thread; a download may take minutes.
pub(super) fn find_or_download(
    spec: &ProgramSpec,
    search_paths: &SearchPaths,
    progress: &ProgressFn,
) -> Result<Program, ProgramError> {
    if let Some(program) = find(spec, search_paths)? {
        return Ok(program);
    }
    let downloaded = match &search_paths.cache {
        Some(cache) => cached_or_download(spec, cache, progress),
        None => Err(DownloadError::NoCache),
    };
    let ProgramSpec { name, min_version, variable, .. } = *spec;
    downloaded.map_err(|source| ProgramError::Missing { name, min_version, variable, source })
}
