//! The web origins whose pages may use the API.

use std::collections::HashSet;
use std::str::FromStr;

use hyper::Uri;
use thiserror::Error;

/// Origins, as browsers write them in the header `Origin`.
#[derive(Debug, Clone)]
pub struct CorsOrigins(HashSet<Box<[u8]>>);

/// A text is not an origin as a browser writes it, so that none would ever match.
#[derive(Debug, PartialEq, Eq, Error)]
#[error(
    "`{0}`: give each origin as browsers send it, such as https://shop.example or http://localhost:3000: \
     in lower case, without a path, a slash at the end or the scheme's own port, and without `*`"
)]
pub struct InvalidOrigin(String);

impl CorsOrigins {
    /// Whether a page of `origin`, the value of that header, may use the API.
    pub(crate) fn contains(&self, origin: &[u8]) -> bool {
        self.0.contains(origin)
    }
}

impl FromStr for CorsOrigins {
    type Err = InvalidOrigin;

    /// Parses a comma-separated list of origins.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let origin = |text: &str| {
            let text = text.trim();
            if is_origin(text) {
                Ok(text.as_bytes().into())
            } else {
                Err(InvalidOrigin(text.into()))
            }
        };
        text.split(',').map(origin).collect::<Result<_, _>>().map(Self)
    }
}

/// Whether `text` is the ASCII serialisation of an origin. `null` is none: every sandboxed page has it.
fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else { return false };
    let port = uri.port_u16();
    let has_own_port = matches!((scheme, port), ("http", Some(80)) | ("https", Some(443)));
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[]:".contains(&byte);
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    !host.is_empty()
        && host.bytes().all(is_host)
        && !has_own_port
        && text == format!("{scheme}://{host}{port}").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_match_exactly() {
        let origins: CorsOrigins = "https://shop.example, http://localhost:3000".parse().unwrap();
        assert!(origins.contains(b"https://shop.example"));
        assert!(origins.contains(b"http://localhost:3000"));
        for other in [
            "http://shop.example",
            "https://shop.example:8443",
            "https://shop.example.evil.example",
            "https://evil-shop.example",
            "https://a.shop.example",
            "https://shop.example/",
            "null",
            "",
        ] {
            assert!(!origins.contains(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_no_browser_sends_is_no_origin() {
        for good in [
            "https://a.b",
            "http://[::1]:3000",
            "capacitor://localhost",
            "https://xn--e1afmkfd.example",
        ] {
            assert!(good.parse::<CorsOrigins>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "shop.example",
            "//shop.example",
            "https://",
            "https://shop.example/",
            "https://shop.example/checkout",
            "https://shop.example?a",
            "https://Shop.example",
            "HTTPS://shop.example",
            "https://shop.example:443",
            "http://shop.example:80",
            "https://shop.example:",
            "https://shop.example:0443",
            "https://user@shop.example",
            "https://*.shop.example",
            "https://пример.example",
            "https://a.example,,https://b.example",
        ] {
            assert!(bad.parse::<CorsOrigins>().is_err(), "{bad}");
        }
    }
}
