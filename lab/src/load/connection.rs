//! One client's connection. A request is one write, a response usually one read.

use std::io::{self, ErrorKind};

use orders::{BodyDigest, OrderId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest response that is expected; a larger one fails the connection.
const RESPONSE_BYTES_MAX: usize = 16 * 1024;
/// More headers than any of the measured servers sends.
const HEADERS_MAX: usize = 32;
/// The start of the body of a 202.
const ID_PREFIX: &[u8] = br#"{"order_id":""#;
const ID_DIGITS: usize = 32;
/// The end of the body of a 202, from the digest on.
const DIGEST_PREFIX: &[u8] = br#""body_digest":""#;
const DIGEST_DIGITS: usize = 32;
const DIGEST_SUFFIX: &[u8] = br#""}"#;

/// An open connection.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The parts of a response that the generator evaluates.
pub(super) struct Response {
    pub(super) status: u16,
    /// The order id, if the response has one.
    pub(super) id: Option<OrderId>,
    /// The digest of the body, if the response has one.
    pub(super) digest: Option<BodyDigest>,
}

/// The status line and the headers of a response.
struct Head {
    status: u16,
    /// The length of the head, in bytes.
    length: usize,
    /// The length of the body that follows, in bytes.
    body_length: usize,
}

impl Connection {
    pub(super) async fn open(target: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; RESPONSE_BYTES_MAX] })
    }

    /// Sends `request` and waits for the response.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> io::Result<Response> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            let Some(head) = parse_head(&self.buffer[..filled])? else { continue };
            let Head { status, length, body_length } = head;
            if filled >= length + body_length {
                let body = &self.buffer[length..length + body_length];
                return Ok(Response { status, id: parse_id(body), digest: parse_digest(body) });
            }
        }
    }
}

/// The head in `bytes`; `None` while it is incomplete.
fn parse_head(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed =
        response.parse(bytes).map_err(|err| io::Error::new(ErrorKind::InvalidData, err))?;
    let httparse::Status::Complete(length) = parsed else { return Ok(None) };
    let mut headers = response.headers.iter();
    let body_length = headers.find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body_length =
        body_length.and_then(|header| str::from_utf8(header.value).ok()?.parse().ok());
    match (response.code, body_length) {
        (Some(status), Some(body_length)) => Ok(Some(Head { status, length, body_length })),
        // All measured servers send a Content-Length.
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

fn parse_id(body: &[u8]) -> Option<OrderId> {
    let digits = body.strip_prefix(ID_PREFIX)?.get(..ID_DIGITS)?;
    str::from_utf8(digits).ok()?.parse().ok()
}

fn parse_digest(body: &[u8]) -> Option<BodyDigest> {
    let body = body.strip_suffix(DIGEST_SUFFIX)?;
    let (head, digits) = body.split_at_checked(body.len().checked_sub(DIGEST_DIGITS)?)?;
    head.ends_with(DIGEST_PREFIX).then_some(())?;
    str::from_utf8(digits).ok()?.to_owned().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_parsed_only_once_it_is_complete() {
        let complete = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\n";
        for length in 0..complete.len() {
            assert!(parse_head(&complete[..length]).unwrap().is_none(), "{length}");
        }
        let head = parse_head(complete).unwrap().unwrap();
        assert_eq!((head.status, head.length, head.body_length), (202, complete.len(), 5));
        assert!(parse_head(b"HTTP/1.1 202 Accepted\r\n\r\n").is_err());
    }

    #[test]
    fn the_order_id_is_parsed_without_its_mac() {
        let body = format!(r#"{{"order_id":"{}","status":"accepted"}}"#, "ab".repeat(24));
        assert_eq!(parse_id(body.as_bytes()), Some(OrderId::from_bytes([0xab; 16])));
        assert_eq!(parse_id(b"{}"), None);
    }

    #[test]
    fn the_digest_is_parsed_at_the_end_of_the_body() {
        let digest = "cd".repeat(16);
        let body = format!(r#"{{"order_id":"{}","body_digest":"{digest}"}}"#, "ab".repeat(24));
        assert_eq!(parse_digest(body.as_bytes()), Some(BodyDigest::from_bytes([0xcd; 16])));
        assert_eq!(parse_digest(br#"{"order_id":"ab"}"#), None);
    }
}
