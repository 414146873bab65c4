//! Redis or Valkey, which has the same options: a cache without persistence.

use std::io;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::discovery::Program;
use super::error::ServersError;
use super::folder::create_clean_folder;
use super::port::reserve_port;
use super::probe::Probe;
use super::process::ProcessSpec;
use super::server::Server;
use crate::reaper::Reaper;

/// The settings of Redis, with the reason.
const SETTINGS: &[(&str, &str)] = &[
    ("bind", "127.0.0.1"),
    // Only a cache: it is refilled after a restart, and no disk access delays replies.
    ("save", ""),
    ("appendonly", "no"),
    // A million stock entries or idempotency keys of about 200 bytes.
    ("maxmemory", "256mb"),
    // Evicts the least recently used keys; refusing writes would freeze the stock that clients see.
    ("maxmemory-policy", "allkeys-lru"),
    // Edges, workers and the audit use a few connections each.
    ("maxclients", "1000"),
];

/// Configures Redis on a free port with its log below `folder`, without starting it.
pub(crate) fn server(
    program: &Program,
    folder: &Path,
    reaper: &Reaper,
) -> Result<Server, ServersError> {
    let reserved = reserve_port()?;
    let port = reserved.number();
    let folder = create_clean_folder(folder, "redis")?;
    let mut spec = ProcessSpec::new("redis", program.path.clone(), folder);
    spec.envs.clone_from(&program.envs);
    for (name, value) in SETTINGS {
        spec.args.extend([format!("--{name}").into(), (*value).into()]);
    }
    spec.args.extend(["--port".into(), port.to_string().into()]);
    Ok(Server::new(
        spec,
        format!("redis://127.0.0.1:{port}/"),
        Probe::Redis(port),
        [reserved],
        reaper,
    ))
}

/// Deletes all keys of the server at `url`, as a restart does.
pub(crate) async fn flush(url: &str) -> io::Result<()> {
    let address = url.trim_start_matches("redis://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"FLUSHALL\r\n").await?;
    let mut reply = [0; "+OK".len()];
    stream.read_exact(&mut reply).await?;
    if reply == *b"+OK" { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}
