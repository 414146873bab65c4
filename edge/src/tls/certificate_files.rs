//! The files with a certificate and its key.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::certificate_error::CertificateError;
use super::config::TlsConfig;
use crate::limits::TLS_FILE_BYTES_MAX;

#[derive(Debug, Clone)]
pub(super) struct CertificateFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What the files have.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct CertificateTexts {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl CertificateFiles {
    /// `None` if none are configured.
    pub(super) fn of(config: &TlsConfig) -> Option<Self> {
        let (certificate, key) = (config.tls_certificate.clone()?, config.tls_key.clone()?);
        Some(Self { certificate, key })
    }

    pub(super) async fn read(&self) -> Result<CertificateTexts, CertificateError> {
        let Self { certificate, key } = self.clone();
        let read = move || {
            Ok(CertificateTexts { certificate: read_file(&certificate)?, key: read_file(&key)? })
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|err| CertificateError::Read(self.key.clone(), io::Error::other(err)))?
    }
}

fn read_file(file: &Path) -> Result<Vec<u8>, CertificateError> {
    let read = || {
        let mut text = Vec::new();
        let limit = TLS_FILE_BYTES_MAX as u64 + 1;
        std::fs::File::open(file)?.take(limit).read_to_end(&mut text)?;
        if text.len() > TLS_FILE_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("larger than {TLS_FILE_BYTES_MAX} bytes"),
            ));
        }
        Ok(text)
    };
    read().map_err(|source| CertificateError::Read(file.to_owned(), source))
}
