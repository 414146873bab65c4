//! The certificates in the folder with the keys: `ca/` has the authority, the folder of each server its key and
//! certificate, and every folder `ca.crt`, by which its process knows the servers.

use std::path::PathBuf;

use super::broker_files::{self, CLIENTS_TLS, ROUTES_TLS};
use super::certified_server::{CertifiedServer, ServerHosts};
use super::folder::{PUBLIC, make_folder, read_if_any, write};
use super::{KeysError, KeysFolder, Role, certificates};
use crate::secret_files::{SECRET, SECRET_FOLDER};

impl KeysFolder {
    /// The file with the authorities by which a process of `role` knows the servers.
    pub fn ca_file(&self, role: Role) -> PathBuf {
        self.path().join(role.name()).join("ca.crt")
    }

    /// The file with the key and the certificate of a server.
    pub fn server_certificate(&self, server: CertifiedServer) -> PathBuf {
        self.path().join(server.as_str()).join("server.pem")
    }

    /// Makes a new key and certificate for each server, and an authority if there is none. A server uses them once it
    /// reads its configuration again. Returns the hosts that each certificate names besides its own machine.
    ///
    /// # Errors
    /// A file cannot be read or written, or the key of the authority is not there.
    pub fn write_certificates(
        &self,
        roles: &[Role],
        hosts: &ServerHosts,
    ) -> Result<Vec<(CertifiedServer, Vec<String>)>, KeysError> {
        let (key, authorities) = self.find_or_create_authority()?;
        // Those who verify first: a crash in between leaves no server that nothing trusts.
        for role in roles {
            write(&self.ca_file(*role), &authorities, PUBLIC)?;
        }
        let mut written = Vec::new();
        for server in CertifiedServer::ALL {
            let folder = self.path().join(server.as_str());
            make_folder(&folder, SECRET_FOLDER)?;
            let reached_at = self.given_or_kept_hosts(server, hosts.of(server))?;
            let are_peers = server == CertifiedServer::Brokers;
            let routes = if are_peers { self.route_hosts()? } else { Vec::new() };
            let names = [routes, reached_at.clone()].concat();
            let issued = certificates::issue(&key, server.as_str(), &names, are_peers)
                .map_err(|source| KeysError::Certificate { server, source })?;
            write(&folder.join("ca.crt"), &authorities, PUBLIC)?;
            write(&self.server_certificate(server), &issued, SECRET)?;
            write(&self.hosts_file(server), &lines(&reached_at), PUBLIC)?;
            written.push((server, names));
        }
        let brokers = self.path().join(CertifiedServer::Brokers.as_str());
        write(&brokers.join("tls.conf"), CLIENTS_TLS, PUBLIC)?;
        write(&brokers.join("cluster-tls.conf"), ROUTES_TLS, PUBLIC)?;
        Ok(written)
    }

    /// The secret key of the authority, and the certificates by which it is known: an operator may add another one
    /// to that file.
    fn find_or_create_authority(&self) -> Result<(String, String), KeysError> {
        let folder = self.path().join("ca");
        let (key_file, certificate_file) = (folder.join("ca.key"), folder.join("ca.crt"));
        match (read_if_any(&key_file)?, read_if_any(&certificate_file)?) {
            (Some(key), Some(certificates)) => Ok((key, certificates)),
            // Another authority would be trusted by no process that runs.
            (None, Some(_)) => Err(KeysError::NoAuthorityKey { file: key_file }),
            (_, None) => {
                let (key, certificate) = certificates::new_authority()
                    .map_err(|source| KeysError::Authority { source })?;
                make_folder(&folder, SECRET_FOLDER)?;
                write(&key_file, &key, SECRET)?;
                write(&certificate_file, &certificate, PUBLIC)?;
                Ok((key, certificate))
            }
        }
    }

    /// The hosts that were given, or else those of the time before.
    fn given_or_kept_hosts(
        &self,
        server: CertifiedServer,
        given: &[String],
    ) -> Result<Vec<String>, KeysError> {
        if !given.is_empty() {
            return Ok(given.to_vec());
        }
        let kept = read_if_any(&self.hosts_file(server))?.unwrap_or_default();
        Ok(kept.lines().map(str::to_owned).collect())
    }

    fn hosts_file(&self, server: CertifiedServer) -> PathBuf {
        self.path().join(server.as_str()).join("hosts")
    }

    /// The hosts at which brokers know each other.
    fn route_hosts(&self) -> Result<Vec<String>, KeysError> {
        let text = read_if_any(&self.path().join("brokers/cluster.conf"))?.unwrap_or_default();
        Ok(broker_files::route_hosts(&text))
    }
}

fn lines(hosts: &[String]) -> String {
    hosts.iter().map(|host| host.clone() + "\n").collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    const ROLES: [Role; 2] = [Role::Edge, Role::Viewer];

    fn text(file: &Path) -> String {
        fs::read_to_string(file).unwrap()
    }

    fn keys() -> (tempfile::TempDir, KeysFolder) {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeysFolder::at(folder.path());
        keys.create(&ROLES).unwrap();
        (folder, keys)
    }

    #[test]
    fn certificates_are_new_each_time_and_their_authority_is_not() {
        let (_folder, keys) = keys();
        keys.write_certificates(&ROLES, &ServerHosts::default()).unwrap();
        let server = keys.server_certificate(CertifiedServer::Redis);
        let (before, authority) = (text(&server), text(&keys.ca_file(Role::Edge)));
        keys.write_certificates(&ROLES, &ServerHosts::default()).unwrap();
        assert_ne!(text(&server), before);
        assert_eq!(text(&keys.ca_file(Role::Viewer)), authority);
    }

    #[test]
    fn hosts_that_were_given_once_are_kept() {
        let (_folder, keys) = keys();
        let hosts = ServerHosts { brokers: vec!["broker-1".to_owned()], ..ServerHosts::default() };
        keys.write_certificates(&ROLES, &hosts).unwrap();
        keys.write_certificates(&ROLES, &ServerHosts::default()).unwrap();
        keys.write_cluster(&["b:6222".to_owned(), "[::2]:6222".to_owned()]).unwrap();
        let written = keys.write_certificates(&ROLES, &ServerHosts::default()).unwrap();
        let names = ["b", "::2", "broker-1"].map(str::to_owned).to_vec();
        assert_eq!(written[0], (CertifiedServer::Brokers, names));
    }

    #[test]
    fn secret_keys_are_private_and_are_not_where_a_role_reads() {
        let (_folder, keys) = keys();
        keys.write_certificates(&ROLES, &ServerHosts::default()).unwrap();
        let servers = CertifiedServer::ALL.map(|server| keys.server_certificate(server));
        for file in servers.into_iter().chain([keys.path().join("ca/ca.key")]) {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            assert!(text(&file).contains("PRIVATE KEY"));
        }
        assert!(!text(&keys.ca_file(Role::Edge)).contains("PRIVATE KEY"));
    }

    #[test]
    fn without_the_key_of_the_authority_nothing_is_changed() {
        let (_folder, keys) = keys();
        keys.write_certificates(&ROLES, &ServerHosts::default()).unwrap();
        let server = keys.server_certificate(CertifiedServer::Redis);
        let before = (text(&server), text(&keys.ca_file(Role::Edge)));
        fs::remove_file(keys.path().join("ca/ca.key")).unwrap();
        let error = keys.write_certificates(&ROLES, &ServerHosts::default()).unwrap_err();
        assert!(matches!(error, KeysError::NoAuthorityKey { .. }), "{error}");
        assert_eq!((text(&server), text(&keys.ca_file(Role::Edge))), before);
    }
}
