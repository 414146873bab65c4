//! Readiness probes in each server's protocol.

use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use workers::database::connect;

use super::redis_login::RedisLogin;

/// Timeout of one probe; after it the server is probed again.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes of a response that are read at most: more than a status line.
const RESPONSE_BYTES_MAX: u64 = 256;

/// A request that only a ready server answers as expected.
#[derive(Clone, Debug)]
pub(crate) enum Probe {
    /// Redis answers a ping, after a log-in.
    Redis(RedisLogin),
    /// A broker's monitoring port answers 200 for this path.
    Broker { port: u16, path: &'static str },
    /// This file exists.
    File(PathBuf),
    /// PostgreSQL accepts a connection with this URL.
    Postgres(String),
}

impl Probe {
    /// Probes once: whether the server is ready.
    pub(crate) async fn is_ready(&self) -> bool {
        let response = async {
            match self {
                Self::Redis(login) => login.answers("PING", "PONG").await.unwrap_or(false),
                Self::Broker { port, path } => {
                    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
                    exchange(*port, &request, "HTTP/1.0 200").await
                }
                Self::File(path) => path.exists(),
                Self::Postgres(url) => connect(url).await.is_ok(),
            }
        };
        timeout(PROBE_TIMEOUT, response).await.unwrap_or(false)
    }
}

/// Sends `request` to a local port. Returns whether the response starts with `expected`.
async fn exchange(port: u16, request: &str, expected: &str) -> bool {
    let response = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut prefix = vec![0; expected.len()];
        stream.take(RESPONSE_BYTES_MAX).read_exact(&mut prefix).await?;
        Ok::<_, io::Error>(prefix)
    };
    response.await.is_ok_and(|prefix| prefix == expected.as_bytes())
}
