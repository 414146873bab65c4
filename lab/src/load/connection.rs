//! One client's connection: a request is one write, an answer usually one read.

use std::io::{self, ErrorKind};

use orders::OrderId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Room for the largest answer that is expected; one that does not fit breaks the connection.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// More headers than any of our servers sends.
const HEADERS_MAX: usize = 32;
/// How the body of a 202 begins.
const ID_AFTER: &[u8] = br#"{"order_id":""#;
const ID_DIGITS: usize = 32;

/// An open connection.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The order's id, where the answer has one.
    pub(super) id: Option<OrderId>,
}

/// An answer's head: its length, and the length of what follows.
struct Head {
    status: u16,
    length: usize,
    body_length: usize,
}

impl Connection {
    pub(super) async fn open(target: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(target).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; ANSWER_BYTES_MAX] })
    }

    /// Sends `request` and waits for the answer.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            filled += read;
            let Some(head) = parse(&self.buffer[..filled])? else { continue };
            let Head { status, length, body_length } = head;
            if filled >= length + body_length {
                let id = id(&self.buffer[length..length + body_length]);
                return Ok(Answer { status, id });
            }
        }
    }
}

/// The head in `bytes`, once it is all there.
fn parse(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed =
        response.parse(bytes).map_err(|err| io::Error::new(ErrorKind::InvalidData, err))?;
    let httparse::Status::Complete(length) = parsed else { return Ok(None) };
    let mut its = response.headers.iter();
    let body_length = its.find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let body_length =
        body_length.and_then(|header| str::from_utf8(header.value).ok()?.parse().ok());
    match (response.code, body_length) {
        (Some(status), Some(body_length)) => Ok(Some(Head { status, length, body_length })),
        // Our servers all say how long their answers are.
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

fn id(body: &[u8]) -> Option<OrderId> {
    let digits = body.strip_prefix(ID_AFTER)?.get(..ID_DIGITS)?;
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_its_head_is_whole() {
        let whole = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\n";
        for cut in 0..whole.len() {
            assert!(parse(&whole[..cut]).unwrap().is_none(), "{cut}");
        }
        let head = parse(whole).unwrap().unwrap();
        assert_eq!((head.status, head.length, head.body_length), (202, whole.len(), 5));
        assert!(parse(b"HTTP/1.1 202 Accepted\r\n\r\n").is_err());
    }

    #[test]
    fn the_id_is_taken_without_its_proof() {
        let body = format!(r#"{{"order_id":"{}","status":"accepted"}}"#, "ab".repeat(24));
        assert_eq!(id(body.as_bytes()), Some(OrderId::from_bytes([0xab; 16])));
        assert_eq!(id(b"{}"), None);
    }
}
