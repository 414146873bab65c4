//! `millrace keys`: makes the keys by which the brokers know each role, what the brokers include to know them, the
//! passwords of the database and of Redis, and the certificates of all servers.

mod broker_files;
mod certificates;
mod folder;
mod role;
mod server_certificates;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};

pub use folder::{KeysError, KeysFolder};
pub use role::Role;
pub use server_certificates::{CertifiedServer, ServerHosts};

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
    /// Hosts at which clients reach the brokers, separated by commas [default: those of --routes]
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    broker_hosts: Vec<String>,
    /// Hosts at which PostgreSQL is reached, separated by commas
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    postgres_hosts: Vec<String>,
    /// Hosts at which Redis is reached, separated by commas
    #[arg(long, value_name = "HOST", value_delimiter = ',')]
    redis_hosts: Vec<String>,
}

impl FolderArgs {
    /// The hosts that the certificates of the servers name.
    fn hosts(&self) -> ServerHosts {
        let host = |route: &String| {
            let host = route.rsplit_once(':').map_or(&**route, |(host, _)| host);
            host.trim_matches(['[', ']']).to_owned()
        };
        ServerHosts {
            brokers: self.routes.iter().map(host).chain(self.broker_hosts.clone()).collect(),
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
    keys.write_certificates(roles, &options.hosts())?;
    write_store_credentials(&options.folder)
        .with_context(|| format!("cannot write passwords below {}", options.folder.display()))?;
    print(&format!("the keys of {} roles are in {}", roles.len(), options.folder.display()));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "what was made is the command's output")]
fn print(line: &str) {
    println!("{line}");
}
