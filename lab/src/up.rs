//! A complete cluster on this machine, from the servers to the edges. Used by `millrace-lab up`,
//! the demo, the tests, chaos and the benchmarks.

mod command;
mod ending_workers;
mod restart_backoff;
mod restore;
mod role_process;
mod roles;
mod scaling;
mod server_links;
mod supervisor;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use millrace::keys::Role as KeyRole;
use millrace::prepare::{self, LostStreams};
use payment_simulator::set_faults;
use rand::RngExt;
use rand::distr::Alphanumeric;
use streams::{Pool, Profile, Topology};
use strum::{IntoStaticStr, VariantArray};
use tokio::process::Command;
use tokio::time::timeout;
use workers::database::{Database, DatabaseConfig};
use workers::database_roles::{BACKUP, ERASER, OPERATOR};
use workers::inventory::stock::{self, CatalogItem};
use workers::stages;

use crate::endpoints::Endpoints;
use crate::reaper::Reaper;
use crate::servers::{ProgressFn, Protection, RunFolder, SearchPaths, Servers, StartServers};
pub use command::{UpArgs, run};
use ending_workers::EndingWorkers;
use restart_backoff::RestartBackoff;
pub use role_process::RoleProcess;
pub(crate) use roles::PROVIDER_READY_PATH;
pub use scaling::Scaling;
pub use server_links::LinkedServer;
use server_links::ServerLinks;

/// The user of an earlier version, which may have no keys; a version that has them ignores it.
const PASSWORD_USER: &str = "{user: earlier, password: version}";

/// Longer than the brokers take to elect their leaders.
const MIGRATE_TIMEOUT: Duration = Duration::from_mins(1);

/// The configuration of a cluster.
#[derive(Clone)]
pub struct Plan {
    /// The binary that every role runs.
    pub executable: PathBuf,
    /// The folder below which the folder of the run is created, with all that its servers write.
    pub run_folders: PathBuf,
    /// The durability profile.
    pub profile: Profile,
    /// The number of lanes; `None` for that of the profile.
    pub lanes: Option<usize>,
    /// Whether a broker can be partitioned from the others, and a role from the servers.
    pub partitionable: bool,
    /// Whether the disk of a broker can be filled: each store is on a file system of its own.
    pub store_disks: bool,
    /// Number of edges.
    pub edges: usize,
    /// Number of workers per pool.
    pub workers: Vec<(Pool, usize)>,
    /// Number of processes that serve repairs.
    pub admins: usize,
    /// Orders per message, at most.
    pub max_batch: usize,
    /// The consumers' `ack_wait`, after which an unacknowledged message is redelivered; `None` for
    /// the default of production. Only a binary built for tests reads it.
    pub ack_wait: Option<Duration>,
    /// What protects the servers.
    pub protection: Protection,
    /// Additional environment variables of every role.
    pub envs: Vec<(String, String)>,
    /// The binary of an earlier version that creates streams and tables first, as in an upgrade.
    pub previous_binary: Option<PathBuf>,
    /// The base URL of a payment simulator that runs apart from the cluster; `None` to start one.
    pub provider_url: Option<String>,
    /// The program that restores a backup into the new servers before streams and tables are created.
    pub restore_with: Option<PathBuf>,
    /// Receives progress messages.
    pub progress: Arc<ProgressFn>,
}

/// A command of the lab that runs as one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Role {
    /// The payment provider that moves no real money.
    PaymentSimulator,
    /// The server that answers every order with the same 202.
    #[strum(serialize = "bare")]
    HttpBaseline,
    /// The service that takes orders with one synchronous transaction each.
    Synchronous,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The name of the command.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The path at which an edge receives the provider's webhooks.
const WEBHOOK_PATH: &str = "/v1/provider/events";

/// A role that runs next to a cluster without being part of it, such as a baseline service.
pub struct Companion<'a> {
    /// The name of the process in messages and of its log.
    pub name: &'a str,
    /// What the process runs.
    pub role: Role,
    /// The path for the readiness probe: any status but 503 means ready.
    pub ready_path: &'static str,
    /// The provider's base URL; `None` for the provider of the cluster.
    pub provider_url: Option<&'a str>,
}

