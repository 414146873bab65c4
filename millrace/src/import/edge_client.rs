//! Posts batches to edges.

use std::path::Path;

use anyhow::{Context, Result, anyhow, ensure};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use super::file_lines::FileLine;
use crate::edge_connector::{EdgeAuthorities, EdgeConnector, is_untrusted};
use crate::limits::{IMPORT_ANSWER_BYTES_MAX, IMPORT_TIMEOUT};

/// The edges, of which one is used until it does not answer.
pub(super) struct EdgeClient {
    http: Client<EdgeConnector, Full<Bytes>>,
    urls: Vec<String>,
    current: usize,
    /// How many edges in turn were not trusted.
    untrusted: usize,
    /// Marked as sensitive, so that no log shows it.
    authorization: Option<HeaderValue>,
}

/// What an edge replies to a batch.
pub(super) enum Reply {
    /// Its answers, as far as they came.
    Answers(Bytes),
    /// It takes none for the moment, for this reason.
    NotNow(String),
}

/// Validates the base URL of an edge.
pub(super) fn base_url(text: &str) -> Result<String> {
    let uri: Uri = text.trim_end_matches('/').parse()?;
    let is_base = matches!(uri.path(), "" | "/") && uri.query().is_none();
    let is_http = matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some();
    ensure!(is_base && is_http, "give a URL such as https://HOST:PORT, without a path");
    // The scheme in lower case, as it is compared.
    let (scheme, rest) = text.split_once(':').context("a URL has a scheme")?;
    Ok(format!("{}:{}", scheme.to_ascii_lowercase(), rest.trim_end_matches('/')))
}

/// The header with the token in `file`.
fn authorization(file: &Path) -> Result<HeaderValue> {
    let token = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the token in {}", file.display()))?;
    let mut header = HeaderValue::try_from(format!("Bearer {}", token.trim()))
        .map_err(|_| anyhow!("there is no token in {}", file.display()))?;
    header.set_sensitive(true);
    Ok(header)
}

impl EdgeClient {
    /// `urls` has at least one entry. A token is in the file, if there is one.
    pub(super) fn new(
        urls: Vec<String>,
        authorities: &EdgeAuthorities,
        token_file: Option<&Path>,
    ) -> Result<Self> {
        let connector = authorities.connector(&urls);
        let connector = connector.context("cannot load the certificates of authorities")?;
        let http = Client::builder(TokioExecutor::new()).build(connector);
        let authorization = token_file.map(authorization).transpose()?;
        Ok(Self { http, urls, current: 0, untrusted: 0, authorization })
    }

    /// From now on the next edge is used.
    pub(super) fn use_next(&mut self) {
        self.current = (self.current + 1) % self.urls.len();
    }

    /// Posts `lines` as one batch.
    ///
    /// # Errors
    /// The edge takes no batch at all: it would refuse the next one, too. Or no edge is trusted.
    pub(super) async fn post(&mut self, lines: &[FileLine]) -> Result<Reply> {
        let body: Vec<&[u8]> = lines.iter().map(|line| &line.content[..]).collect();
        let url = &self.urls[self.current];
        let mut request = Request::post(format!("{url}/v1/orders:batch"))
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(Full::from(body.join(&b'\n')))?;
        request
            .headers_mut()
            .extend(self.authorization.iter().map(|it| (AUTHORIZATION, it.clone())));
        let mut answers = BytesMut::new();
        let exchange = async {
            let response = self.http.request(request).await?;
            let status = response.status();
            let mut body = Limited::new(response.into_body(), IMPORT_ANSWER_BYTES_MAX);
            while let Some(Ok(frame)) = body.frame().await {
                frame.data_ref().into_iter().for_each(|data| answers.extend_from_slice(data));
            }
            anyhow::Ok(status)
        };
        let status = timeout(IMPORT_TIMEOUT, exchange).await;
        let failed = |error| Ok(Reply::NotNow(format!("the edge {url}: {error:#}")));
        let is_untrusted = matches!(&status, Ok(Err(error)) if is_untrusted(error.as_ref()));
        self.untrusted = if is_untrusted { self.untrusted + 1 } else { 0 };
        match status {
            // What came until then counts.
            Err(_) if !answers.is_empty() => Ok(Reply::Answers(answers.freeze())),
            Err(elapsed) => failed(elapsed.into()),
            Ok(Err(error)) => {
                let is_any_left = self.untrusted < self.urls.len();
                ensure!(is_any_left, "the edge {url} is not trusted: {error:#}");
                failed(error)
            }
            Ok(Ok(status)) if status.is_success() => Ok(Reply::Answers(answers.freeze())),
            Ok(Ok(status)) => {
                let text = String::from_utf8_lossy(&answers);
                let is_temporary = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
                ensure!(is_temporary, "the edge {url} refuses the import: {status}: {text}");
                failed(anyhow!("{status}: {text}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_an_edge_has_a_host_and_no_path() {
        assert_eq!(base_url("http://shop:8080/").unwrap(), "http://shop:8080");
        assert_eq!(base_url("https://shop").unwrap(), "https://shop");
        assert_eq!(base_url("HTTPS://shop").unwrap(), "https://shop");
        for invalid in ["shop:8080", "ftp://shop", "http://shop/v1", "", "http://"] {
            assert!(base_url(invalid).is_err(), "{invalid}");
        }
    }
}
