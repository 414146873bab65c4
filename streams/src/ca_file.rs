//! A file with the certificates of authorities, by which a process knows its servers.

use std::io::{self, ErrorKind};
use std::path::Path;

/// The text of the file.
///
/// # Errors
/// It cannot be read, or has no certificate in the text form of RFC 7468.
pub fn read_ca_file(file: &Path) -> io::Result<String> {
    let text = std::fs::read_to_string(file)?;
    if text.contains("-----BEGIN CERTIFICATE-----") {
        return Ok(text);
    }
    Err(io::Error::new(ErrorKind::InvalidData, "it has no certificate in PEM"))
}
