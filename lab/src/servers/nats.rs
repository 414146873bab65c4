//! The brokers: one nats-server, or three as one JetStream cluster, run from `nats-config/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use futures_util::future::{join_all, try_join_all};
use millrace::keys::{KeysFolder, Role};
use streams::BrokerAccess;

use super::broker_users::{roles, write_users_and};
use super::discovery::Program;
use super::error::ServersError;
use super::folder::create_clean_folder;
use super::partition_proxy::PartitionProxies;
use super::port::{NoFreePort, ReservedPort, reserve_port};
use super::probe::Probe;
use super::process::ProcessSpec;
use super::protection::Protection;
use super::server::{Server, StartError};
use super::start_servers::StartServers;
use super::store_disks::{NSENTER, StoreDisks};
use crate::reaper::Reaper;

/// The configuration files, embedded so that the binary works in any working directory.
const CONFIG: [(&str, &str); 5] = [
    ("shared.conf", include_str!("../../../nats-config/shared.conf")),
    ("single.conf", include_str!("../../../nats-config/single.conf")),
    ("broker-1.conf", include_str!("../../../nats-config/broker-1.conf")),
    ("broker-2.conf", include_str!("../../../nats-config/broker-2.conf")),
    ("broker-3.conf", include_str!("../../../nats-config/broker-3.conf")),
];

/// The folder of the brokers in the run folder.
const FOLDER: &str = "brokers";
/// The folder beside it with the keys and passwords of all roles.
pub(super) const KEYS: &str = "keys";
/// The line of a broker's configuration that says where the others are.
const INCLUDE_CLUSTER: &str = "include ../keys/brokers/cluster.conf";

/// Monitoring path that answers 200 when JetStream is enabled, even if other brokers are
/// unavailable.
const HEALTHZ_JETSTREAM: &str = "/healthz?js-enabled-only=true";

/// The advertised address of a broker that must only be reached through proxies: no process listens
/// on this port.
const UNREACHABLE_ADDRESS: &str = "127.0.0.1:1";

/// Monitoring path that answers 200 when the broker is also current with the cluster's leader.
const HEALTHZ: &str = "/healthz";

/// All brokers of a run. Each can be killed, paused and started separately.
#[derive(Debug)]
pub struct Brokers {
    /// The servers, `broker-1` first. Starting one waits for that server, not for the cluster.
    pub servers: Vec<Server>,
    keys: KeysFolder,
    protection: Protection,
    monitor_ports: Vec<u16>,
    stores: Vec<PathBuf>,
    /// The file systems of the stores, if each has its own.
    disks: Option<StoreDisks>,
    /// The proxies between partitionable brokers.
    proxies: Option<PartitionProxies>,
}

