//! What protects the servers from who is not of the cluster.

use std::path::PathBuf;

use millrace::keys::{CertifiedServer, KeysFolder, Role};

/// What protects the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protection {
    /// Connections are encrypted, and each role has its key and its permissions.
    #[default]
    Full,
    /// Each role has its key and its permissions: an earlier version knows no encryption.
    WithoutTls,
    /// Each role has its key, and every key may do everything: what protection costs is measured against it.
    None,
}

impl Protection {
    /// Whether connections are encrypted.
    pub const fn has_tls(self) -> bool {
        matches!(self, Self::Full)
    }

    /// Whether a role may do nothing but its work.
    pub(super) const fn has_permissions(self) -> bool {
        !matches!(self, Self::None)
    }

    /// The file with the authorities by which a process of `role` knows the servers.
    pub(super) fn ca_file(self, keys: &KeysFolder, role: Role) -> Option<PathBuf> {
        self.has_tls().then(|| keys.ca_file(role))
    }

    /// The file with the key and the certificate of a server.
    pub(super) fn certificate(self, keys: &KeysFolder, server: CertifiedServer) -> Option<PathBuf> {
        self.has_tls().then(|| keys.server_certificate(server))
    }
}
