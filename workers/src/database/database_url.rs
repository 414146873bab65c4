//! The URL of the database, in the words of libpq.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
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
    #[error(
        "give a URL with ?sslmode=verify-full&sslrootcert=FILE, the authorities of the server, or with sslmode=disable"
    )]
    Tls,
}

/// Splits a URL into what the client library understands, and the file with the authorities by which the server is
/// verified: `sslmode=verify-full&sslrootcert=FILE`. Without them a session is not encrypted.
pub(super) fn split(url: &str) -> Result<(String, Option<VerifiedTls>), InvalidDatabaseUrl> {
    if !url.contains("://") {
        // Words such as `host=/run/postgresql user=millrace`: for a socket of this machine.
        let asks_for_tls = |word: &str| word.starts_with("ssl") && word != "sslmode=disable";
        let is_refused = url.split_whitespace().any(asks_for_tls);
        return if is_refused { Err(InvalidDatabaseUrl::Tls) } else { Ok((url.to_owned(), None)) };
    }
    // A password may contain a question mark.
    let after_user = url.rfind('@').unwrap_or_default();
    let Some(query_at) = url[after_user..].find('?').map(|at| after_user + at) else {
        return Ok((url.to_owned(), None));
    };
    let (mut mode, mut ca_file, mut rest) = (None, None, Vec::new());
    for pair in url[query_at + 1..].split('&') {
        let value_of = |name| pair.strip_prefix(name)?.strip_prefix('=').map(decode);
        if let Some(value) = value_of("sslmode") {
            mode = Some(value);
        } else if let Some(file) = value_of("sslrootcert") {
            ca_file = Some(PathBuf::from(file));
        } else {
            rest.push(pair);
        }
    }
    let tls = match (mode.as_deref(), ca_file) {
        (Some("verify-full"), Some(ca_file)) => Some(VerifiedTls { ca_file }),
        (None | Some("disable"), None) => None,
        // A mode that verifies less would look protected and not be.
        _ => return Err(InvalidDatabaseUrl::Tls),
    };
    rest.push(if tls.is_some() { "sslmode=require" } else { "sslmode=disable" });
    Ok((format!("{}?{}", &url[..query_at], rest.join("&")), tls))
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
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
        let options = "sslmode=verify-full&sslrootcert=%2Fk/a+b.crt&application_name=a%20b";
        let (rest, tls) = split(&format!("postgres://u:p?@h:1/d?{options}")).unwrap();
        assert_eq!(rest, "postgres://u:p?@h:1/d?application_name=a%20b&sslmode=require");
        assert_eq!(tls, Some(VerifiedTls { ca_file: PathBuf::from("/k/a+b.crt") }));
        rest.parse::<tokio_postgres::Config>().unwrap();
    }

    #[test]
    fn a_url_without_tls_is_as_it_was() {
        for url in ["postgres://h/d", "host=/run/postgres", "host=h sslmode=disable"] {
            assert_eq!(split(url).unwrap(), (url.to_owned(), None));
        }
        assert_eq!(
            split("postgres://h/d?sslmode=disable").unwrap(),
            ("postgres://h/d?sslmode=disable".to_owned(), None)
        );
    }

    #[test]
    fn a_mode_that_does_not_verify_the_server_is_refused() {
        for words in ["host=h sslmode=prefer", "host=h sslmode=verify-full sslrootcert=f"] {
            assert_eq!(split(words), Err(InvalidDatabaseUrl::Tls), "{words}");
        }
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
