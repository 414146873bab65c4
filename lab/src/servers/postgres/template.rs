//! A template data folder that is created once and copied for each run, because `initdb` takes
//! seconds.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;
use rand::distr::{Alphanumeric, SampleString};

use crate::servers::account::ServiceAccount;
use crate::servers::command::{CommandError, run, with_timeout};
use crate::servers::discovery::Program;
use crate::servers::folder::{commit, lock, staging_folder};
use crate::servers::search_paths::SearchPaths;

/// Characters of the password: 190 bits of entropy.
const PASSWORD_CHARS: usize = 32;

/// Options of `initdb`: one user with a password, and byte-wise collation, the same on every
/// machine.
const INITDB: [&str; 5] = [
    "--username=millrace",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-instructions",
];

/// Renames one of the three initial databases to ours and drops `template0`, because each database
/// is 300 files to copy. `template1` stays, for new databases. One command per line.
const PREPARE_DATABASES: &str = "\
ALTER DATABASE postgres RENAME TO millrace
UPDATE pg_database SET datistemplate = false WHERE datname = 'template0'
DROP DATABASE template0
";

/// Why the template could not be found or created.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// No cache folder is writable.
    #[error("neither the cache folder nor the folder for temporary files can be written")]
    NoCache,
    /// The cache folder cannot be used.
    #[error("cannot keep PostgreSQL's template data folder in the cache")]
    Cache(#[from] io::Error),
    /// One of PostgreSQL's commands failed.
    #[error("cannot create PostgreSQL's template data folder")]
    Create(#[from] CommandError),
}

/// A data folder with one user and one database, both named `millrace`.
#[derive(Debug)]
pub(super) struct Template {
    data: PathBuf,
    password: String,
}

impl Template {
    /// The template in the cache folder for this program version and account, created if necessary.
    pub(super) fn find_or_create(
        program: &Program,
        search_paths: &SearchPaths,
    ) -> Result<Self, TemplateError> {
        let cache = search_paths.cache.as_deref().ok_or(TemplateError::NoCache)?;
        let account = ServiceAccount::instead_of_root();
        let uid = account.map_or(Uid::effective().as_raw(), |account| account.uid);
        let folder = cache.join(format!("postgres-template-{}-{uid}", program.version));
        if let Ok(template) = Self::read(&folder) {
            return Ok(template);
        }
        let _lock = lock(cache)?;
        // Another process may have created it in the meantime.
        if let Ok(template) = Self::read(&folder) {
            return Ok(template);
        }
        let staging = staging_folder(cache)?;
        create(program, account, staging.path())?;
        commit(staging, &folder)?;
        Ok(Self::read(&folder)?)
    }

    fn read(folder: &Path) -> io::Result<Self> {
        let password = fs::read_to_string(folder.join("password"))?;
        Ok(Self { data: folder.join("data"), password })
    }

    /// The password of the user `millrace`. Only this account can read it: a database superuser can
    /// run programs as the server's account, so no other user of this machine may become one.
    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// Copies the data folder, with owners and modes.
    pub(super) fn copy_to(&self, data: &Path) -> Result<(), TemplateError> {
        Ok(run(with_timeout("cp").arg("-a").arg(&self.data).arg(data))?)
    }
}

fn create(
    program: &Program,
    account: Option<ServiceAccount>,
    folder: &Path,
) -> Result<(), TemplateError> {
    let password = folder.join("password");
    fs::write(&password, "")?;
    fs::set_permissions(&password, Permissions::from_mode(0o600))?;
    fs::write(&password, Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_CHARS))?;
    let data = folder.join("data");
    fs::create_dir(&data)?;
    let commands = folder.join("commands.sql");
    fs::write(&commands, PREPARE_DATABASES)?;
    if let Some(account) = account {
        account.chown(&password)?;
        account.chown(&data)?;
    }
    let command = |file: &Path| {
        let mut command = with_timeout(file);
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
