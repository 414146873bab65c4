//! HTTP/1.1 for the servers that a cluster is compared with, configured as the edge's.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The delay after a failed accept, for example when no file descriptor is left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Serves `service` on every connection to `listener`. Dropping the future closes all connections.
pub(crate) async fn serve<S>(listener: TcpListener, service: S) -> Infallible
where
    S: Service<Request<Incoming>, Response = Response<Full<Bytes>>, Error = hyper::Error>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let Ok((stream, _)) = listener.accept().await else {
            sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let service = service.clone();
        let mut protocol = http1::Builder::new();
        // As on the edge: a timeout would cost a timer for each request.
        protocol.header_read_timeout(None);
        // An error only means that the client closed the connection.
        connections.spawn(async move {
            protocol.serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}
