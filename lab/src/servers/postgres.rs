//! PostgreSQL with fully durable commits.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

use form_urlencoded::Serializer;
use millrace::keys::{CertifiedServer, KeysFolder, Role};
use nix::sys::signal::Signal;

use super::account::ServiceAccount;
use super::discovery::Program;
use super::error::ServersError;
use super::folder::create_clean_folder;
use super::port::reserve_port;
use super::probe::Probe;
use super::process::ProcessSpec;
use super::protection::Protection;
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

/// The server's own copy of its certificate and key.
const CERTIFICATE: &str = "server.pem";

/// Who may connect, if sessions are encrypted: everyone with a password, and not in clear text.
const ENCRYPTED_SESSIONS: &str = "hostssl all all 127.0.0.1/32 scram-sha-256\n";

/// Configures PostgreSQL on a free port with a new data folder below `folder`, without starting it.
pub(crate) fn server(
    program: &Program,
    search_paths: &SearchPaths,
    (protection, keys): (Protection, &KeysFolder),
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
    let mut url = format!("postgres://{NAME}:{password}@127.0.0.1:{port}/{NAME}");
    if let Some(certificate) = protection.certificate(keys, CertifiedServer::Postgres) {
        encrypt_sessions(&mut spec, &certificate)?;
        let ca_file = keys.ca_file(Role::Lab);
        let ca_file =
            ca_file.to_str().ok_or_else(|| io::Error::from(ErrorKind::InvalidFilename))?;
        let options = [("sslmode", "verify-full"), ("sslrootcert", ca_file)];
        let query = Serializer::new(String::new()).extend_pairs(options).finish();
        url = format!("{url}?{query}");
    }
    let probe = Probe::Postgres(url.clone());
    // SIGINT (fast shutdown) disconnects clients; SIGTERM would wait until all have disconnected.
    Ok(Server::new(spec, url, probe, [reserved], reaper).with_stop_signal(Signal::SIGINT))
}

/// Has a server encrypt all sessions.
fn encrypt_sessions(spec: &mut ProcessSpec, certificate: &Path) -> io::Result<()> {
    let hosts = spec.folder.join("pg_hba.conf");
    fs::write(&hosts, ENCRYPTED_SESSIONS)?;
    let own = spec.folder.join(CERTIFICATE);
    copy_certificate(certificate, &own)?;
    let settings = [
        ("hba_file", hosts.display()),
        ("ssl_cert_file", own.display()),
        ("ssl_key_file", own.display()),
    ];
    spec.args.extend(["-c".into(), "ssl=on".into()]);
    for (name, value) in settings {
        spec.args.extend(["-c".into(), format!("{name}={value}").into()]);
    }
    Ok(())
}

/// Copies the certificate and its key to where the account of the server may read them, and no other.
fn copy_certificate(certificate: &Path, own: &Path) -> io::Result<()> {
    // The mode is copied as well.
    fs::copy(certificate, own)?;
    ServiceAccount::instead_of_root().map_or(Ok(()), |account| account.chown(own))
}

/// Has a running server use the certificate that is in the folder with the keys now.
pub(super) fn renew_certificate(server: &Server, keys: &KeysFolder) -> io::Result<()> {
    let own = server.log().with_file_name(CERTIFICATE);
    copy_certificate(&keys.server_certificate(CertifiedServer::Postgres), &own)?;
    server.reload()
}
