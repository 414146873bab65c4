//! A certificate with its key.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_cert::der::Decode;

use super::certificate_error::CertificateError;
use super::certificate_files::CertificateTexts;
use crate::limits::TLS_EXPIRY_WARNING_MAX;

/// A certificate that belongs to its key, and when it expires.
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// `None` if that cannot be read from it.
    pub(super) validity: Option<Validity>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) begins: SystemTime,
    pub(super) ends: SystemTime,
}

impl Certificate {
    pub(super) fn parse(texts: &CertificateTexts) -> Result<Self, CertificateError> {
        let chain =
            CertificateDer::pem_slice_iter(&texts.certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or(CertificateError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(&texts.key).ok().ok_or(CertificateError::NoKey)?;
        let validity = chain.first().and_then(|certificate| Validity::of(certificate));
        // This compares the key with that in the certificate.
        let key = CertifiedKey::from_der(chain, key, &default_provider());
        let key = Arc::new(key.map_err(CertificateError::Unusable)?);
        Ok(Self { key, validity })
    }

    pub(super) fn is_not_yet_valid(&self, now: SystemTime) -> bool {
        self.validity.is_some_and(|validity| now < validity.begins)
    }

    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        self.validity.is_some_and(|validity| validity.ends <= now)
    }
}

impl Validity {
    fn of(certificate: &[u8]) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
        let validity = certificate.tbs_certificate.validity;
        let [begins, ends] =
            [validity.not_before, validity.not_after].map(|time| time.to_system_time());
        Some(Self { begins, ends })
    }

    /// Whether a renewal is overdue: certificates are renewed when a third of their time is left, whatever that is.
    pub(super) fn is_about_to_end(&self, now: SystemTime) -> bool {
        let whole = self.ends.duration_since(self.begins).unwrap_or_default();
        self.remaining(now) < TLS_EXPIRY_WARNING_MAX.min(whole / 6)
    }

    fn remaining(&self, now: SystemTime) -> Duration {
        self.ends.duration_since(now).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn a_fault_of_a_file_repeats_nothing_of_it() {
        let one_line = b"-----BEGIN PRIVATE KEY-----c2VjcmV0-----END PRIVATE KEY-----".to_vec();
        let broken = b"-----BEGIN PRIVATE KEY-----\nsecret\n".to_vec();
        for text in [one_line, broken, b"secret".to_vec(), Vec::new()] {
            let texts = CertificateTexts { certificate: text.clone(), key: text };
            let Err(error) = Certificate::parse(&texts) else { panic!("it is accepted") };
            assert!(matches!(error, CertificateError::NoCertificate), "{error}");
            assert!(error.source().is_none(), "{error}");
        }
    }

    #[test]
    fn a_certificate_of_any_length_is_about_to_end_in_its_last_sixth_and_two_weeks_at_most() {
        const DAY: Duration = Duration::from_hours(24);
        for (days, warned_from) in [(6, 1), (90, 14), (365, 14)] {
            let ends = SystemTime::UNIX_EPOCH + 1_000 * DAY;
            let validity = Validity { begins: ends - days * DAY, ends };
            assert!(!validity.is_about_to_end(ends - warned_from * DAY), "{days}");
            let later = ends - warned_from * DAY + Duration::from_hours(25);
            assert!(validity.is_about_to_end(later), "{days}");
        }
    }
}
