//! How the callers of an edge are authenticated.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use hyper::Uri;

use super::key_set::Expected;
use super::key_source::{KeySource, KeySourceError};

/// The issuer and the audience of tokens, unless they are configured.
pub const TOKEN_PARTY_DEFAULT: &str = "millrace";

/// Where the keys are with which tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IdentityMode {
    /// At a URL that the issuer publishes
    Jwks,
    /// In a file
    Keys,
    /// Nowhere: callers are not authenticated, and everyone may do everything
    None,
}

/// How callers are authenticated.
#[derive(Debug, Clone, Args)]
pub struct IdentityConfig {
    /// How callers are authenticated: by tokens that are signed with keys at a URL (jwks) or in a file (keys), or not
    /// at all (none): then everyone who reaches the edge may do everything
    #[arg(long, env = "MILLRACE_IDENTITY", value_name = "MODE")]
    pub identity: IdentityMode,
    /// URL of the issuer's JWK set, such as `https://id.shop.example/.well-known/jwks.json`
    #[arg(
        long,
        env = "MILLRACE_JWKS_URL",
        value_name = "URL",
        required_if_eq("identity", "jwks"),
        value_parser = jwks_url
    )]
    pub jwks_url: Option<Uri>,
    /// File with a JWK set, as `millrace token key` writes it
    #[arg(
        long,
        env = "MILLRACE_TOKEN_KEYS",
        value_name = "FILE",
        required_if_eq("identity", "keys")
    )]
    pub token_keys: Option<PathBuf>,
    /// The issuer that tokens must have (`iss`)
    #[arg(
        long,
        env = "MILLRACE_TOKEN_ISSUER",
        value_name = "TEXT",
        default_value = TOKEN_PARTY_DEFAULT
    )]
    pub token_issuer: String,
    /// The audience that tokens must have (`aud`)
    #[arg(
        long,
        env = "MILLRACE_TOKEN_AUDIENCE",
        value_name = "TEXT",
        default_value = TOKEN_PARTY_DEFAULT
    )]
    pub token_audience: String,
}

impl IdentityConfig {
    /// Callers are not authenticated.
    pub fn none() -> Self {
        Self {
            identity: IdentityMode::None,
            jwks_url: None,
            token_keys: None,
            token_issuer: TOKEN_PARTY_DEFAULT.to_owned(),
            token_audience: TOKEN_PARTY_DEFAULT.to_owned(),
        }
    }

    /// Tokens that are signed with the keys in a file, and otherwise have the defaults.
    pub fn keys(file: PathBuf) -> Self {
        Self { identity: IdentityMode::Keys, token_keys: Some(file), ..Self::none() }
    }

    /// Tokens that are signed with the keys at a URL, and otherwise have the defaults.
    pub fn jwks(url: Uri) -> Self {
        Self { identity: IdentityMode::Jwks, jwks_url: Some(url), ..Self::none() }
    }

    /// Where the keys are; `None` if callers are not authenticated.
    pub(super) fn source(&self) -> Result<Option<KeySource>, KeySourceError> {
        match (self.identity, &self.jwks_url, &self.token_keys) {
            (IdentityMode::Jwks, Some(url), _) => KeySource::of_url(url.clone()).map(Some),
            (IdentityMode::Keys, _, Some(file)) => Ok(Some(KeySource::File(file.clone()))),
            (IdentityMode::None, _, _) => Ok(None),
            (IdentityMode::Jwks | IdentityMode::Keys, _, _) => Err(KeySourceError::Unconfigured),
        }
    }

    pub(super) fn expected(&self) -> Expected {
        Expected { issuer: self.token_issuer.clone(), audience: self.token_audience.clone() }
    }
}

/// Validates a URL. By http, who is between edge and issuer can sign tokens: that is for a private network.
fn jwks_url(text: &str) -> Result<Uri, String> {
    let is_http =
        |url: &Uri| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
    let url = text.parse::<Uri>().ok().filter(is_http);
    url.ok_or_else(|| "give an http(s):// URL".to_owned())
}
