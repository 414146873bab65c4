//! HTTP/1.1 written by hand, so that a test can send what no well-behaved client would.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::test_edge::DEADLINE;
use crate::contract::{Answer, assert_documented};

/// A small order.
pub(crate) const ORDER: &str = r#"{"currency":"GBP","lines":[{"sku":"85123A","quantity":6,"unit_price":255}],"payment":{"token":"tok_visa"}}"#;
/// The same order with another quantity.
pub(crate) const OTHER_ORDER: &str = r#"{"currency":"GBP","lines":[{"sku":"85123A","quantity":7,"unit_price":255}],"payment":{"token":"tok_visa"}}"#;

/// One connection to an edge.
pub(crate) struct RawHttp<S = TcpStream>(BufReader<S>);

/// An edge's response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl RawHttp {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawHttp<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    /// Sends these bytes. If the edge has closed the connection, what it sent before can still be
    /// read.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.ok();
    }

    /// Sends these bytes; an error if the edge has closed the connection before it took them all.
    pub(crate) async fn send_all(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.0.write_all(bytes.as_ref()).await
    }

    /// The next response.
    pub(crate) async fn reply(&mut self) -> Reply {
        let reply = timeout(DEADLINE, self.read(false)).await.expect("response timed out");
        reply.expect("closed without a response")
    }

    /// The next response, which has no body.
    pub(crate) async fn head_reply(&mut self) -> Reply {
        let reply = timeout(DEADLINE, self.read(true)).await.expect("response timed out");
        reply.expect("closed without a response")
    }

    /// Waits until the edge closes the connection, and returns the response before it, if any.
    pub(crate) async fn last_reply(&mut self) -> Option<Reply> {
        let last = timeout(DEADLINE, self.read(false)).await.expect("no response and no close");
        let mut rest = Vec::new();
        let end = timeout(DEADLINE, self.0.read_to_end(&mut rest)).await.expect("not closed");
        assert!(end.is_err() || rest.is_empty(), "bytes after the response: {rest:?}");
        last
    }

    /// Waits until the edge closes the connection, whatever it sends before.
    pub(crate) async fn wait_closed(&mut self) {
        // A reset closes it as well.
        self.0.read_to_end(&mut Vec::new()).await.ok();
    }

    pub(crate) async fn post(&mut self, key: &str, order: &str) -> Reply {
        self.send(post(key, order)).await;
        self.documented_reply("POST", "/v1/orders").await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: edge\r\n\r\n")).await;
        self.documented_reply("GET", path).await
    }

    /// The next response, which must be one that the document of the API has for this request.
    async fn documented_reply(&mut self, method: &str, target: &str) -> Reply {
        let reply = self.reply().await;
        let headers = reply.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let (headers, body) = (headers.collect(), reply.body.as_str());
        assert_documented(method, target, &Answer { status: reply.status, headers, body });
        reply
    }

    /// All that the edge sends until it closes the connection.
    pub(crate) async fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        let end = timeout(DEADLINE, self.0.read_to_end(&mut rest)).await.expect("not closed");
        end.unwrap();
        String::from_utf8(rest).unwrap()
    }

    /// Sends a part of a chunked body.
    pub(crate) async fn send_chunk(&mut self, part: &str) {
        self.send(format!("{:x}\r\n{part}\r\n", part.len())).await;
    }

    /// Sends nothing any more, and still receives.
    pub(crate) async fn end_sending(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// The next part of a chunked response; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Option<String> {
        let read = async {
            let length = usize::from_str_radix(&self.line().await.unwrap(), 16).unwrap();
            let mut chunk = vec![0; length + "\r\n".len()];
            self.0.read_exact(&mut chunk).await.unwrap();
            chunk.truncate(length);
            (length > 0).then(|| String::from_utf8(chunk).unwrap())
        };
        timeout(DEADLINE, read).await.expect("response timed out")
    }

    async fn read(&mut self, without_body: bool) -> Option<Reply> {
        let status_line = self.line().await?;
        let status = status_line.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line().await?.split_once(':') {
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, headers, body: String::new() };
        if status != 100 && !without_body {
            let length = reply.header("content-length")?.parse().ok()?;
            let mut body = vec![0; length];
            self.0.read_exact(&mut body).await.ok()?;
            reply.body = String::from_utf8(body).ok()?;
        }
        Some(reply)
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.0.read_line(&mut line).await.ok()?;
        (length > 0).then(|| line.trim_end().to_owned())
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(header, _)| header == name);
        header.map(|(_, value)| value.as_str())
    }

    pub(crate) fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Asserts that this is a complete RFC 9457 problem of this type.
    #[track_caller]
    pub(crate) fn assert_problem(&self, status: u16, kind: &str) {
        assert_eq!((self.status, self.header("content-type")), (status, PROBLEM), "{self:?}");
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{kind}"));
        assert_eq!(problem["status"], status);
        assert!(["title", "detail"].iter().all(|member| problem[member].is_string()));
    }
}

const PROBLEM: Option<&str> = Some("application/problem+json");

/// A request with further headers, each with a line break.
pub(crate) fn with_headers(request: &str, headers: &str) -> String {
    request.replacen("\r\n", &format!("\r\n{headers}"), 1)
}

/// A well-formed request to place an order.
pub(crate) fn post(key: &str, order: &str) -> String {
    let length = order.len();
    format!(
        "POST /v1/orders HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\ncontent-length: {length}\r\n\r\n{order}"
    )
}
