//! Files with secrets: written so that a reader has all of the old one or of the new one, and readable by their
//! owner alone.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use rand::distr::{Alphanumeric, SampleString};

use crate::limits::PASSWORD_CHARS;

/// The mode of a secret.
pub(crate) const SECRET: u32 = 0o600;
/// The mode of a folder with secrets.
pub(crate) const SECRET_FOLDER: u32 = 0o700;

/// Creates a folder and those above it, unless they exist.
pub(crate) fn make_folder(folder: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(folder)
}

/// Writes a file by rename.
pub(crate) fn write(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let draft = file.with_added_extension("draft");
    // A draft that was left may have another mode.
    fs::remove_file(&draft).or_else(|err| match err.kind() {
        ErrorKind::NotFound => Ok(()),
        _ => Err(err),
    })?;
    let mut options = OpenOptions::new();
    let mut opened = options.write(true).create_new(true).mode(mode).open(&draft)?;
    opened.write_all(text.as_bytes())?;
    opened.sync_all()?;
    fs::rename(&draft, file)
}

/// Writes a secret, in a folder that is made for secrets if it does not exist.
pub(crate) fn write_secret(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        make_folder(folder, SECRET_FOLDER)?;
    }
    write(file, text, SECRET)
}

/// The password in `file`; a new one is written if there is none.
pub(crate) fn find_or_create_password(file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Ok(password) => Ok(password.trim_end().to_owned()),
        Err(err) if err.kind() == ErrorKind::NotFound => create_password(file),
        Err(err) => Err(err),
    }
}

/// A new password, which is written into `file`.
pub(crate) fn create_password(file: &Path) -> io::Result<String> {
    let password = Alphanumeric.sample_string(&mut rand::rng(), PASSWORD_CHARS);
    write_secret(file, &password)?;
    Ok(password)
}
