//! `millrace-lab bare`: reads the body and answers 202, always the same: the baseline of the edge, with
//! the same HTTP library and the same kind of runtime.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use tokio::net::TcpListener;

use millrace::runtime;
use millrace::shutdown::Shutdown;

use crate::door;

/// As long as the edge's own answer.
const ANSWER: &[u8] = br#"{"order_id":"not an order's id, but as many bytes of it...","status":"accepted","durability":"none"}"#;

/// The bare server.
#[derive(Debug, Clone, Args)]
pub struct BareArgs {
    /// Where to listen
    #[arg(long, env = "MILLRACE_LISTEN", default_value = "127.0.0.1:8070")]
    pub listen: SocketAddr,
}

/// Serves until SIGTERM or SIGINT.
pub fn run(args: &BareArgs) -> Result<()> {
    runtime()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let listener = TcpListener::bind(args.listen)
            .await
            .with_context(|| format!("cannot listen on {}", args.listen))?;
        tokio::select! {
            never = door::serve(listener, service_fn(answer)) => match never {},
            () = shutdown.wait() => Ok(()),
        }
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    request.into_body().collect().await?;
    let mut answer = Response::new(Full::new(Bytes::from_static(ANSWER)));
    *answer.status_mut() = StatusCode::ACCEPTED;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(answer)
}
