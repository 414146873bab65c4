//! The certificates in the folder with the keys: `ca/` has the authority, the folder of each server its key and
//! certificate, and every folder `ca.crt`, by which its process knows the servers.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::broker_files::{CLIENTS_TLS, ROUTES_TLS};
use super::folder::{PUBLIC, file_error, make_folder, write};
use super::{KeysError, KeysFolder, Role, certificates};
use crate::secret_files::{SECRET, SECRET_FOLDER};

/// A server with a certificate of its own; its name is that of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertifiedServer {
    /// The brokers, which have one for all of them.
    Brokers,
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
}

/// Names and addresses at which others reach the servers, besides those of their own machine. For a server without any,
/// those of its certificate before stay.
#[derive(Debug, Clone, Default)]
pub struct ServerHosts {
    /// Of all brokers.
    pub brokers: Vec<String>,
    /// Of PostgreSQL.
    pub postgres: Vec<String>,
    /// Of Redis.
    pub redis: Vec<String>,
}

impl CertifiedServer {
    const ALL: [Self; 3] = [Self::Brokers, Self::Postgres, Self::Redis];

    const fn folder(self) -> &'static str {
        match self {
            Self::Brokers => "brokers",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }
}

impl ServerHosts {
    fn of(&self, server: CertifiedServer) -> &[String] {
        match server {
            CertifiedServer::Brokers => &self.brokers,
            CertifiedServer::Postgres => &self.postgres,
            CertifiedServer::Redis => &self.redis,
        }
    }
}

impl KeysFolder {
    /// The file with the authorities by which a process of `role` knows the servers.
    pub fn ca_file(&self, role: Role) -> PathBuf {
        self.path().join(role.name()).join("ca.crt")
    }

    /// The file with the key and the certificate of a server.
    pub fn server_certificate(&self, server: CertifiedServer) -> PathBuf {
        self.path().join(server.folder()).join("server.pem")
    }

    /// Makes a new key and certificate for each server, and an authority if there is none. A server uses them once it
    /// reads its configuration again.
    ///
    /// # Errors
    /// A file cannot be read or written, or a host is not the name of one.
    pub fn write_certificates(&self, roles: &[Role], hosts: &ServerHosts) -> Result<(), KeysError> {
        let (key, authorities) = self.find_or_create_authority()?;
        for server in CertifiedServer::ALL {
            let name = server.folder();
            make_folder(&self.path().join(name), SECRET_FOLDER)?;
            let hosts = self.find_or_keep_hosts(server, hosts.of(server))?;
            let issued = certificates::issue(&key, name, hosts)
                .map_err(|source| KeysError::Certificate { server: name, source })?;
            write(&self.server_certificate(server), &issued, SECRET)?;
            write(&self.path().join(name).join("ca.crt"), &authorities, PUBLIC)?;
        }
        for role in roles {
            write(&self.ca_file(*role), &authorities, PUBLIC)?;
        }
        let brokers = self.path().join(CertifiedServer::Brokers.folder());
        write(&brokers.join("tls.conf"), CLIENTS_TLS, PUBLIC)?;
        write(&brokers.join("cluster-tls.conf"), ROUTES_TLS, PUBLIC)
    }

    /// The secret key of the authority, and the certificates by which it is known: an operator may add another one
    /// to that file.
    fn find_or_create_authority(&self) -> Result<(String, String), KeysError> {
        let folder = self.path().join("ca");
        let (key_file, certificate_file) = (folder.join("ca.key"), folder.join("ca.crt"));
        let read = |file: &PathBuf| fs::read_to_string(file).map_err(|err| file_error(file, err));
        if key_file.exists() {
            return Ok((read(&key_file)?, read(&certificate_file)?));
        }
        let (key, certificate) = certificates::new_authority()
            .map_err(|source| KeysError::Certificate { server: "ca", source })?;
        make_folder(&folder, SECRET_FOLDER)?;
        // The key last: where it is, the certificate is.
        write(&certificate_file, &certificate, PUBLIC)?;
        write(&key_file, &key, SECRET)?;
        Ok((key, certificate))
    }

    /// The hosts that were given, which are kept for the next time, or those that were kept.
    fn find_or_keep_hosts(
        &self,
        server: CertifiedServer,
        given: &[String],
    ) -> Result<Vec<String>, KeysError> {
        let file = self.path().join(server.folder()).join("hosts");
        if !given.is_empty() {
            write(&file, &(given.join("\n") + "\n"), PUBLIC)?;
            return Ok(given.to_vec());
        }
        match fs::read_to_string(&file) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(err) if err.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(file_error(&file, source)),
        }
    }
}

#[cfg(test)]
mod tests {
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
        let kept = keys.find_or_keep_hosts(CertifiedServer::Brokers, &[]).unwrap();
        assert_eq!(kept, ["broker-1"]);
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
    fn a_host_that_is_no_name_is_an_error() {
        let (_folder, keys) = keys();
        let hosts = ServerHosts { redis: vec!["réd is".to_owned()], ..ServerHosts::default() };
        let error = keys.write_certificates(&ROLES, &hosts).unwrap_err();
        assert!(matches!(error, KeysError::Certificate { server: "redis", .. }), "{error}");
    }
}