/// A running cluster. Dropping it kills all its processes; [`Cluster::stop`] shuts it down
/// gracefully.
pub struct Cluster {
    /// Brokers, Redis and PostgreSQL.
    pub servers: Servers,
    /// The payment provider simulator. It does not run if the plan names one that runs apart.
    pub provider: RoleProcess,
    /// The edges.
    pub edges: Vec<RoleProcess>,
    /// The workers with their pools.
    pub workers: Vec<(Pool, RoleProcess)>,
    ending: EndingWorkers,
    /// The processes that serve repairs.
    pub admins: Vec<RoleProcess>,
    /// A connection to the database as the owner of its tables, after all migrations.
    pub database: Database,
    /// The folder for all files that the cluster writes.
    pub folder: RunFolder,
    plan: Plan,
    secret: String,
    webhook_secret: String,
    reaper: Reaper,
    restarts: RestartBackoff,
}

impl Plan {
    /// Two edges and one worker per pool, run from the current executable.
    ///
    /// # Errors
    /// The path of the current executable is unknown.
    pub fn new(profile: Profile) -> Result<Self> {
        Ok(Self {
            executable: std::env::current_exe().context("finding the current executable")?,
            run_folders: std::env::temp_dir(),
            profile,
            lanes: None,
            partitionable: false,
            store_disks: false,
            edges: 2,
            workers: stages::pools().into_iter().map(|pool| (pool, 1)).collect(),
            admins: 0,
            max_batch: streams::batch::RECORDS_MAX,
            ack_wait: None,
            protection: Protection::default(),
            envs: Vec::new(),
            previous_binary: None,
            provider_url: None,
            restore_with: None,
            progress: Arc::new(|line: &str| tracing::info!("{line}")),
        })
    }
}

impl Plan {
    fn topology(&self) -> Topology {
        let topology = Topology::new(self.profile);
        Topology {
            ack_wait: self.ack_wait.unwrap_or(topology.ack_wait),
            lanes: self.lanes.unwrap_or(topology.lanes),
            ..topology
        }
    }
}

/// The brokers' URLs with the user of an earlier version.
fn with_password(urls: &str) -> String {
    urls.replace("//", "//earlier:version@")
}

/// Has an earlier version create streams and tables, as in a cluster that is upgraded.
async fn migrate(binary: &Path, servers: &Servers, profile: Profile) -> Result<()> {
    let mut command = Command::new(binary);
    command
        .arg("migrate")
        .env("NATS_URL", with_password(&servers.brokers.url()))
        .env("NATS_KEY_FILE", servers.brokers.keys().key_file(KeyRole::Admin))
        .env("DATABASE_URL", servers.postgres.url())
        .env("MILLRACE_PROFILE", profile.as_str())
        .kill_on_drop(true);
    let output = timeout(MIGRATE_TIMEOUT, command.output()).await;
    let output = output.context("the earlier version's `migrate` timed out")??;
    let log = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the earlier version's `migrate` failed: {log}");
    Ok(())
}

impl Cluster {
    /// Starts all processes, loads `catalog`, and waits until every edge is ready.
    ///
    /// # Errors
    /// A process does not start, or the brokers or the database cannot be set up.
    pub async fn start(plan: Plan, catalog: &[CatalogItem]) -> Result<Self> {
        let reaper = Reaper::start(&plan.executable)?;
        let folder = RunFolder::create(&plan.run_folders, &reaper)?;
        (plan.progress)("starting brokers, Redis and PostgreSQL");
        let servers = Servers::start(StartServers {
            folder: folder.path().to_path_buf(),
            profile: plan.profile,
            protection: plan.protection,
            partitionable: plan.partitionable,
            store_disks: plan.store_disks,
            reaper: reaper.clone(),
            search_paths: SearchPaths::from_environment(),
            progress: plan.progress.clone(),
        })
        .await?;
        if let Some(program) = &plan.restore_with {
            (plan.progress)("restoring the backup");
            restore::run(program, &servers).await?;
        }
        if let Some(previous) = &plan.previous_binary {
            servers.brokers.add_user(PASSWORD_USER)?;
            migrate(previous, &servers, plan.profile).await?;
        }
        let database = DatabaseConfig::new(servers.postgres.url());
        let database = prepare::migrated_database(&database).await?;
        let (access, refuse) = (servers.brokers.access(KeyRole::Admin), LostStreams::Refuse);
        let connection = prepare::cluster(&access, &database, &plan.topology(), refuse).await?;
        streams::verify_durability_at_start(&connection, plan.profile).await?;
        let loaded = stock::load(&database, catalog).await.context("loading the catalogue")?;
        (plan.progress)(&format!("loaded a catalogue of {loaded} SKUs"));

        let secret = || rand::rng().sample_iter(Alphanumeric).take(32).map(char::from).collect();
        let provider = plan.provider(folder.path(), &reaper)?;
        let mut cluster = Self {
            provider,
            edges: Vec::new(),
            workers: Vec::new(),
            ending: EndingWorkers::default(),
            admins: Vec::new(),
            servers,
            database,
            folder,
            plan,
            secret: secret(),
            webhook_secret: secret(),
            reaper,
            restarts: RestartBackoff::default(),
        };
        cluster.start_role_processes().await?;
        Ok(cluster)
    }

