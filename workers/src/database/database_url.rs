//! The URL of the database, in the words of libpq.

use std::path::PathBuf;

use form_urlencoded::Serializer;
use thiserror::Error;

use super::tls::VerifiedTls;

/// Validates a PostgreSQL URL, so that an error is reported before anything starts.
pub fn url(text: &str) -> Result<String, InvalidDatabaseUrl> {
    let (rest, _) = split(text)?;
    let config: tokio_postgres::Config = rest.parse().map_err(|_| InvalidDatabaseUrl::Form)?;
    let names_a_host = !config.get_hosts().is_empty() || !config.get_hostaddrs().is_empty();
    if names_a_host { Ok(text.to_owned()) } else { Err(InvalidDatabaseUrl::Form) }
}

/// Not the URL of a database. What is wrong is not quoted: there may be a password in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InvalidDatabaseUrl {
    /// It is not a URL, or has no host.
    #[error("give a URL such as postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Form,
    /// It asks for encryption without verifying the server.
    #[error("sslmode is verify-full, with the file of the authorities in sslrootcert, or disable")]
    Tls,
}

/// Splits a URL into what the client library understands, and the file with the authorities by which the server is
/// verified: `sslmode=verify-full&sslrootcert=FILE`. Without them a session is not encrypted.
pub(super) fn split(url: &str) -> Result<(String, Option<VerifiedTls>), InvalidDatabaseUrl> {
    let Some((address, query)) = url.split_once('?').filter(|_| url.contains("://")) else {
        return Ok((url.to_owned(), None));
    };
    let (mut mode, mut ca_file, mut rest) = (None, None, Serializer::new(String::new()));
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "sslmode" => mode = Some(value.into_owned()),
            "sslrootcert" => ca_file = Some(PathBuf::from(&*value)),
            _ => _ = rest.append_pair(&name, &value),
        }
    }
    let tls = match (mode.as_deref(), ca_file) {
        (Some("verify-full"), Some(ca_file)) => Some(VerifiedTls { ca_file }),
        (None | Some("disable"), None) => None,
        // A mode that verifies less would look protected and not be.
        _ => return Err(InvalidDatabaseUrl::Tls),
    };
    if tls.is_some() {
        rest.append_pair("sslmode", "require");
    }
    let rest = rest.finish();
    let url = if rest.is_empty() { address.to_owned() } else { format!("{address}?{rest}") };
    Ok((url, tls))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_the_host_of_a_database() {
        for text in
            ["postgres://u:p@h/d", "postgresql://h:1/d", "host=/run/postgres", "hostaddr=127.0.0.1"]
        {
            assert_eq!(url(text).as_deref(), Ok(text));
        }
        for text in ["", "postgres://", "mysql://u:p@h/d", "h:5432"] {
            assert_eq!(url(text), Err(InvalidDatabaseUrl::Form), "{text}");
        }
    }

    #[test]
    fn a_url_that_verifies_the_server_names_the_file_of_the_authorities() {
        let url =
            "postgres://u:p@h:1/d?sslmode=verify-full&sslrootcert=/k/ca.crt&application_name=a";
        let (rest, tls) = split(url).unwrap();
        assert_eq!(rest, "postgres://u:p@h:1/d?application_name=a&sslmode=require");
        assert_eq!(tls, Some(VerifiedTls { ca_file: PathBuf::from("/k/ca.crt") }));
        rest.parse::<tokio_postgres::Config>().unwrap();
    }

    #[test]
    fn a_url_without_tls_is_as_it_was() {
        for url in ["postgres://h/d", "host=/run/postgres", "postgres://h/d?connect_timeout=5"] {
            assert_eq!(split(url).unwrap(), (url.to_owned(), None));
        }
        assert_eq!(
            split("postgres://h/d?sslmode=disable").unwrap(),
            ("postgres://h/d".to_owned(), None)
        );
    }

    #[test]
    fn a_mode_that_does_not_verify_the_server_is_refused() {
        for tls in [
            "sslmode=require",
            "sslmode=verify-full",
            "sslmode=verify-ca&sslrootcert=f",
            "sslrootcert=f",
        ] {
            assert_eq!(
                split(&format!("postgres://h/d?{tls}")),
                Err(InvalidDatabaseUrl::Tls),
                "{tls}"
            );
        }
    }
}
