//! The running simulator: its state, its connections, its webhooks and its outages.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::api::Api;
use super::connections::Connections;
use super::engine::Engine;
use super::fault_config::FaultConfig;
use super::limits::WEBHOOKS_QUEUED_MAX;
use super::object_ids::ObjectIds;
use super::webhook_config::WebhookConfig;
use super::webhook_delivery::deliver_all;
use super::webhooks::Webhooks;

/// Serves without webhooks, unless `POST /control` sets their receiver. See [`run_with_webhooks`].
///
/// # Errors
/// The address cannot be bound again after an outage (`away_ms`).
pub async fn run(
    listener: TcpListener,
    fault_config: FaultConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    run_with_webhooks(listener, fault_config, WebhookConfig::default(), shutdown).await
}

/// Serves until `shutdown` completes, then finishes the requests in flight and drops hanging ones
/// and the webhooks that are not delivered.
///
/// # Errors
/// The address cannot be bound again after an outage (`away_ms`).
pub async fn run_with_webhooks(
    listener: TcpListener,
    fault_config: FaultConfig,
    webhook_config: WebhookConfig,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let (outage_sender, mut outages) = mpsc::channel(1);
    let (queue, deliveries) = mpsc::channel(WEBHOOKS_QUEUED_MAX);
    // Dropped, and thereby aborted, when this function returns.
    let mut background = JoinSet::new();
    background.spawn(deliver_all(deliveries));
    let ids = ObjectIds::new(rand::random());
    let webhooks = Webhooks::new(ids.clone(), webhook_config, queue);
    let engine = Engine::new(ids, &site(address), webhooks);
    let api = Arc::new(Api::new(engine, fault_config, outage_sender));
    let mut shutdown = pin!(shutdown);
    let mut listener = listener;
    loop {
        let mut connections = Connections::default();
        let outage = tokio::select! {
            never = connections.accept(&listener, &api) => match never {},
            outage = outages.recv() => outage,
            () = &mut shutdown => None,
        };
        drop(listener);
        connections.close().await;
        let Some(outage) = outage else { return Ok(()) };
        tokio::select! {
            () = sleep(outage) => {}
            () = &mut shutdown => return Ok(()),
        }
        listener = TcpListener::bind(address).await?;
    }
}

/// Base URL of the simulator for a browser on the same machine: if it listens on every address,
/// that of the loopback interface.
fn site(mut address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    format!("http://{address}")
}
