//! A certificate authority of the cluster's own, and the certificates of its servers: pure but for random keys and
//! the time.

use std::collections::BTreeSet;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, Error, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use crate::limits::{AUTHORITY_VALIDITY, CERTIFICATE_BACKDATING, CERTIFICATE_VALIDITY};

/// The name of the authority in certificates.
const AUTHORITY: &str = "Millrace certificate authority";

/// Names by which every server is reached from its own machine.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A new authority: its secret key and its certificate, both in PEM.
pub(super) fn new_authority() -> Result<(String, String), Error> {
    let key = KeyPair::generate()?;
    let params = valid_for(authority_params(), AUTHORITY_VALIDITY);
    let certificate = params.self_signed(&key)?;
    Ok((key.serialize_pem(), certificate.pem()))
}

/// A new key and a certificate for the server `name` that others reach at `hosts`, both in PEM, by the authority with
/// this key. Peers connect to each other, and each shows its certificate as a client, too.
pub(super) fn issue(
    authority_key: &str,
    name: &str,
    hosts: &[String],
    are_peers: bool,
) -> Result<String, Error> {
    let issuer = Issuer::new(authority_params(), KeyPair::from_pem(authority_key)?);
    let names: BTreeSet<String> =
        LOOPBACK.map(str::to_owned).into_iter().chain(hosts.iter().cloned()).collect();
    let params = CertificateParams::new(Vec::from_iter(names))?;
    let mut params = valid_for(params, CERTIFICATE_VALIDITY);
    params.distinguished_name = named(name);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    if are_peers {
        params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
    }
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(certificate.pem() + &key.serialize_pem())
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(AUTHORITY);
    // It signs certificates of servers, and no other authority.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    distinguished_name
}

fn valid_for(mut params: CertificateParams, validity: Duration) -> CertificateParams {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - CERTIFICATE_BACKDATING;
    params.not_after = now + validity;
    params
}
