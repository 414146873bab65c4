//! `millrace token`: keys that sign tokens, and tokens, for development and for a shop's backend.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use edge::{Scope, TOKEN_KEYS_MAX, TOKEN_PARTY_DEFAULT, TokenClaims, TokenSigner};
use orders::CallerName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::secret_files;

/// The file with the private key, which signs.
const SIGNING_KEY: &str = "signing.jwk";
/// The file with the public keys, which edges read: `--token-keys`.
const KEY_SET: &str = "jwks.json";
/// The mode of what everyone may read.
const PUBLIC: u32 = 0o644;
/// The longest time for which a token is issued: there is no way to withdraw it but its key.
const LIFETIME_MAX: Duration = Duration::from_hours(366 * 24);

/// Options of `millrace token`.
#[derive(Debug, Clone, Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Clone, Subcommand)]
enum TokenCommand {
    /// Make a key that signs tokens, and add it to the set that edges read (jwks.json). Tokens that the key before has
    /// signed stay valid until it is taken out of the set
    Key {
        /// Folder for signing.jwk, which is secret, and jwks.json
        folder: PathBuf,
    },
    /// Write a token to the standard output
    Issue(IssueArgs),
}

#[derive(Debug, Clone, Args)]
struct IssueArgs {
    /// Folder with signing.jwk
    folder: PathBuf,
    /// The caller whom it names (sub)
    #[arg(long, value_name = "NAME")]
    subject: CallerName,
    /// What it permits, separated by commas: orders:write, orders:read, orders:price, orders:admin, stock:read
    #[arg(
        long,
        value_name = "SCOPE,…",
        value_delimiter = ',',
        default_value = "orders:write,orders:read,stock:read",
        value_parser = scope
    )]
    scopes: Vec<Scope>,
    /// How long it is valid, such as 15m or 30d
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = lifetime)]
    expires_in: Duration,
    /// Its issuer (iss)
    #[arg(long, value_name = "TEXT", default_value = TOKEN_PARTY_DEFAULT)]
    issuer: String,
    /// Its audience (aud)
    #[arg(long, value_name = "TEXT", default_value = TOKEN_PARTY_DEFAULT)]
    audience: String,
}

fn scope(text: &str) -> Result<Scope, String> {
    text.parse().map_err(|_| {
        let known: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        format!("there is no such scope; there are {}", known.join(", "))
    })
}

fn lifetime(text: &str) -> Result<Duration, String> {
    let lifetime = streams::parse_duration(text).map_err(|err| err.to_string())?;
    if lifetime <= LIFETIME_MAX { Ok(lifetime) } else { Err("give a year at most".to_owned()) }
}

/// Runs `millrace token`.
#[expect(clippy::print_stdout, reason = "the token is for the person who ran the command")]
pub(crate) fn run(args: &TokenArgs) -> Result<()> {
    match &args.command {
        TokenCommand::Key { folder } => {
            make_key(folder)?;
            let set = folder.join(KEY_SET);
            println!("{SIGNING_KEY} signs; give edges a copy of {} alone", set.display());
        }
        TokenCommand::Issue(args) => println!("{}", issue(args)?),
    }
    Ok(())
}

/// A JWK set.
#[derive(Serialize, Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// Makes a key. The set has it before anything is signed with it.
fn make_key(folder: &Path) -> Result<()> {
    let signer = TokenSigner::new(rand::random());
    let set = folder.join(KEY_SET);
    let mut keys = read_set(&set)?;
    ensure!(
        keys.len() < TOKEN_KEYS_MAX,
        "{} has {TOKEN_KEYS_MAX} keys: take old ones out, whose tokens have expired",
        set.display()
    );
    keys.insert(0, signer.public_jwk());
    let text = serde_json::to_string_pretty(&KeySet { keys })?;
    let key = folder.join(SIGNING_KEY);
    let cannot_write = |file: &Path| format!("cannot write {}", file.display());
    secret_files::make_folder(folder, secret_files::SECRET_FOLDER)
        .and_then(|()| secret_files::write(&set, &text, PUBLIC))
        .with_context(|| cannot_write(&set))?;
    let text = format!("{:#}\n", signer.private_jwk());
    secret_files::write_secret(&key, &text).with_context(|| cannot_write(&key))
}

/// The keys in a set; none if there is no such file.
fn read_set(file: &Path) -> Result<Vec<Value>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(err).with_context(|| format!("cannot read {}", file.display())),
    };
    let set: KeySet = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a JWK set (RFC 7517)", file.display()))?;
    Ok(set.keys)
}

fn issue(args: &IssueArgs) -> Result<String> {
    let file = args.folder.join(SIGNING_KEY);
    let text = std::fs::read_to_string(&file).with_context(|| {
        format!("cannot read {}: make it with `millrace token key`", file.display())
    })?;
    let signer =
        TokenSigner::from_jwk(&text).with_context(|| format!("cannot use {}", file.display()))?;
    Ok(signer.sign(&TokenClaims {
        subject: &args.subject,
        scopes: &args.scopes,
        issuer: &args.issuer,
        audience: &args.audience,
        lifetime: args.expires_in,
    }))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_key_signs_and_the_one_before_stays_in_the_set() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("tokens");
        make_key(&folder).unwrap();
        let first = read_set(&folder.join(KEY_SET)).unwrap();
        make_key(&folder).unwrap();
        let both = read_set(&folder.join(KEY_SET)).unwrap();
        assert_eq!((first.len(), both.len(), &both[1]), (1, 2, &first[0]));
        assert!(both.iter().all(|key| key.get("d").is_none()), "{both:?}");
        let text = std::fs::read_to_string(folder.join(SIGNING_KEY)).unwrap();
        assert_eq!(TokenSigner::from_jwk(&text).unwrap().public_jwk(), both[0]);
        let mode = std::fs::metadata(folder.join(SIGNING_KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_set_that_is_not_one_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let set = folder.path().join(KEY_SET);
        for text in ["no JSON", "{}", "[]"] {
            std::fs::write(&set, text).unwrap();
            assert!(make_key(folder.path()).is_err(), "{text}");
            assert_eq!(std::fs::read_to_string(&set).unwrap(), text);
        }
    }
}