impl Brokers {
    /// Configures the brokers of a profile on free ports, with their stores in the run folder, without
    /// starting them.
    ///
    /// Partitionable brokers connect to each other through proxies in this process. Must be called
    /// inside a Tokio runtime.
    pub(crate) fn new(
        program: &Program,
        start: &StartServers,
        keys: &KeysFolder,
    ) -> Result<Self, ServersError> {
        let StartServers { profile, partitionable, protection, folder, reaper, .. } = start;
        let (profile, partitionable, protection) = (*profile, *partitionable, *protection);
        let keys = keys.clone();
        let folder = create_clean_folder(folder, FOLDER)?;
        for (name, text) in CONFIG {
            fs::write(folder.join(name), text)?;
        }
        let reserved = (0..profile.brokers()).map(|_| reserve_ports());
        let reserved: Vec<[ReservedPort; 3]> = reserved.collect::<Result<_, _>>()?;
        let numbers = |ports: &[ReservedPort; 3]| ports.each_ref().map(ReservedPort::number);
        let ports: Vec<[u16; 3]> = reserved.iter().map(numbers).collect();
        let route_ports: Vec<u16> = ports.iter().map(|[.., route]| *route).collect();
        let proxies =
            if partitionable { Some(PartitionProxies::start(&route_ports)?) } else { None };
        match &proxies {
            Some(proxies) => {
                for index in 0..ports.len() {
                    include_routes(&folder, index, &keys, &addresses(proxies.ports_of(index)))?;
                }
            }
            None => keys.write_cluster(&addresses(route_ports.iter().copied()))?,
        }
        let server = |(index, reserved): (usize, [ReservedPort; 3])| {
            let [port, monitor_port, route_port] = ports[index];
            let name = format!("broker-{}", index + 1);
            let config = if profile.brokers() == 1 { "single" } else { &name };
            let store = folder.join(&name);
            let mut spec = ProcessSpec::new(&name, program.path.clone(), folder.clone());
            spec.args.extend(["-c".into(), format!("{config}.conf").into()]);
            if proxies.is_some() {
                // Gossip must not announce addresses that bypass the proxies, neither to brokers nor to
                // clients.
                spec.args.extend(["--cluster_advertise".into(), UNREACHABLE_ADDRESS.into()]);
                spec.args.push("--no_advertise".into());
            }
            spec.envs.clone_from(&program.envs);
            for (variable, value) in [
                ("BROKER_HOST", "127.0.0.1".to_owned()),
                ("BROKER_PORT", port.to_string()),
                ("BROKER_MONITOR", format!("\"127.0.0.1:{monitor_port}\"")),
                ("BROKER_STORE", format!("\"{}\"", store.display())),
                ("BROKER_SYNC_INTERVAL", format!("\"{}\"", profile.sync_interval())),
                ("BROKER_ROUTE_PORT", route_port.to_string()),
                ("GOMAXPROCS", cores_per_broker(profile.brokers()).to_string()),
            ] {
                spec.set(variable, &value);
            }
            let probe = Probe::Broker { port: monitor_port, path: HEALTHZ_JETSTREAM };
            Server::new(spec, format!("nats://127.0.0.1:{port}"), probe, reserved, reaper)
        };
        let servers: Vec<Server> = reserved.into_iter().enumerate().map(server).collect();
        let stores = servers.iter().map(|server| folder.join(server.name())).collect();
        let monitor_ports = ports.iter().map(|[_, monitor, _]| *monitor).collect();
        Ok(Self { servers, keys, protection, monitor_ports, stores, disks: None, proxies })
    }

    /// Mounts a file system of its own for each store, before the first start.
    pub(crate) async fn mount_disks(
        &mut self,
        folder: &Path,
        reaper: &Reaper,
    ) -> Result<(), StartError> {
        let folder = &folder.join(FOLDER);
        let disks = StoreDisks::mount(folder, &self.stores, reaper).await?;
        for server in &mut self.servers {
            server.launch_by(NSENTER.as_ref(), disks.nsenter_args(folder));
        }
        self.disks = Some(disks);
        Ok(())
    }

