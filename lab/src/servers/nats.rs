//! The brokers: one nats-server, or three as one JetStream cluster, run from `nats-config/`.

use std::fs;
use std::io;
use std::path::Path;
use std::thread::available_parallelism;

use futures_util::future::{join_all, try_join_all};
use streams::Profile;

use super::ServersError;
use super::find::Program;
use super::folder::fresh_folder;
use super::links::Links;
use super::port::free_ports;
use super::probe::Probe;
use super::process::ProcessSpec;
use super::server::{Server, StartError};
use crate::reaper::Reaper;

/// The configuration files, carried in the binary so that it works wherever it is run from.
const CONFIG: [(&str, &str); 5] = [
    ("shared.conf", include_str!("../../../nats-config/shared.conf")),
    ("single.conf", include_str!("../../../nats-config/single.conf")),
    ("broker-1.conf", include_str!("../../../nats-config/broker-1.conf")),
    ("broker-2.conf", include_str!("../../../nats-config/broker-2.conf")),
    ("broker-3.conf", include_str!("../../../nats-config/broker-3.conf")),
];

/// The monitoring port answers 200 here when the broker takes part, though the others may be away.
const TAKES_PART: &str = "/healthz?js-enabled-only=true";

/// Where a broker is said to be that is not to be reached directly: nobody listens on this port.
const NOWHERE: &str = "127.0.0.1:1";

/// And here when it is also in step with the cluster's leader.
const IN_STEP: &str = "/healthz";

/// All brokers of a run. Each can be killed, paused and started by itself.
#[derive(Debug)]
pub struct Brokers {
    /// The servers, `broker-1` first. To start one waits for that one, not for the cluster.
    pub servers: Vec<Server>,
    monitor_ports: Vec<u16>,
    /// Doors between them, where they were asked for.
    links: Option<Links>,
}

impl Brokers {
    /// The brokers of a profile on free ports, with their stores below `folder`, not started yet.
    ///
    /// `partitionable` brokers reach each other through doors of this process.
    pub(crate) async fn new(
        program: &Program,
        profile: Profile,
        partitionable: bool,
        folder: &Path,
        reaper: &Reaper,
    ) -> Result<Self, ServersError> {
        let folder = fresh_folder(folder, "brokers")?;
        for (name, text) in CONFIG {
            fs::write(folder.join(name), text)?;
        }
        let ports: Vec<[u16; 3]> = free_ports(3 * profile.brokers())?.as_chunks().0.to_vec();
        let route_ports: Vec<u16> = ports.iter().map(|[.., route]| *route).collect();
        let links = if partitionable { Some(Links::open(&route_ports).await?) } else { None };
        let server = |(index, [port, monitor_port, route_port]): (usize, &[u16; 3])| {
            let name = format!("broker-{}", index + 1);
            let config = if profile.brokers() == 1 { "single" } else { &name };
            let store = folder.join(&name);
            let mut spec = ProcessSpec::new(&name, program.path.clone(), folder.clone());
            spec.args.extend(["-c".into(), format!("{config}.conf").into()]);
            let routes = match &links {
                Some(links) => {
                    // Nobody learns of another way to this broker than its doors.
                    spec.args.extend(["--cluster_advertise".into(), NOWHERE.into()]);
                    routes(links.ports_of(index))
                }
                None => routes(route_ports.iter().copied()),
            };
            spec.envs.clone_from(&program.envs);
            for (variable, value) in [
                ("BROKER_HOST", "127.0.0.1".to_owned()),
                ("BROKER_PORT", port.to_string()),
                ("BROKER_MONITOR_PORT", monitor_port.to_string()),
                ("BROKER_STORE", format!("\"{}\"", store.display())),
                ("BROKER_SYNC_INTERVAL", format!("\"{}\"", profile.sync_interval())),
                ("BROKER_ROUTE_PORT", route_port.to_string()),
                ("BROKER_ROUTES", routes),
                ("GOMAXPROCS", cores_each(profile.brokers()).to_string()),
            ] {
                spec.envs.push((variable.to_owned(), value.into()));
            }
            let probe = Probe::Broker { port: *monitor_port, path: TAKES_PART };
            Server::new(spec, format!("nats://127.0.0.1:{port}"), probe, reaper)
        };
        let servers = ports.iter().enumerate().map(server).collect();
        let monitor_ports = ports.iter().map(|[_, monitor, _]| *monitor).collect();
        Ok(Self { servers, monitor_ports, links })
    }

    /// Starts all brokers that do not run, on the ports and stores that they have had before, and
    /// waits until each is in step with their leader.
    pub async fn start(&mut self) -> Result<(), StartError> {
        for server in self.servers.iter_mut().filter(|server| server.pid().is_none()) {
            server.spawn()?;
        }
        let ready = self.servers.iter_mut().zip(&self.monitor_ports).map(|(server, &port)| {
            let probe = Probe::Broker { port, path: IN_STEP };
            async move { server.ready(&probe).await }
        });
        try_join_all(ready).await.map(drop)
    }

    /// All URLs for clients, separated by commas.
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.servers.iter().map(Server::url).collect();
        urls.join(",")
    }

    /// The base URL of each broker's monitoring port, `broker-1` first.
    pub fn monitor_urls(&self) -> Vec<String> {
        self.monitor_ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect()
    }

    /// Cuts a broker off from the others, until [`Brokers::heal`]; its clients still reach it. Tells
    /// whether the brokers are such that this can be done.
    pub fn partition(&self, broker: usize) -> bool {
        self.links.as_ref().is_some_and(|links| {
            links.partition(broker);
            true
        })
    }

    /// Lets all brokers reach each other again.
    pub fn heal(&self) {
        if let Some(links) = &self.links {
            links.heal();
        }
    }

    /// Ends all brokers at the same time, in an orderly way.
    pub async fn stop(&mut self) -> io::Result<()> {
        join_all(self.servers.iter_mut().map(Server::stop)).await.into_iter().collect()
    }
}

/// Threads of a broker that run at once. Brokers that share a machine and think that each has all of
/// it for itself spend a fifth of their time on looking for work (decision 0009).
fn cores_each(brokers: usize) -> usize {
    let cores = available_parallelism().map_or(1, usize::from);
    cores.div_ceil(brokers)
}

/// What a broker is told about the way to the others.
fn routes(ports: impl Iterator<Item = u16>) -> String {
    let routes: Vec<_> = ports.map(|port| format!("nats://127.0.0.1:{port}")).collect();
    format!("[{}]", routes.join(", "))
}
