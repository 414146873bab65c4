//! The connections of the simulator.

use std::convert::Infallible;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::api::Api;
use super::http;
use super::limits::{ACCEPT_RETRY_DELAY, CONNECTIONS_MAX, DRAIN_TIMEOUT};

/// The open connections. Dropping this closes them.
#[derive(Default)]
pub(super) struct Connections {
    tasks: JoinSet<()>,
    graceful: GracefulShutdown,
}

impl Connections {
    pub(super) async fn accept(&mut self, listener: &TcpListener, api: &Arc<Api>) -> Infallible {
        loop {
            while self.tasks.try_join_next().is_some() {}
            if self.tasks.len() >= CONNECTIONS_MAX {
                self.tasks.join_next().await;
            }
            let Ok((stream, _)) = listener.accept().await else {
                sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            };
            // Without it a small response may wait for the peer's delayed acknowledgement.
            if stream.set_nodelay(true).is_err() {
                continue;
            }
            let api = Arc::clone(api);
            let service = service_fn(move |request| http::handle(Arc::clone(&api), request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let connection = self.graceful.watch(connection);
            self.tasks.spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection failed");
                }
            });
        }
    }

    pub(super) async fn close(self) {
        if timeout(DRAIN_TIMEOUT, self.graceful.shutdown()).await.is_err() {
            tracing::debug!("drain timeout, closing hanging connections");
        }
    }
}
