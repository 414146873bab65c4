//! Why a program could not be downloaded.

use std::io;

use crate::servers::command::CommandError;

/// Why a program could not be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// No folder is writable for downloads.
    #[error("neither the cache folder nor the folder for temporary files can be written")]
    NoCache,
    /// The cache folder cannot be read or written.
    #[error("cannot use the cache folder")]
    Cache(#[from] io::Error),
    /// A command is missing or failed.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The download does not contain the program, or the program is too old.
    #[error("downloaded {name} is missing or too old")]
    Unsuitable {
        /// The name of the program.
        name: &'static str,
    },
}