    async fn start_role_processes(&mut self) -> Result<()> {
        (self.plan.progress)("starting payment provider, workers and edges");
        if self.plan.provider_url.is_none() {
            self.provider.start().await?;
        }
        for (pool, count) in self.plan.workers.clone() {
            for _ in 0..count {
                self.add_worker(pool).await?;
            }
        }
        for _ in 0..self.plan.admins {
            self.add_admin().await?;
        }
        for _ in 0..self.plan.edges {
            self.add_edge().await?;
        }
        self.send_webhooks_to_edge().await
    }

    /// Has the provider send its webhooks to the first edge, if there is one.
    async fn send_webhooks_to_edge(&self) -> Result<()> {
        let Some(edge) = self.edges.first() else { return Ok(()) };
        let url = format!("{}{WEBHOOK_PATH}", edge.url());
        let pairs = [("webhook_url", url.as_str()), ("webhook_secret", &self.webhook_secret)];
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        set_faults(self.provider.url(), &form).await
    }

    /// Starts one more edge and waits until it is ready.
    ///
    /// # Errors
    /// The edge does not start or is not ready in time.
    pub async fn add_edge(&mut self) -> Result<()> {
        let name = format!("edge-{}", self.edges.len() + 1);
        let mut edge = self.edge(&name)?;
        edge.start().await?;
        self.edges.push(edge);
        Ok(())
    }

    /// Starts one more worker of `pool`.
    ///
    /// # Errors
    /// The worker does not start.
    pub async fn add_worker(&mut self, pool: Pool) -> Result<()> {
        let workers = self.workers.iter().filter(|(worker_pool, _)| *worker_pool == pool).count();
        let name = format!("{pool}-{}", workers + 1);
        let mut worker = self.worker(&name, pool)?;
        worker.start().await?;
        self.workers.push((pool, worker));
        Ok(())
    }

    /// Starts one more process that serves repairs.
    ///
    /// # Errors
    /// The process does not start.
    pub async fn add_admin(&mut self) -> Result<()> {
        let name = format!("admin-{}", self.admins.len() + 1);
        let mut admin = self.admin(&name)?;
        admin.start().await?;
        self.admins.push(admin);
        Ok(())
    }

    /// Starts a companion process and waits until it is ready.
    ///
    /// # Errors
    /// The process does not start or is not ready in time.
    pub async fn start_companion(&self, companion: &Companion<'_>) -> Result<RoleProcess> {
        let mut process = self.companion(companion)?;
        process.start().await?;
        Ok(process)
    }

    /// The addresses of the cluster, for an operator.
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            profile: self.plan.profile,
            edge_urls: self.edges.iter().map(|edge| edge.url().to_owned()).collect(),
            nats_url: self.servers.brokers.url(),
            redis: self.servers.admin_redis(),
            database_url: self.servers.database_url(OPERATOR),
            eraser_database_url: self.servers.database_url(ERASER),
            backup_database_url: self.servers.database_url(BACKUP),
            provider_url: self.provider.url().to_owned(),
            keys: self.servers.brokers.keys().path().to_owned(),
        }
    }

    /// Stops edges, what serves repairs, workers, provider and servers gracefully, in this order.
    ///
    /// # Errors
    /// A process cannot be signalled or waited for.
    pub async fn stop(mut self) -> Result<()> {
        let edges = self.edges.iter_mut().map(RoleProcess::stop);
        try_join_all(edges).await?;
        let admins = self.admins.iter_mut().map(RoleProcess::stop);
        try_join_all(admins).await?;
        let workers = self.workers.iter_mut().map(|(_, worker)| worker.stop());
        let (stopped, ()) = tokio::join!(try_join_all(workers), self.ending.wait());
        stopped?;
        self.provider.stop().await?;
        self.servers.stop().await?;
        Ok(())
    }
}
