//! The servers of a cluster: real brokers, Redis and PostgreSQL. Their programs are found on this
//! machine or downloaded; they run in a temporary folder, and nothing is left after they stop.

use std::io;

use broker_users::write_users;
use certificates::write_certificates;
use edge::RedisConfig;
use millrace::keys::{KeysFolder, Role};
use nats::KEYS;
use programs::Programs;
use store_credentials::StoreCredentials;

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
pub use protection::Protection;
pub(crate) use redis_login::RedisLogin;
pub use search_paths::SearchPaths;
pub use server::{Server, StartError};
pub use start_servers::StartServers;
pub use store_disks::try_mount as try_mount_disk;
pub use strace::Tracer;

mod account;
mod broker_users;
mod certificates;
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
mod protection;
mod redis;
mod redis_login;
mod search_paths;
mod server;
mod start_servers;
mod store_credentials;
mod store_disks;
mod strace;
pub mod tls_stream;
mod version;

/// Attempts to start the servers if another process takes a port between the check and its use.
/// One such race is rare; three in a row do not happen by chance.
const START_ATTEMPTS: usize = 3;

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
        let StartServers { folder, protection, store_disks, reaper, .. } = start.clone();
        let (search_paths, progress) = (start.search_paths.clone(), start.progress.clone());
        let programs = blocking(move || {
            Ok((Programs::find_or_download(&search_paths, progress.as_ref())?, search_paths))
        })
        .await;
        let (Programs { nats_server, redis, postgresql }, search_paths) = programs?;
        let keys = KeysFolder::at(&folder.join(KEYS));
        write_users(&keys, protection)?;
        write_certificates(&keys, protection)?;
        let credentials = StoreCredentials::write(&folder)?;
        let brokers = async {
            let mut brokers = Brokers::new(&nats_server, start, &keys)?;
            if store_disks {
                brokers.mount_disks(&folder, &reaper).await?;
            }
            brokers.start().await?;
            Ok::<_, ServersError>(brokers)
        };
        let redis = async {
            let mut redis =
                redis::server(&redis, (protection, &keys), &credentials, &folder, &reaper)?;
            redis.start().await?;
            Ok::<_, ServersError>(redis)
        };
        let postgres = async {
            let (folder, reaper, keys) = (folder.clone(), reaper.clone(), keys.clone());
            let created = blocking(move || {
                postgres::server(&postgresql, &search_paths, (protection, &keys), &folder, &reaper)
            });
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

    /// How an edge reaches Redis.
    pub fn edge_redis(&self) -> RedisConfig {
        let url = self.credentials.edge_redis_url(self.redis.url());
        RedisConfig::new(&url, self.brokers.access(Role::Edge).ca_file)
    }

    /// How the user of Redis that may do everything reaches it.
    pub fn admin_redis(&self) -> RedisConfig {
        self.redis_at(self.redis.url())
    }

    /// How the user of another URL reaches it.
    pub fn redis_at(&self, url: &str) -> RedisConfig {
        RedisConfig::new(url, self.brokers.access(Role::Lab).ca_file)
    }

    /// The same for the lab's own client.
    pub(crate) fn redis_login(&self) -> io::Result<RedisLogin> {
        let RedisConfig { redis_url, redis_ca_file, .. } = self.admin_redis();
        RedisLogin::new(&redis_url, redis_ca_file)
    }

    /// Makes new certificates, which the servers show to new clients from then on.
    ///
    /// # Errors
    /// A file cannot be written, or a server cannot be reached.
    pub async fn renew_certificates(&self) -> Result<(), ServersError> {
        let keys = self.brokers.keys();
        write_certificates(keys, Protection::Full)?;
        self.brokers.reload()?;
        postgres::renew_certificate(&self.postgres, keys)?;
        Ok(self.redis_login()?.renew_certificate(keys).await?)
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
