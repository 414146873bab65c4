//! HTTP by hand, so that a test can be as bad a client as it likes.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::test_edge::DEADLINE;

/// A small order.
pub(crate) const ORDER: &str =
    r#"{"currency":"GBP","lines":[{"sku":"85123A","quantity":6,"unit_price":255}]}"#;
/// Another one.
pub(crate) const OTHER_ORDER: &str =
    r#"{"currency":"GBP","lines":[{"sku":"85123A","quantity":7,"unit_price":255}]}"#;

/// One connection to an edge.
pub(crate) struct Talk(BufReader<TcpStream>);

/// What an edge answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Talk {
    pub(crate) async fn start(address: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(address).await.unwrap()))
    }

    /// Sends these bytes. The edge may have gone meanwhile; what it said before can be read still.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.ok();
    }

    /// The next answer.
    pub(crate) async fn reply(&mut self) -> Reply {
        timeout(DEADLINE, self.read(false)).await.expect("no answer").expect("closed unanswered")
    }

    /// The next answer, which has no body.
    pub(crate) async fn head_reply(&mut self) -> Reply {
        timeout(DEADLINE, self.read(true)).await.expect("no answer").expect("closed unanswered")
    }

    /// Waits until the edge closes, and gives the answer that came before, if one did.
    pub(crate) async fn last_reply(&mut self) -> Option<Reply> {
        let last = timeout(DEADLINE, self.read(false)).await.expect("neither answered nor closed");
        let mut rest = Vec::new();
        let end = timeout(DEADLINE, self.0.read_to_end(&mut rest)).await.expect("not closed");
        assert!(end.is_err() || rest.is_empty(), "more was said: {rest:?}");
        last
    }

    /// Waits until the edge closes, whatever it says before.
    pub(crate) async fn ended(&mut self) {
        // A reset is an end as well.
        self.0.read_to_end(&mut Vec::new()).await.ok();
    }

    pub(crate) async fn post(&mut self, key: &str, order: &str) -> Reply {
        self.send(post(key, order)).await;
        self.reply().await
    }

    pub(crate) async fn get(&mut self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: edge\r\n\r\n")).await;
        self.reply().await
    }

    async fn read(&mut self, without_body: bool) -> Option<Reply> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1)?.parse().ok()?;
        let mut head = Vec::new();
        while let Some((name, value)) = self.line().await?.split_once(':') {
            head.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply { status, head, body: String::new() };
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
        let read = self.0.read_line(&mut line).await.ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(its_name, _)| its_name == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Asserts that this is a whole problem of this kind.
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

/// An order as any client would place it.
pub(crate) fn post(key: &str, order: &str) -> String {
    let length = order.len();
    format!(
        "POST /v1/orders HTTP/1.1\r\nhost: edge\r\ncontent-type: application/json\r\n\
         idempotency-key: {key}\r\ncontent-length: {length}\r\n\r\n{order}"
    )
}
