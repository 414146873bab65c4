//! The certificate that clients are shown: that of the files, which are read again. What cannot be used replaces
//! nothing.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use orders::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::certificate::{Certificate, Validity};
use super::certificate_error::CertificateError;
use super::certificate_files::{CertificateFiles, CertificateTexts};
use crate::limits::{TLS_EXPIRY_LOG_INTERVAL, TLS_FILES_INTERVAL};

/// The certificate that the next connection is shown.
pub(super) struct ServedCertificate(ArcSwap<CertifiedKey>);

/// Reads the files.
pub(crate) struct CertificateReader {
    files: CertificateFiles,
    served: Arc<ServedCertificate>,
    validity: Option<Validity>,
    /// What was read last, whether or not it could be used.
    texts: CertificateTexts,
    /// The fault that was logged.
    fault: Option<String>,
    warned_at: Option<Instant>,
}

impl ServedCertificate {
    pub(super) async fn open(
        files: CertificateFiles,
    ) -> Result<(Arc<Self>, CertificateReader), CertificateError> {
        let texts = files.read().await?;
        let Certificate { key, validity } = Certificate::parse(&texts)?;
        let served = Arc::new(Self(ArcSwap::new(key)));
        let mut reader = CertificateReader {
            files,
            served: served.clone(),
            validity,
            texts,
            fault: None,
            warned_at: None,
        };
        reader.warn_of_expiry();
        Ok((served, reader))
    }
}

impl ResolvesServerCert for ServedCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for ServedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedCertificate").finish_non_exhaustive()
    }
}

impl CertificateReader {
    /// Runs for as long as the process.
    pub(crate) async fn run(mut self) {
        loop {
            sleep(TLS_FILES_INTERVAL).await;
            match self.try_read().await {
                Ok(is_renewed) => {
                    self.fault = None;
                    if is_renewed {
                        self.warned_at = None;
                        let expires = self.validity.map(|it| Timestamp::from(it.ends).to_string());
                        tracing::info!(expires, "certificate is renewed");
                    }
                }
                Err(err) => self.log(&err),
            }
            self.warn_of_expiry();
        }
    }

    /// Whether there is another certificate. Texts that cannot be used are not tried again, but for those of a
    /// certificate that is not valid yet.
    async fn try_read(&mut self) -> Result<bool, CertificateError> {
        let texts = self.files.read().await?;
        if self.texts == texts {
            return Ok(false);
        }
        let now = SystemTime::now();
        let certificate = Certificate::parse(&texts);
        if certificate.as_ref().is_ok_and(|it| it.is_not_yet_valid(now)) {
            return Err(CertificateError::NotYetValid);
        }
        self.texts = texts;
        let certificate = certificate?;
        if certificate.is_expired(now) {
            return Err(CertificateError::Expired);
        }
        self.validity = certificate.validity;
        self.served.0.store(certificate.key);
        Ok(true)
    }

    /// Logs a fault once for as long as it lasts.
    fn log(&mut self, err: &CertificateError) {
        let fault = Some(err.to_string());
        if self.fault != fault {
            self.fault = fault;
            let err: &dyn Error = err;
            tracing::warn!(err, "certificate is not renewed, the one before stays in use");
        }
    }

    fn warn_of_expiry(&mut self) {
        let Some(validity) = self.validity else { return };
        let is_due = self.warned_at.is_none_or(|at| at.elapsed() >= TLS_EXPIRY_LOG_INTERVAL);
        if is_due && validity.is_about_to_end(SystemTime::now()) {
            self.warned_at = Some(Instant::now());
            let expires = Timestamp::from(validity.ends).to_string();
            tracing::warn!(expires, "certificate is about to expire, or has expired");
        }
    }
}
