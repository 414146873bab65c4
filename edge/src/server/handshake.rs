//! The TLS handshake of a connection, before its first request.

use std::future::poll_fn;
use std::io;
use std::mem::replace;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::server::Acceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::limits::{
    DISCARD_TIMEOUT, DISCARDED_BYTES_MAX, DRAIN_HANDSHAKE_LINGER, TLS_HANDSHAKE_TIMEOUT,
    TLS_SIGNATURES_PER_TURN, TLS_WRITE_BYTES,
};

/// The first byte of TLS: that of a record with a part of a handshake (RFC 8446, section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// What a client gets that speaks HTTP in clear text: else it would see the bytes of an alert.
const CLEAR_TEXT_REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
    content-length: 23\r\nconnection: close\r\n\r\nThis port takes HTTPS.\n";

/// The handshakes of a shard.
pub(super) struct Handshakes {
    config: Arc<ServerConfig>,
    turns: Semaphore,
}

impl Handshakes {
    pub(super) fn new(config: Arc<ServerConfig>) -> Self {
        Self { config, turns: Semaphore::new(TLS_SIGNATURES_PER_TURN) }
    }

    /// The client's connection, encrypted. `None` if it shakes no hands in time, or `stop` is cancelled before.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        stop: &CancellationToken,
    ) -> Option<TlsStream<TcpStream>> {
        let asked_to_end = async {
            stop.cancelled().await;
            sleep(DRAIN_HANDSHAKE_LINGER).await;
        };
        let shaken = tokio::select! {
            biased;
            shaken = timeout(TLS_HANDSHAKE_TIMEOUT, self.shake_hands(stream)) => shaken,
            () = asked_to_end => return None,
        };
        let shaken = shaken.unwrap_or_else(|elapsed| Err(elapsed.into()));
        // At debug level only: anyone may connect.
        shaken.inspect_err(|err| tracing::debug!(%err, "no TLS handshake")).ok()
    }

    async fn shake_hands(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        if stream.peek(&mut first).await? > 0 && first != [HANDSHAKE_RECORD] {
            refuse_clear_text(stream).await?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "clear text"));
        }
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let turn = self.turns.acquire().await;
        // This signs, or else what the client sends next has it signed.
        let rest = start.into_stream_with(self.config.clone(), |session| {
            session.set_buffer_limit(Some(TLS_WRITE_BYTES));
        });
        yield_now().await;
        drop(turn);
        self.in_turns(rest).await
    }

    /// Polls `rest` in turns only.
    async fn in_turns<T>(&self, rest: impl Future<Output = T>) -> T {
        let mut rest = pin!(rest);
        loop {
            let turn = self.turns.acquire().await;
            yield_now().await;
            let polled = poll_fn(|context| Poll::Ready(rest.as_mut().poll(context))).await;
            drop(turn);
            match polled {
                Poll::Ready(output) => return output,
                Poll::Pending => woken().await,
            }
        }
    }
}

/// Until what was polled last may go on.
async fn woken() {
    let mut is_woken = false;
    poll_fn(|_| if replace(&mut is_woken, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Answers, and reads what the client sends: one whose connection ends while it sends may not see the answer.
async fn refuse_clear_text(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(CLEAR_TEXT_REFUSED).await?;
    stream.shutdown().await?;
    let mut rest = stream.take(DISCARDED_BYTES_MAX as u64);
    timeout(DISCARD_TIMEOUT, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await??;
    Ok(())
}
