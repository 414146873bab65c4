//! Redis, or Valkey, which is started in the same way: a cache that may vanish at any time.

use std::path::Path;

use super::ServersError;
use super::find::Program;
use super::folder::fresh_folder;
use super::port::free_ports;
use super::probe::Probe;
use super::process::ProcessSpec;
use super::server::Server;
use crate::reaper::Reaper;

/// How Redis is run, each setting with its reason.
const SETTINGS: &[(&str, &str)] = &[
    ("bind", "127.0.0.1"),
    // A cache: after a restart it fills again, and no disk slows the answers.
    ("save", ""),
    ("appendonly", "no"),
    // A million stock entries or keys of about 200 bytes.
    ("maxmemory", "256mb"),
    // Full, it forgets what was used least; to refuse writes would freeze the stock that is shown.
    ("maxmemory-policy", "allkeys-lru"),
    // Edges, workers and the audit hold a few connections each.
    ("maxclients", "1000"),
];

/// Redis on a free port, with its log below `folder`, not started yet.
pub(crate) fn server(
    program: &Program,
    folder: &Path,
    reaper: &Reaper,
) -> Result<Server, ServersError> {
    let port = free_ports(1)?[0];
    let folder = fresh_folder(folder, "redis")?;
    let mut spec = ProcessSpec::new("redis", program.path.clone(), folder);
    spec.envs.clone_from(&program.envs);
    for (name, value) in SETTINGS {
        spec.args.extend([format!("--{name}").into(), (*value).into()]);
    }
    spec.args.extend(["--port".into(), port.to_string().into()]);
    Ok(Server::new(spec, format!("redis://127.0.0.1:{port}/"), Probe::Redis(port), reaper))
}
