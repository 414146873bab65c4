//! `millrace passwords`: writes passwords for PostgreSQL and Redis, and renews them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use crate::store_credentials::{renew_store_credentials, write_store_credentials};

/// Options of `millrace passwords`.
#[derive(Debug, Clone, Args)]
pub struct PasswordsArgs {
    /// Folder for a folder of each role; passwords that are there are kept
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Renew the passwords of one role: a pool, `auditor`, `operator`, `backup`, `eraser`, `edge` or `admin`
    #[arg(long, value_name = "ROLE")]
    renew: Option<String>,
}

/// Writes the files. Nothing of them is printed.
pub(crate) fn run(args: &PasswordsArgs) -> Result<()> {
    let folder = &args.folder;
    let written = match &args.renew {
        Some(role) => renew_store_credentials(folder, role),
        None => write_store_credentials(folder),
    };
    written.with_context(|| format!("writing passwords below {}", folder.display()))
}
