//! Redis or Valkey, which has the same options: a cache without persistence.

use std::path::Path;

use millrace::keys::{CertifiedServer, KeysFolder, Role};

use super::discovery::Program;
use super::error::ServersError;
use super::folder::create_clean_folder;
use super::port::reserve_port;
use super::probe::Probe;
use super::process::ProcessSpec;
use super::protection::Protection;
use super::redis_login::RedisLogin;
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
    (protection, keys): (Protection, &KeysFolder),
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
    spec.args.extend(["--aclfile".into(), credentials.redis_users().into()]);
    let number = port.to_string();
    let scheme = if let Some(file) = protection.certificate(keys, CertifiedServer::Redis) {
        for (name, value) in [
            ("port", "0".as_ref()),
            ("tls-port", number.as_ref()),
            ("tls-cert-file", file.as_os_str()),
            ("tls-key-file", file.as_os_str()),
            // Clients prove who they are by their passwords.
            ("tls-auth-clients", "no".as_ref()),
        ] {
            spec.args.extend([format!("--{name}").into(), value.to_owned()]);
        }
        "rediss"
    } else {
        spec.args.extend(["--port".into(), number.into()]);
        "redis"
    };
    let url = credentials.admin_redis_url(&format!("{scheme}://127.0.0.1:{port}/"));
    let login = RedisLogin::new(&url, protection.ca_file(keys, Role::Lab))?;
    Ok(Server::new(spec, url, Probe::Redis(login), [reserved], reaper))
}
