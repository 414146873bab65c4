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
use super::store_credentials::StoreCredentials;
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
    credentials: &StoreCredentials,
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
    spec.args.extend(["--aclfile".into(), credentials.redis_users().into()]);
    let url = credentials.admin_redis_url(&format!("redis://127.0.0.1:{port}/"));
    let (login, _) = login_and_address(&url)?;
    Ok(Server::new(spec, url, Probe::Redis { port, login }, [reserved], reaper))
}

/// Deletes all keys of the server at `url`, as a restart does.
pub(crate) async fn flush(url: &str) -> io::Result<()> {
    let (login, address) = login_and_address(url)?;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("{login}FLUSHALL\r\n").as_bytes()).await?;
    let mut reply = [0; "+OK\r\n+OK".len()];
    stream.read_exact(&mut reply).await?;
    if reply == *b"+OK\r\n+OK" { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// The command by which the user of `url` logs in, and the address.
fn login_and_address(url: &str) -> io::Result<(String, &str)> {
    let rest = url.trim_start_matches("redis://").trim_end_matches('/');
    let (user, address) = rest.split_once('@').ok_or(io::ErrorKind::InvalidInput)?;
    let (user, password) = user.split_once(':').ok_or(io::ErrorKind::InvalidInput)?;
    Ok((format!("AUTH {user} {password}\r\n"), address))
}
