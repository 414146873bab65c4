//! `millrace keys`: makes the keys by which the brokers know each role, what the brokers include to know them, the
//! passwords of the database and of Redis, and the certificates of all servers.

mod broker_files;
mod certificates;
mod certified_server;
mod folder;
mod role;
mod server_certificates;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

use certified_server::host;

pub use certified_server::{CertifiedServer, ServerHosts};
pub use folder::{KeysError, KeysFolder};
pub use role::Role;

use crate::store_credentials::write_store_credentials;

/// Options of `millrace keys`.
#[derive(Debug, Clone, Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum KeysCommand {
    /// Make the keys and passwords of all roles, and the users and certificates of the servers. Overwrites nothing
    New(FolderArgs),
    /// Make the keys and passwords that are missing, and the users and certificates of the servers anew: after each
    /// upgrade, and at least once a year
    Update(FolderArgs),
    /// Make another key for a role. The one before stays valid
    Rotate(RoleArgs),
    /// End the validity of the key of a role that was rotated, once all processes have the new one
    Retire(RoleArgs),
}

#[derive(Debug, Clone, Args)]
struct RoleArgs {
    /// Role, such as edge or payment
    #[arg(value_parser = Role::named)]
    role: Role,
    /// Folder with the keys
    folder: PathBuf,
}

#[derive(Debug, Clone, Args)]
struct FolderArgs {
    /// Folder for the keys: nats-config/ expects ../keys
    folder: PathBuf,
    /// Host and port at which each broker listens for the others, separated by commas
    #[arg(long, value_name = "HOST:PORT", value_delimiter = ',')]
    routes: Vec<String>,
    /// Hosts at which clients reach the brokers, besides those of their routes, separated by commas
    /// [default: as before]
    #[arg(long, value_name = "HOST", value_delimiter = ',', value_parser = host)]
    broker_hosts: Vec<String>,
    /// Hosts at which PostgreSQL is reached, separated by commas [default: as before]
    #[arg(long, value_name = "HOST", value_delimiter = ',', value_parser = host)]
    postgres_hosts: Vec<String>,
    /// Hosts at which Redis is reached, separated by commas [default: as before]
    #[arg(long, value_name = "HOST", value_delimiter = ',', value_parser = host)]
    redis_hosts: Vec<String>,
}

impl FolderArgs {
    fn hosts(&self) -> ServerHosts {
        ServerHosts {
            brokers: self.broker_hosts.clone(),
            postgres: self.postgres_hosts.clone(),
            redis: self.redis_hosts.clone(),
        }
    }
}

/// Runs `millrace keys`.
pub(crate) fn run(args: &KeysArgs) -> Result<()> {
    let roles = Role::all();
    match &args.command {
        KeysCommand::New(options) => {
            KeysFolder::at(&options.folder).create(&roles)?;
            finish(options, &roles)?;
        }
        KeysCommand::Update(options) => {
            KeysFolder::at(&options.folder).update(&roles)?;
            finish(options, &roles)?;
        }
        KeysCommand::Rotate(RoleArgs { role, folder }) => {
            KeysFolder::at(folder).rotate(*role, &roles)?;
            print(&format!(
                "{0} has a new key beside the one before: reload the brokers with the new users, give its \
                 processes the new file, restart them one after the other, and then `millrace keys retire {0}`",
                role.name()
            ));
        }
        KeysCommand::Retire(RoleArgs { role, folder }) => {
            let ended = KeysFolder::at(folder).retire(*role, &roles)?;
            let role = role.name();
            print(&format!("{ended} keys of {role} are not valid once the brokers are reloaded"));
        }
    }
    Ok(())
}

fn finish(options: &FolderArgs, roles: &[Role]) -> Result<()> {
    let keys = KeysFolder::at(&options.folder);
    if !options.routes.is_empty() {
        keys.write_cluster(&options.routes)?;
    }
    let named = keys.write_certificates(roles, &options.hosts())?;
    write_store_credentials(&options.folder)
        .with_context(|| format!("cannot write passwords below {}", options.folder.display()))?;
    print(&format!("the keys of {} roles are in {}", roles.len(), options.folder.display()));
    for (server, hosts) in named {
        let hosts = if hosts.is_empty() { "no host".to_owned() } else { hosts.join(", ") };
        let server = server.as_str();
        print(&format!("the certificate of {server} names {hosts}, and its own machine"));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what was made is the command's output")]
fn print(line: &str) {
    println!("{line}");
}
