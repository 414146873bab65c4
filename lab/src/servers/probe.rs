//! Asking a starting server whether it is ready, in its own language.

use std::io;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_postgres::NoTls;

/// How long one answer may take; a server that needs longer is asked again.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Bytes of an answer that are read: a status line and a little more.
const ANSWER_MAX: u64 = 256;

/// A question that only a ready server answers as expected.
#[derive(Clone, Debug)]
pub(crate) enum Probe {
    /// Redis answers a ping on this port.
    Redis(u16),
    /// A broker's monitoring port answers 200 for this path.
    Broker { port: u16, path: &'static str },
    /// PostgreSQL lets us in under this URL.
    Postgres(String),
}

impl Probe {
    /// Asks once.
    pub(crate) async fn answers(&self) -> bool {
        let answer = async {
            match self {
                Self::Redis(port) => exchange(*port, "PING\r\n", "+PONG").await,
                Self::Broker { port, path } => {
                    let request = format!("GET {path} HTTP/1.0\r\n\r\n");
                    exchange(*port, &request, "HTTP/1.0 200").await
                }
                Self::Postgres(url) => tokio_postgres::connect(url, NoTls).await.is_ok(),
            }
        };
        timeout(ANSWER_WITHIN, answer).await.unwrap_or(false)
    }
}

/// Sends `question` to a port of this machine; whether the answer begins as expected.
async fn exchange(port: u16, question: &str, expected: &str) -> bool {
    let answer = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(question.as_bytes()).await?;
        let mut answer = vec![0; expected.len()];
        stream.take(ANSWER_MAX).read_exact(&mut answer).await?;
        Ok::<_, io::Error>(answer)
    };
    answer.await.is_ok_and(|answer| answer == expected.as_bytes())
}
