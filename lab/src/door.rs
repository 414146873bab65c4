//! The door of a server that is measured beside a cluster: plain HTTP/1.1, as the edge has it.

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

/// After a connection could not be accepted, as when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Lets `service` answer whatever comes to `listener`. Dropped, it cuts all connections.
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
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let service = service.clone();
        let mut protocol = http1::Builder::new();
        // As the edge has it: time-outs would cost a timer for each request.
        protocol.header_read_timeout(None);
        // Clients come and go as they like.
        connections.spawn(async move {
            protocol.serve_connection(TokioIo::new(stream), service).await.ok();
        });
    }
}
