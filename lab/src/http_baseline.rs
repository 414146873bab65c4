//! `millrace-lab bare`: reads the body and returns a fixed 202. The baseline of the edge, with the
//! same HTTP library and the same kind of runtime.

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

use crate::http_server;

/// As many bytes as the edge's own response.
const RESPONSE: &[u8] = br#"{"order_id":"not an order's id, but as many bytes of it...","status":"accepted","durability":"none","body_digest":"not a digest, but as many bytes.."}"#;

/// The arguments of `millrace-lab bare`.
#[derive(Debug, Clone, Args)]
pub struct HttpBaselineArgs {
    /// Address to listen on
    #[arg(long, env = "MILLRACE_LISTEN", default_value = "127.0.0.1:8070")]
    pub listen: SocketAddr,
}

/// Serves until SIGTERM or SIGINT.
pub fn run(args: &HttpBaselineArgs) -> Result<()> {
    runtime()?.block_on(async {
        let shutdown = Shutdown::listen()?;
        let listener = TcpListener::bind(args.listen)
            .await
            .with_context(|| format!("cannot listen on {}", args.listen))?;
        tokio::select! {
            never = http_server::serve(listener, service_fn(respond)) => match never {},
            () = shutdown.wait() => Ok(()),
        }
    })
}

async fn respond(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    request.into_body().collect().await?;
    let mut response = Response::new(Full::new(Bytes::from_static(RESPONSE)));
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
