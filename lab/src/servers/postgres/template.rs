//! A data folder made once and copied for each run, since making one takes seconds.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use rand::distr::{Alphanumeric, SampleString};

use crate::servers::account::Account;
use crate::servers::command::{CommandError, bounded, run};
use crate::servers::find::Program;
use crate::servers::folder::{finish, lock, unfinished_folder};
use crate::servers::search_paths::SearchPaths;

/// Characters of the password: more than anybody can guess.
const PASSWORD_CHARS: usize = 32;

/// How the data folder is made: one user with a password, and text compared byte by byte, the same
/// on every machine.
const INITDB: [&str; 5] = [
    "--username=millrace",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-instructions",
];

/// Leaves two of the three databases that there are at first, as each is 300 files to copy: ours,
/// and the one from which others can be made. One command a line.
const TWO_DATABASES: &str = "\
ALTER DATABASE postgres RENAME TO millrace
UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'
DROP DATABASE template0
";

/// Why there is no data folder to start from.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// There is no folder to keep it in.
    #[error("neither the cache folder nor the folder for temporary files can be written")]
    NoCache,
    /// The cache folder cannot be used.
    #[error("PostgreSQL's first data folder cannot be kept in the cache")]
    Cache(#[from] io::Error),
    /// One of PostgreSQL's commands failed.
    #[error("PostgreSQL's first data folder cannot be made")]
    Make(#[from] CommandError),
}

/// A data folder with one user and one database, both called `millrace`.
#[derive(Debug)]
pub(super) struct Template {
    data: PathBuf,
    password: String,
}

impl Template {
    /// Takes the one in the cache folder that fits program and account, or makes it there.
    pub(super) fn find_or_make(
        program: &Program,
        search_paths: &SearchPaths,
    ) -> Result<Self, TemplateError> {
        let cache = search_paths.cache.as_deref().ok_or(TemplateError::NoCache)?;
        let account = Account::instead_of_root();
        let uid = account.map_or(Uid::effective().as_raw(), |account| account.uid);
        let folder = cache.join(format!("postgres-template-{}-{uid}", program.version));
        if let Ok(template) = Self::read(&folder) {
            return Ok(template);
        }
        let _lock = lock(cache)?;
        // Another process may have been faster.
        if let Ok(template) = Self::read(&folder) {
            return Ok(template);
        }
        let unfinished = unfinished_folder(cache)?;
        make(program, account, unfinished.path())?;
        finish(unfinished, &folder)?;
        Ok(Self::read(&folder)?)
    }

    fn read(folder: &Path) -> io::Result<Self> {
        let password = fs::read_to_string(folder.join("password"))?;
        Ok(Self { data: folder.join("data"), password })
    }

    /// The password of the user `millrace`. Only we can read it: no other user of this machine may
    /// become a superuser of the database, who can run programs as its account.
    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// Copies the data with its owner and rights.
    pub(super) fn copy_to(&self, data: &Path) -> Result<(), TemplateError> {
        Ok(run(bounded("cp").arg("-a").arg(&self.data).arg(data))?)
    }
}

fn make(program: &Program, account: Option<Account>, folder: &Path) -> Result<(), TemplateError> {
    let password = folder.join("password");
    fs::write(&password, "")?;
    fs::set_permissions(&password, Permissions::from_mode(0o600))?;
    fs::write(&password, Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_CHARS))?;
    let data = folder.join("data");
    fs::create_dir(&data)?;
    let commands = folder.join("commands.sql");
    fs::write(&commands, TWO_DATABASES)?;
    if let Some(account) = account {
        account.own(&password)?;
        account.own(&data)?;
    }
    let command = |file: &Path| {
        let mut command = bounded(file);
        command.envs(program.envs.iter().cloned()).current_dir(&data);
        if let Some(account) = account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    };
    let mut initdb = command(&program.path.with_file_name("initdb"));
    initdb.args(INITDB).arg("--pwfile").arg(&password).arg("-D").arg(&data);
    run(&mut initdb)?;
    let mut single = command(&program.path);
    single.arg("--single").arg("-D").arg(&data).arg("template1").stdin(File::open(&commands)?);
    Ok(run(&mut single)?)
}
