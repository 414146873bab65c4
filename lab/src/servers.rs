//! The servers that a cluster stands on: brokers, Redis and PostgreSQL, real ones, found on this
//! machine or got, started in a folder of their own and stopped without a trace.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::reaper::Reaper;
use programs::Programs;
use streams::Profile;

pub use folder::RunFolder;
pub use get::ProgressFn;
pub use nats::Brokers;
pub use port::{NoFreePort, free_ports};
pub use postgres::TemplateError;
pub use process::{Process, ProcessSpec};
pub use programs::ProgramError;
pub use search_paths::SearchPaths;
pub use server::{Server, StartError};
pub use tracer::Tracer;

mod account;
mod command;
mod find;
mod folder;
mod get;
pub(crate) mod group;
mod kind;
mod links;
mod nats;
mod port;
mod postgres;
mod probe;
mod process;
mod programs;
mod redis;
mod search_paths;
mod server;
mod tracer;
mod version;

/// How often a start is tried when another process takes a port between our look and our use of
/// it: once is rare, three times in a row does not happen by chance.
const START_ATTEMPTS: usize = 3;

/// Why the servers are not there.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// A program is missing.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// All ports are taken.
    #[error(transparent)]
    Port(#[from] NoFreePort),
    /// PostgreSQL has no data folder to start from.
    #[error(transparent)]
    Template(#[from] postgres::TemplateError),
    /// The folder of the run cannot be used.
    #[error("the folder of the run cannot be used")]
    Folder(#[from] io::Error),
    /// A server did not come up.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// What to start, and where.
#[derive(Clone)]
pub struct StartServers {
    /// An existing folder; it and those above it must let other accounts pass when we are root.
    pub folder: PathBuf,
    /// How many brokers, and how they sync.
    pub profile: Profile,
    /// Whether a broker can be cut off from the others: for chaos, at the price of a detour.
    pub partitionable: bool,
    /// Ends the servers when this process dies.
    pub reaper: Reaper,
    /// Where programs are looked for and kept.
    pub search_paths: SearchPaths,
    /// Hears what is being got; nothing when all is there.
    pub tell: Arc<ProgressFn>,
}

/// Running servers. Dropping them kills them; `stop` is the orderly end.
#[derive(Debug)]
pub struct Servers {
    /// The brokers, with JetStream.
    pub brokers: Brokers,
    /// The cache.
    pub redis: Server,
    /// The database.
    pub postgres: Server,
}

impl Servers {
    /// Finds or gets the programs, then starts all servers at the same time and waits for them.
    pub async fn start(start: StartServers) -> Result<Self, ServersError> {
        let mut attempt = 1;
        loop {
            match Self::start_on_free_ports(&start).await {
                Err(ServersError::Start(error))
                    if error.is_port_taken() && attempt < START_ATTEMPTS =>
                {
                    attempt += 1;
                }
                started => return started,
            }
        }
    }

    async fn start_on_free_ports(start: &StartServers) -> Result<Self, ServersError> {
        let StartServers { folder, profile, partitionable, reaper, search_paths, tell } =
            start.clone();
        let programs = blocking(move || {
            Ok((Programs::find_or_download(&search_paths, tell.as_ref())?, search_paths))
        })
        .await;
        let (Programs { nats_server, redis, postgresql }, search_paths) = programs?;
        let brokers = async {
            let brokers = Brokers::new(&nats_server, profile, partitionable, &folder, &reaper);
            let mut brokers = brokers.await?;
            brokers.start().await?;
            Ok::<_, ServersError>(brokers)
        };
        let redis = async {
            let mut redis = redis::server(&redis, &folder, &reaper)?;
            redis.start().await?;
            Ok::<_, ServersError>(redis)
        };
        let postgres = async {
            let (folder, reaper) = (folder.clone(), reaper.clone());
            let made =
                blocking(move || postgres::server(&postgresql, &search_paths, &folder, &reaper));
            let mut postgres = made.await?;
            postgres.start().await?;
            Ok::<_, ServersError>(postgres)
        };
        let (brokers, redis, postgres) = tokio::try_join!(brokers, redis, postgres)?;
        Ok(Self { brokers, redis, postgres })
    }

    /// Ends all servers in an orderly way, and kills those that take too long.
    pub async fn stop(&mut self) -> io::Result<()> {
        let (brokers, redis, postgres) =
            tokio::join!(self.brokers.stop(), self.redis.stop(), self.postgres.stop());
        brokers.and(redis).and(postgres)
    }
}

/// The version of each server program, by its name; blocks the thread, for long where one is got.
pub fn versions(
    search_paths: &SearchPaths,
    tell: &ProgressFn,
) -> Result<[(&'static str, String); 3], ProgramError> {
    let Programs { nats_server, redis, postgresql } =
        Programs::find_or_download(search_paths, tell)?;
    let version = |program: find::Program| program.version.to_string();
    Ok([
        ("nats-server", version(nats_server)),
        ("Redis", version(redis)),
        ("PostgreSQL", version(postgresql)),
    ])
}

/// Runs what gets programs or copies data, which is no work for Tokio's own threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServersError> + Send + 'static,
) -> Result<T, ServersError> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::from)?
}
