//! The certificates of one run's servers.

use std::fs;

use millrace::keys::{KeysFolder, ServerHosts};

use super::broker_users::roles;
use super::error::ServersError;
use super::protection::Protection;

/// Makes the certificates of all servers beside the keys of the roles, unless they run without TLS.
pub(super) fn write_certificates(
    keys: &KeysFolder,
    protection: Protection,
) -> Result<(), ServersError> {
    if protection.has_tls() {
        keys.write_certificates(&roles(), &ServerHosts::default())?;
        return Ok(());
    }
    // What the brokers' configuration includes in any case.
    for file in ["tls.conf", "cluster-tls.conf"] {
        fs::write(keys.path().join("brokers").join(file), "")?;
    }
    Ok(())
}
