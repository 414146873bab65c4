//! PostgreSQL, with all that keeps a committed transaction switched on.

use std::path::Path;

use nix::sys::signal::Signal;

use super::ServersError;
use super::account::Account;
use super::find::Program;
use super::folder::fresh_folder;
use super::port::free_ports;
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

/// How PostgreSQL is run, each setting with its reason; what is not here keeps its default, so
/// `fsync`, `synchronous_commit` and `full_page_writes` are on.
const SETTINGS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    // The system's folder for sockets may not exist here, and a port is enough.
    ("unix_socket_directories", ""),
    // Every pool's workers, the audit and a few people; more would only wait for two cores.
    ("max_connections", "100"),
    // The hot rows of a catalogue and of the orders in flight, with room on a laptop beside it.
    ("shared_buffers", "256MB"),
    // Checkpoints write whole pages to the log again: let them be minutes apart under full load.
    ("max_wal_size", "2GB"),
    // Compiling a plan pays for long queries; ours are short, and libraries for it may be missing.
    ("jit", "off"),
    // Times in rows and logs mean the same on every machine.
    ("timezone", "GMT"),
    ("log_timezone", "GMT"),
];

/// PostgreSQL on a free port with data of its own below `folder`, not started yet.
pub(crate) fn server(
    program: &Program,
    search_paths: &SearchPaths,
    folder: &Path,
    reaper: &Reaper,
) -> Result<Server, ServersError> {
    let port = free_ports(1)?[0];
    let folder = fresh_folder(folder, "postgres")?;
    let data = folder.join("data");
    let template = Template::find_or_make(program, search_paths)?;
    template.copy_to(&data)?;
    let mut spec = ProcessSpec::new("postgres", program.path.clone(), folder);
    spec.envs.clone_from(&program.envs);
    spec.account = Account::instead_of_root();
    spec.args.extend(["-D".into(), data.into(), "-p".into(), port.to_string().into()]);
    for (name, value) in SETTINGS {
        spec.args.extend(["-c".into(), format!("{name}={value}").into()]);
    }
    let password = template.password();
    let url = format!("postgres://{NAME}:{password}@127.0.0.1:{port}/{NAME}");
    let probe = Probe::Postgres(url.clone());
    // SIGINT ends open sessions; SIGTERM would wait until the last client has left.
    Ok(Server::new(spec, url, probe, reaper).stopped_by(Signal::SIGINT))
}
