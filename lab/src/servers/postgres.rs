//! PostgreSQL with fully durable commits.

use std::path::Path;

use nix::sys::signal::Signal;

use super::account::ServiceAccount;
use super::discovery::Program;
use super::error::ServersError;
use super::folder::create_clean_folder;
use super::port::reserve_port;
use super::probe::Probe;
use super::process::ProcessSpec;
use super::search_paths::SearchPaths;
use super::server::Server;
use crate::reaper::Reaper;

use template::Template;
pub use template::TemplateError;

mod template;

/// The name of the user and of the database.
const NAME: &str = "millrace";

/// The settings of PostgreSQL that differ from the default, with the reason. `fsync`,
/// `synchronous_commit` and `full_page_writes` keep their default, on.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    // The default folder for sockets may not exist, and a TCP port is enough.
    ("unix_socket_directories", ""),
    // Enough for the workers, the audit and a few operators; more would only compete for two cores.
    ("max_connections", "100"),
    // Holds the hot rows of a catalogue and of orders in flight, and still fits on a laptop.
    ("shared_buffers", "256MB"),
    // After a checkpoint full pages are logged again: keeps checkpoints minutes apart under load.
    ("max_wal_size", "2GB"),
    // JIT compilation only pays for long queries, and its libraries may be missing.
    ("jit", "off"),
    // The same time zone in rows and logs on every machine.
    ("timezone", "GMT"),
    ("log_timezone", "GMT"),
];

/// Configures PostgreSQL on a free port with a new data folder below `folder`, without starting it.
pub(crate) fn server(
    program: &Program,
    search_paths: &SearchPaths,
    folder: &Path,
    reaper: &Reaper,
) -> Result<Server, ServersError> {
    let reserved = reserve_port()?;
    let port = reserved.number();
    let folder = create_clean_folder(folder, "postgres")?;
    let data = folder.join("data");
    let template = Template::find_or_create(program, search_paths)?;
    template.copy_to(&data)?;
    let mut spec = ProcessSpec::new("postgres", program.path.clone(), folder);
    spec.envs.clone_from(&program.envs);
    spec.account = ServiceAccount::instead_of_root();
    spec.args.extend(["-D".into(), data.into(), "-p".into(), port.to_string().into()]);
    for (name, value) in SETTINGS {
        spec.args.extend(["-c".into(), format!("{name}={value}").into()]);
    }
    let password = template.password();
    let url = format!("postgres://{NAME}:{password}@127.0.0.1:{port}/{NAME}");
    let probe = Probe::Postgres(url.clone());
    // SIGINT (fast shutdown) disconnects clients; SIGTERM would wait until all have disconnected.
    Ok(Server::new(spec, url, probe, [reserved], reaper).with_stop_signal(Signal::SIGINT))
}