    /// Starts all brokers that do not run, on their previous ports and stores, and waits until each
    /// is current with the cluster's leader.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(&mut self) -> Result<(), StartError> {
        for server in self.servers.iter_mut().filter(|server| server.pid().is_none()) {
            server.spawn()?;
        }
        let ready = self.servers.iter_mut().zip(&self.monitor_ports).map(|(server, &port)| {
            let probe = Probe::Broker { port, path: HEALTHZ };
            async move { server.wait_until_ready(&probe).await }
        });
        try_join_all(ready).await.map(drop)
    }

    /// The client URLs, separated by commas.
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.servers.iter().map(Server::url).collect();
        urls.join(",")
    }

    /// How a process of `role` reaches them.
    pub fn access(&self, role: Role) -> BrokerAccess {
        BrokerAccess {
            urls: self.url(),
            key_file: Some(self.keys.key_file(role)),
            ca_file: self.protection.ca_file(&self.keys, role),
        }
    }

    /// The same as environment variables of a process.
    pub fn environment(&self, role: Role) -> Vec<(&'static str, String)> {
        let BrokerAccess { urls, key_file, ca_file } = self.access(role);
        let files = [("NATS_KEY_FILE", key_file), ("NATS_CA_FILE", ca_file)];
        let files = files.into_iter().filter_map(|(name, file)| Some((name, file?)));
        let files = files.map(|(name, file)| (name, file.display().to_string()));
        [("NATS_URL", urls)].into_iter().chain(files).collect()
    }

    /// How a process of `role` reaches one of them alone.
    pub fn access_to(&self, broker: usize, role: Role) -> BrokerAccess {
        BrokerAccess { urls: self.servers[broker].url().to_owned(), ..self.access(role) }
    }

    /// The keys of all roles.
    pub const fn keys(&self) -> &KeysFolder {
        &self.keys
    }

    /// Adds a user to the running brokers, as their configuration describes one, instead of the one that was
    /// added before.
    ///
    /// # Errors
    /// The users cannot be written, or a broker cannot be signalled.
    pub fn add_user(&self, user: &str) -> Result<(), ServersError> {
        write_users_and(&self.keys, self.protection, user)?;
        self.reload()
    }

    /// Gives a role a second key, which its processes use from their next connections on.
    ///
    /// # Errors
    /// See [`Brokers::add_user`].
    pub fn rotate_key(&self, role: Role) -> Result<(), ServersError> {
        self.keys.rotate(role, &roles())?;
        self.reload()
    }

    /// Ends the validity of the first one of two keys.
    ///
    /// # Errors
    /// See [`Brokers::add_user`].
    pub fn retire_key(&self, role: Role) -> Result<(), ServersError> {
        self.keys.retire(role, &roles())?;
        self.reload()
    }

    /// Has the brokers read their configuration again.
    ///
    /// # Errors
    /// A broker cannot be signalled.
    pub fn reload(&self) -> Result<(), ServersError> {
        self.servers.iter().try_for_each(|server| Ok(server.reload()?))
    }

    /// The base URL of each broker's monitoring port, `broker-1` first.
    pub fn monitor_urls(&self) -> Vec<String> {
        self.monitor_ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect()
    }

    /// Partitions a broker from the others until [`Brokers::heal`]; clients still reach it. Returns
    /// false if the brokers were not started as partitionable.
    pub fn partition(&self, broker: usize) -> bool {
        self.proxies.as_ref().is_some_and(|proxies| {
            proxies.partition(broker);
            true
        })
    }

    /// Ends all partitions.
    pub fn heal(&self) {
        if let Some(proxies) = &self.proxies {
            proxies.heal();
        }
    }

    /// Kills a broker and removes its store: a disk that is lost. From its next start on it gets
    /// everything from the others.
    ///
    /// # Errors
    /// The broker cannot be killed, or its store cannot be removed.
    pub async fn lose_store(&mut self, broker: usize) -> io::Result<()> {
        self.servers[broker].kill().await?;
        match &self.disks {
            Some(disks) => disks.clear(&self.stores[broker]),
            None => tokio::fs::remove_dir_all(&self.stores[broker]).await,
        }
    }

    /// Fills the disk of a broker's store. Returns false if that has no file system of its own.
    ///
    /// # Errors
    /// The file that takes the free space cannot be written.
    pub fn fill_disk(&self, broker: usize) -> io::Result<bool> {
        self.disks.as_ref().map_or(Ok(false), |disks| {
            disks.fill(&self.stores[broker])?;
            Ok(true)
        })
    }

    /// Frees what [`Brokers::fill_disk`] has taken.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub fn free_disk(&self, broker: usize) -> io::Result<()> {
        self.disks.as_ref().map_or(Ok(()), |disks| disks.free(&self.stores[broker]))
    }

    /// Stops all brokers concurrently and gracefully.
    ///
    /// # Errors
    /// A process cannot be signalled or waited for.
    pub async fn stop(&mut self) -> io::Result<()> {
        let stopped: io::Result<()> =
            join_all(self.servers.iter_mut().map(Server::stop)).await.into_iter().collect();
        match &mut self.disks {
            Some(disks) => stopped.and(disks.stop().await),
            None => stopped,
        }
    }
}

/// `GOMAXPROCS` of each broker. Brokers that share a machine and each use all of its cores spend a
/// fifth of their CPU time in Go's scheduler looking for work (decision 0009).
fn cores_per_broker(brokers: usize) -> usize {
    let cores = available_parallelism().map_or(1, usize::from);
    cores.div_ceil(brokers)
}

/// The ports of a broker for clients, for monitoring and for the other brokers.
fn reserve_ports() -> Result<[ReservedPort; 3], NoFreePort> {
    Ok([reserve_port()?, reserve_port()?, reserve_port()?])
}

/// Where brokers listen on these ports.
fn addresses(ports: impl Iterator<Item = u16>) -> Vec<String> {
    ports.map(|port| format!("127.0.0.1:{port}")).collect()
}

/// Gives one broker its own routes to the others.
fn include_routes(
    folder: &Path,
    broker: usize,
    keys: &KeysFolder,
    routes: &[String],
) -> Result<(), ServersError> {
    let number = broker + 1;
    let (config, own) = (format!("broker-{number}.conf"), format!("cluster-{number}.conf"));
    fs::write(folder.join(&own), keys.cluster_conf(routes)?)?;
    let (_, text) = CONFIG[1 + number];
    let text = text.replace(INCLUDE_CLUSTER, &format!("include {own}"));
    Ok(fs::write(folder.join(config), text)?)
}
