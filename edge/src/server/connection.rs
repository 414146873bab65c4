//! A client connection, from accept to close.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;

use http_body_util::Either;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Version, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either as StreamEither;
use tokio_util::sync::CancellationToken;

use super::activity::{ActivityTracker, RequestGuard};
use super::drain;
use crate::limits::{HEAD_READ_BYTES_MAX, IDLE_TIMEOUT, STREAMS_MAX, WINDOW_BYTES};
use crate::response::HttpResponse;
use crate::routes;
use crate::state::ShardState;

/// A client's connection, in clear text or encrypted. The second is large, and every idle connection keeps one.
pub(super) type ClientStream = StreamEither<TcpStream, Box<TlsStream<TcpStream>>>;

/// The protocol settings of all connections: HTTP/1.1 or HTTP/2, whichever the client starts with. In TLS, ALPN has
/// agreed on it before.
pub(super) fn protocol() -> Builder<TokioExecutor> {
    let mut protocol = Builder::new(TokioExecutor::new());
    // Header timeouts would cost a timer for each request; `ActivityTracker` costs one for each
    // connection.
    protocol.http1().header_read_timeout(None).max_buf_size(HEAD_READ_BYTES_MAX);
    protocol
        .http2()
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_READ_BYTES_MAX as u32)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES);
    protocol
}

/// Serves a connection until the client closes it, it is idle, or `stop` is cancelled.
pub(super) async fn serve(
    stream: ClientStream,
    peer: IpAddr,
    protocol: Arc<Builder<TokioExecutor>>,
    state: Arc<ShardState>,
    stop: CancellationToken,
) {
    let activity = ActivityTracker::default();
    let service =
        service_fn(|request| respond(activity.start_request(), state.clone(), peer, request));
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        biased;
        result = connection.as_mut() => result,
        () = activity.wait_until_idle(IDLE_TIMEOUT) => return,
        () = stop.cancelled() => drain::connection(connection.as_mut(), &activity).await,
    };
    // At debug level only: clients may close a connection at any time.
    if let Err(err) = result {
        tracing::debug!(err, "client connection failed");
    }
}

async fn respond(
    guard: RequestGuard,
    state: Arc<ShardState>,
    peer: IpAddr,
    request: Request<Incoming>,
) -> Result<HttpResponse, Infallible> {
    let version = request.version();
    let mut response = routes::respond(&state, peer, request).await;
    // In HTTP/2 hyper sends GOAWAY instead.
    if state.is_draining() && version <= Version::HTTP_11 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Either::Right(body) = response.body_mut() {
        body.hold(guard);
    }
    Ok(response)
}
