//! One client's connection, from its first byte to its last.

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

use crate::core::Core;
use crate::limits::{
    CONNECTION_WINDOW_BYTES, DRAIN_LINGER, HEAD_BYTES_MAX, IDLE_MAX, STREAM_WINDOW_BYTES,
    STREAMS_MAX,
};
use crate::response::Answer;
use crate::routes;

/// How all connections speak: HTTP/1.1 or HTTP/2 in clear text, as the client begins.
pub(crate) fn protocol() -> Builder<TokioExecutor> {
    let mut protocol = Builder::new(TokioExecutor::new());
    // Header time-outs would cost a timer for each request; `Activity` costs one a connection.
    protocol.http1().header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX);
    protocol
        .http2()
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    protocol
}

/// Serves a connection until its client is done, or falls silent, or `stop` asks for the end.
pub(crate) async fn serve(
    stream: TcpStream,
    protocol: Arc<Builder<TokioExecutor>>,
    core: Arc<Core>,
    stop: CancellationToken,
) {
    let activity = Activity::default();
    let service = service_fn(|request| activity.answer(core.clone(), request));
    let mut connection = pin!(protocol.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        biased;
        ended = connection.as_mut() => return note(ended),
        () = activity.cease(IDLE_MAX) => return,
        () = stop.cancelled() => {}
    }
    // Requests that are on their way are answered still, and told that they are the last.
    tokio::select! {
        biased;
        ended = connection.as_mut() => return note(ended),
        () = sleep(DRAIN_LINGER) => {}
    }
    connection.as_mut().graceful_shutdown();
    // What began is ended; a request whose headers are not even there is none.
    tokio::select! {
        biased;
        ended = connection.as_mut() => note(ended),
        () = activity.cease(DRAIN_LINGER) => {}
    }
}

/// What a connection is doing: how many requests it began, and ended.
#[derive(Default, Clone)]
struct Activity(Arc<Requests>);

#[derive(Default)]
struct Requests {
    begun: AtomicU32,
    ended: AtomicU32,
}

/// One request in hand, whichever way it ends.
struct InHand(Arc<Requests>);

impl Activity {
    fn answer(
        &self,
        core: Arc<Core>,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Answer, Infallible>> + use<> {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        let in_hand = InHand(self.0.clone());
        async move {
            let version = request.version();
            let mut answer = routes::answer(&core, request).await;
            // HTTP/2 has its own word for this, which hyper says.
            if core.is_draining() && version <= Version::HTTP_11 {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            drop(in_hand);
            Ok(answer)
        }
    }

    /// Waits until no request has begun for `quiet`, or up to twice as long, and none is in hand.
    async fn cease(&self, quiet: Duration) {
        let mut seen = None;
        loop {
            let begun = self.0.begun.load(Ordering::Relaxed);
            if seen == Some(begun) && self.0.ended.load(Ordering::Relaxed) == begun {
                return;
            }
            seen = Some(begun);
            sleep(quiet).await;
        }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Clients come and go as they like.
fn note(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(err) = ended {
        tracing::debug!(err, "a connection broke off");
    }
}
