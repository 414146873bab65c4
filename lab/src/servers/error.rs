//! Why the servers of a cluster could not be started.

use std::io;

use millrace::keys::KeysError;
use workers::database::SessionError;

use super::port::NoFreePort;
use super::postgres::TemplateError;
use super::programs::ProgramError;
use super::server::StartError;

/// Why the servers could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// A program is missing or not usable.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// No free port was found.
    #[error(transparent)]
    Port(#[from] NoFreePort),
    /// The template of PostgreSQL's data folder could not be created.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The run folder cannot be used.
    #[error("cannot use the run folder")]
    Folder(#[from] io::Error),
    /// The roles of the database could not be created.
    #[error("cannot create the roles of the database")]
    Roles(#[from] tokio_postgres::Error),
    /// The database cannot be connected to.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The keys of the brokers' clients cannot be made.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A server did not start.
    #[error(transparent)]
    Start(#[from] StartError),
}
