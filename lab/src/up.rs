//! A whole cluster on this machine, from the servers to the edges: what `millrace-lab up`, the demo,
//! the tests, chaos and the benchmarks stand on.

mod command;
mod member;
mod tend;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use millrace::prepare;
use rand::RngExt;
use rand::distr::Alphanumeric;
use streams::{Pool, Profile, Topology};
use workers::database::Database;
use workers::inventory::stock::{self, CatalogItem};

use crate::endpoints::Endpoints;
use crate::reaper::Reaper;
use crate::servers::{ProgressFn, RunFolder, SearchPaths, Servers, StartServers};
pub use command::{UpArgs, run};
pub(crate) use member::PROVIDER_READY;
pub use member::RoleProcess;
use tend::Restarts;

/// What a cluster is made of.
#[derive(Clone)]
pub struct Plan {
    /// The binary `millrace`, which every role runs.
    pub millrace: PathBuf,
    /// How durable it is.
    pub profile: Profile,
    /// Whether a broker can be cut off from the others.
    pub partitionable: bool,
    /// How many edges.
    pub edges: usize,
    /// How many workers each pool has.
    pub workers: Vec<(Pool, usize)>,
    /// Orders in one message.
    pub max_batch: usize,
    /// When a message comes again whose worker has fallen silent; `None` as in production. Only a binary
    /// that is built for tests heeds it.
    pub ack_wait: Option<Duration>,
    /// Variables that every role gets beyond its own.
    pub envs: Vec<(String, String)>,
    /// Hears what is being done.
    pub tell: Arc<ProgressFn>,
}

/// Another role of the program, beside a cluster.
pub struct Companion<'a> {
    /// How the process is called in messages and logs.
    pub name: &'a str,
    /// What it runs.
    pub role: &'a str,
    /// What it answers when it is ready.
    pub ready_path: &'static str,
    /// The provider that it is told of, where that is not the cluster's.
    pub provider_url: Option<&'a str>,
}

/// A running cluster. Dropping it kills every process of it; `stop` is the orderly end.
pub struct Cluster {
    /// Brokers, Redis and PostgreSQL.
    pub servers: Servers,
    /// The payment provider.
    pub provider: RoleProcess,
    /// The edges.
    pub edges: Vec<RoleProcess>,
    /// The workers.
    pub workers: Vec<(Pool, RoleProcess)>,
    /// The way to the database, whose tables are there.
    pub database: Database,
    /// The folder of everything that the cluster writes.
    pub folder: RunFolder,
    plan: Plan,
    secret: String,
    reaper: Reaper,
    restarts: Restarts,
}

impl Plan {
    /// Two edges and one worker for each pool, of the program that runs now.
    pub fn new(profile: Profile) -> Result<Self> {
        Ok(Self {
            millrace: std::env::current_exe().context("this program's own file")?,
            profile,
            partitionable: false,
            edges: 2,
            workers: Pool::ALL.map(|pool| (pool, 1)).to_vec(),
            max_batch: streams::batch::RECORDS_MAX,
            ack_wait: None,
            envs: Vec::new(),
            tell: Arc::new(|line: &str| tracing::info!("{line}")),
        })
    }
}

impl Plan {
    fn topology(&self) -> Topology {
        let topology = Topology::new(self.profile);
        Topology { ack_wait: self.ack_wait.unwrap_or(topology.ack_wait), ..topology }
    }
}

impl Cluster {
    /// Starts everything, loads `catalog`, and waits until every edge is ready.
    pub async fn start(plan: Plan, catalog: &[CatalogItem]) -> Result<Self> {
        let reaper = Reaper::start(&plan.millrace)?;
        let folder = RunFolder::create(&reaper)?;
        (plan.tell)("starting brokers, Redis and PostgreSQL");
        let servers = Servers::start(StartServers {
            folder: folder.path().to_path_buf(),
            profile: plan.profile,
            partitionable: plan.partitionable,
            reaper: reaper.clone(),
            search_paths: SearchPaths::from_environment(),
            tell: plan.tell.clone(),
        })
        .await?;
        let connection = prepare::brokers(&servers.brokers.url(), &plan.topology()).await?;
        streams::verify_durability_at_start(&connection, plan.profile).await?;
        let database = prepare::database(servers.postgres.url()).await?;
        let loaded = stock::load(&database, catalog).await.context("loading the catalogue")?;
        (plan.tell)(&format!("the catalogue has {loaded} SKUs"));

        let secret = rand::rng().sample_iter(Alphanumeric).take(32).map(char::from).collect();
        let provider = RoleProcess::provider(&plan, folder.path(), &reaper)?;
        let mut cluster = Self {
            provider,
            edges: Vec::new(),
            workers: Vec::new(),
            servers,
            database,
            folder,
            plan,
            secret,
            reaper,
            restarts: Restarts::default(),
        };
        cluster.start_members().await?;
        Ok(cluster)
    }

    async fn start_members(&mut self) -> Result<()> {
        (self.plan.tell)("starting the provider, the workers and the edges");
        self.provider.start().await?;
        for (pool, count) in self.plan.workers.clone() {
            for _ in 0..count {
                self.add_worker(pool).await?;
            }
        }
        for _ in 0..self.plan.edges {
            self.add_edge().await?;
        }
        Ok(())
    }

    /// Starts one more edge and waits until it is ready.
    pub async fn add_edge(&mut self) -> Result<()> {
        let name = format!("edge-{}", self.edges.len() + 1);
        let mut edge = RoleProcess::edge(&name, self)?;
        edge.start().await?;
        self.edges.push(edge);
        Ok(())
    }

    /// Starts one more worker.
    pub async fn add_worker(&mut self, pool: Pool) -> Result<()> {
        let others = self.workers.iter().filter(|(its_pool, _)| *its_pool == pool).count();
        let name = format!("{pool}-{}", others + 1);
        let mut worker = RoleProcess::worker(&name, pool, self);
        worker.start().await?;
        self.workers.push((pool, worker));
        Ok(())
    }

    /// Starts what is no part of a cluster and is measured beside it.
    pub async fn beside(&self, beside: &Companion<'_>) -> Result<RoleProcess> {
        let mut member = RoleProcess::beside(beside, self)?;
        member.start().await?;
        Ok(member)
    }

    /// Where the parts of the cluster are reached.
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            profile: self.plan.profile,
            edge_urls: self.edges.iter().map(|edge| edge.url().to_owned()).collect(),
            nats_url: self.servers.brokers.url(),
            redis_url: self.servers.redis.url().to_owned(),
            database_url: self.servers.postgres.url().to_owned(),
            provider_url: self.provider.url().to_owned(),
        }
    }

    /// Ends edges, workers, provider and servers, in this order and each in its own way.
    pub async fn stop(mut self) -> Result<()> {
        let edges = self.edges.iter_mut().map(RoleProcess::stop);
        futures_util::future::try_join_all(edges).await?;
        let workers = self.workers.iter_mut().map(|(_, worker)| worker.stop());
        futures_util::future::try_join_all(workers).await?;
        self.provider.stop().await?;
        self.servers.stop().await?;
        Ok(())
    }
}
