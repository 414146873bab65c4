//! A client connection, from accept to close.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Version, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::limits::{
    CONNECTION_WINDOW_BYTES, DRAIN_LINGER, HEAD_BYTES_MAX, IDLE_TIMEOUT, STREAM_WINDOW_BYTES,
    STREAMS_MAX,
};
use crate::response::HttpResponse;
use crate::routes;
use crate::shard::Shard;

/// The protocol settings of all connections: HTTP/1.1 or HTTP/2 in clear text, whichever the client
/// starts with.
pub(crate) fn protocol() -> Builder<TokioExecutor> {
    let mut protocol = Builder::new(TokioExecutor::new());
    // Header timeouts would cost a timer for each request; `ActivityTracker` costs one for each
    // connection.
    protocol.http1().header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
    protocol
        .http2()
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    protocol
}

/// Serves a connection until the client closes it, it is idle, or `stop` is cancelled.
pub(crate) async fn serve(
    stream: TcpStream,
    protocol: Arc<Builder<TokioExecutor>>,
    shard: Arc<Shard>,
    stop: CancellationToken,
) {
    let activity = ActivityTracker::default();
    let service = service_fn(|request| activity.respond(shard.clone(), request));
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        biased;
        result = connection.as_mut() => return log_error(result),
        () = activity.wait_until_idle(IDLE_TIMEOUT) => return,
        () = stop.cancelled() => {}
    }
    // Requests that are already being sent are still answered, with a header that asks the client
    // to close.
    tokio::select! {
        biased;
        result = connection.as_mut() => return log_error(result),
        () = sleep(DRAIN_LINGER) => {}
    }
    connection.as_mut().graceful_shutdown();
    // Requests that have started are completed. One whose headers are incomplete has not started.
    tokio::select! {
        biased;
        result = connection.as_mut() => log_error(result),
        () = activity.wait_until_idle(DRAIN_LINGER) => {}
    }
}

/// Counts the requests of one connection, to find out whether it is idle.
#[derive(Default, Clone)]
struct ActivityTracker(Arc<RequestCounts>);

#[derive(Default)]
struct RequestCounts {
    started: AtomicU32,
    finished: AtomicU32,
}

/// A request in flight. Counts it as finished when dropped, even if the request is aborted.
struct RequestGuard(Arc<RequestCounts>);

impl ActivityTracker {
    fn respond(
        &self,
        shard: Arc<Shard>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<HttpResponse, Infallible>> + use<> {
        self.0.started.fetch_add(1, Ordering::Relaxed);
        let guard = RequestGuard(self.0.clone());
        async move {
            let version = request.version();
            let mut response = routes::respond(&shard, request).await;
            // In HTTP/2 hyper sends GOAWAY instead.
            if shard.is_draining() && version <= Version::HTTP_11 {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            drop(guard);
            Ok(response)
        }
    }

    /// Waits until no request has started for `quiet`, or up to twice as long, and none is in
    /// flight.
    async fn wait_until_idle(&self, quiet: Duration) {
        let mut last_started = None;
        loop {
            let started = self.0.started.load(Ordering::Relaxed);
            let finished = self.0.finished.load(Ordering::Relaxed);
            if last_started == Some(started) && finished == started {
                return;
            }
            last_started = Some(started);
            sleep(quiet).await;
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.finished.fetch_add(1, Ordering::Relaxed);
    }
}

/// At debug level only: clients may close a connection at any time.
fn log_error(result: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(err) = result {
        tracing::debug!(err, "client connection failed");
    }
}
