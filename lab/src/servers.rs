//! The servers of a cluster: real brokers, Redis and PostgreSQL. Their programs are found on this
//! machine or downloaded; they run in a temporary folder, and nothing is left after they stop.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::reaper::Reaper;
use programs::Programs;
use store_credentials::StoreCredentials;
use streams::Profile;

pub use command::CommandError;
pub use error::ServersError;
pub use folder::RunFolder;
pub(crate) use link_proxy::LinkProxy;
pub use link_proxy::LinkState;
pub use nats::Brokers;
pub use port::{NoFreePort, ReservedPort, reserve_port};
pub use postgres::TemplateError;
pub use process::{Process, ProcessSpec};
pub use programs::ProgramError;
pub use progress::ProgressFn;
pub use search_paths::SearchPaths;
pub use server::{Server, StartError};
pub use store_disks::try_mount as try_mount_disk;
pub use strace::Tracer;

mod account;
mod broker_users;
mod command;
mod discovery;
mod download;
mod error;
mod folder;
mod link_proxy;
mod nats;
mod partition_proxy;
mod port;
mod postgres;
mod probe;
mod process;
mod program_spec;
mod programs;
mod progress;
pub(crate) mod redis;
mod search_paths;
mod server;
mod store_credentials;
mod store_disks;
mod strace;
mod version;

/// Attempts to start the servers if another process takes a port between the check and its use.
/// One such race is rare; three in a row do not happen by chance.
const START_ATTEMPTS: usize = 3;

/// How to start the servers.
#[derive(Clone)]
pub struct StartServers {
    /// An existing folder. If this process is root, other accounts must be able to traverse it and
    /// its parents.
    pub folder: PathBuf,
    /// The number of brokers and their fsync policy.
    pub profile: Profile,
    /// Whether brokers can be partitioned, which routes their connections through proxies: for
    /// fault injection.
    pub partitionable: bool,
    /// Whether each broker's store is on a file system of its own, which a fault can fill.
    pub store_disks: bool,
    /// Kills the servers if this process dies.
    pub reaper: Reaper,
    /// Where programs are searched and cached.
    pub search_paths: SearchPaths,
    /// Receives download progress; nothing if all programs are found.
    pub progress: Arc<ProgressFn>,
}

/// Running servers. Dropping them kills them; [`Servers::stop`] shuts them down gracefully.
#[derive(Debug)]
pub struct Servers {
    /// The NATS servers, with JetStream.
    pub brokers: Brokers,
    /// Redis.
    pub redis: Server,
    /// PostgreSQL.
    pub postgres: Server,
    credentials: StoreCredentials,
}

impl Servers {
    /// Finds or downloads the programs, then starts all servers concurrently and waits until they
    /// are ready.
    ///
    /// # Errors
    /// See [`ServersError`].
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
        let StartServers { folder, profile, partitionable, store_disks, reaper, .. } =
            start.clone();
        let (search_paths, progress) = (start.search_paths.clone(), start.progress.clone());
        let programs = blocking(move || {
            Ok((Programs::find_or_download(&search_paths, progress.as_ref())?, search_paths))
        })
        .await;
        let (Programs { nats_server, redis, postgresql }, search_paths) = programs?;
        let credentials = StoreCredentials::write(&folder)?;
        let brokers = async {
            let mut brokers = Brokers::new(&nats_server, profile, partitionable, &folder, &reaper)?;
            if store_disks {
                brokers.mount_disks(&folder, &reaper).await?;
            }
            brokers.start().await?;
            Ok::<_, ServersError>(brokers)
        };
        let redis = async {
            let mut redis = redis::server(&redis, &credentials, &folder, &reaper)?;
            redis.start().await?;
            Ok::<_, ServersError>(redis)
        };
        let postgres = async {
            let (folder, reaper) = (folder.clone(), reaper.clone());
            let created =
                blocking(move || postgres::server(&postgresql, &search_paths, &folder, &reaper));
            let mut postgres = created.await?;
            postgres.start().await?;
            credentials.create_roles(postgres.url()).await?;
            Ok::<_, ServersError>(postgres)
        };
        let (brokers, redis, postgres) = tokio::try_join!(brokers, redis, postgres)?;
        Ok(Self { brokers, redis, postgres, credentials })
    }

    /// The URL of the database for the role of `holder`: a pool, the auditor or the operator. That of
    /// [`Servers::postgres`] is for the owner of the tables.
    pub fn database_url(&self, holder: &str) -> String {
        self.credentials.database_url(self.postgres.url(), holder)
    }

    /// The URL of Redis for the edges. That of [`Servers::redis`] may do everything.
    pub fn edge_redis_url(&self) -> String {
        self.credentials.edge_redis_url(self.redis.url())
    }

    /// Stops all servers gracefully, and kills those that have not stopped after 10 s.
    ///
    /// # Errors
    /// A process cannot be signalled or waited for.
    pub async fn stop(&mut self) -> io::Result<()> {
        let (brokers, redis, postgres) =
            tokio::join!(self.brokers.stop(), self.redis.stop(), self.postgres.stop());
        brokers.and(redis).and(postgres)
    }
}

/// The names and versions of the server programs. Blocks the thread, for minutes if a program must
/// be downloaded.
///
/// # Errors
/// A program is missing or not usable.
pub fn versions(
    search_paths: &SearchPaths,
    progress: &ProgressFn,
) -> Result<[(&'static str, String); 3], ProgramError> {
    let Programs { nats_server, redis, postgresql } =
        Programs::find_or_download(search_paths, progress)?;
    let version = |program: discovery::Program| program.version.to_string();
    Ok([
        ("nats-server", version(nats_server)),
        ("Redis", version(redis)),
        ("PostgreSQL", version(postgresql)),
    ])
}

/// Runs `work`, which downloads programs or copies data, on Tokio's blocking threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ServersError> + Send + 'static,
) -> Result<T, ServersError> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::from)?
}
