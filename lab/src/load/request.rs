//! Requests as bytes, prepared in advance except for the idempotency key, as wrk prepares its own.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::plan::{Plan, Requests};

/// The path that orders are posted to.
const ORDERS_PATH: &str = "/v1/orders";
/// Digits of the order number at the end of each key.
const NUMBER_DIGITS: usize = 10;

/// All requests of a plan, used in a cycle.
pub(super) struct PreparedRequests {
    requests: Vec<PreparedRequest>,
    /// The headers with tokens, in a cycle of their own; empty if there are none.
    authorizations: Vec<Vec<u8>>,
}

struct PreparedRequest {
    /// The head without its end.
    head: Vec<u8>,
    /// The offset of the number in the key; a read has none.
    number_at: Option<usize>,
    body: Vec<u8>,
}

impl PreparedRequests {
    /// Reads the plan's file and builds a request from each line.
    pub(super) fn prepare(plan: &Plan) -> Result<Self> {
        let host = plan.targets[0].as_str();
        match &plan.requests {
            Requests::Orders { bodies, run, tokens } => {
                let requests = of_lines(bodies, |body| PreparedRequest::post(host, run, body))?;
                let authorization =
                    |token: &str| format!("authorization: Bearer {token}\r\n").into_bytes();
                let tokens = tokens.as_deref().map(|tokens| of_lines(tokens, authorization));
                let authorizations = tokens.transpose()?.unwrap_or_default();
                Ok(Self { requests, authorizations })
            }
            Requests::Reads { paths } => {
                let requests = of_lines(paths, |path| PreparedRequest::get(host, path))?;
                Ok(Self { requests, authorizations: Vec::new() })
            }
        }
    }

    /// Writes the request with this number into `buffer`: an order has a unique key.
    pub(super) fn write(&self, number: u64, buffer: &mut Vec<u8>) {
        let PreparedRequest { head, number_at, body } = in_cycle(&self.requests, number);
        buffer.clear();
        buffer.extend_from_slice(head);
        if !self.authorizations.is_empty() {
            buffer.extend_from_slice(in_cycle::<Vec<u8>>(&self.authorizations, number));
        }
        buffer.extend_from_slice(b"\r\n");
        buffer.extend_from_slice(body);
        let Some(number_at) = *number_at else { return };
        let mut rest = number;
        for digit in buffer[number_at..][..NUMBER_DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
}

fn in_cycle<T>(items: &[T], number: u64) -> &T {
    &items[(number % items.len() as u64) as usize]
}

/// What is prepared of each line of a file, which has one at least.
fn of_lines<T>(file: &Path, prepare: impl Fn(&str) -> T) -> Result<Vec<T>> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    let prepared: Vec<_> = text.lines().map(prepare).collect();
    ensure!(!prepared.is_empty(), "{} is empty", file.display());
    Ok(prepared)
}

impl PreparedRequest {
    fn post(host: &str, run: &str, body: &str) -> Self {
        let head = format!(
            "POST {ORDERS_PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nidempotency-key: {run}-",
            body.len(),
        );
        let number_at = Some(head.len());
        let number = "0".repeat(NUMBER_DIGITS);
        let head = [&head, &*number, "\r\n"].concat().into_bytes();
        Self { head, number_at, body: body.as_bytes().to_vec() }
    }

    fn get(host: &str, path: &str) -> Self {
        let head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n");
        Self { head: head.into_bytes(), number_at: None, body: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare(lines: &str, requests: impl Fn(std::path::PathBuf) -> Requests) -> PreparedRequests {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lines");
        std::fs::write(&file, lines).unwrap();
        let targets = vec!["127.0.0.1:1".to_owned()];
        let plan = Plan { targets, requests: requests(file), ack_file: None, phases: Vec::new() };
        PreparedRequests::prepare(&plan).unwrap()
    }

    fn text(requests: &PreparedRequests, number: u64) -> String {
        let mut buffer = Vec::new();
        requests.write(number, &mut buffer);
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn each_order_has_a_unique_key_and_bodies_repeat_in_a_cycle() {
        let requests = prepare("{\"a\":1}\n{\"b\":22}\n", |bodies| Requests::Orders {
            bodies,
            run: "r".to_owned(),
            tokens: None,
        });
        let order = text(&requests, 41);
        assert!(order.contains("\r\nidempotency-key: r-0000000041\r\n\r\n{\"b\":22}"), "{order}");
        assert!(order.contains("\r\ncontent-length: 8\r\n"), "{order}");
        assert!(text(&requests, 42).ends_with("r-0000000042\r\n\r\n{\"a\":1}"));
    }

    #[test]
    fn tokens_repeat_in_a_cycle_of_their_own() {
        let tokens = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(tokens.path(), "t0\nt1\nt2\n").unwrap();
        let requests = prepare("{}\n", |bodies| Requests::Orders {
            bodies,
            run: "r".to_owned(),
            tokens: Some(tokens.path().to_owned()),
        });
        for number in 0..6 {
            let expected =
                format!("-000000000{number}\r\nauthorization: Bearer t{}\r\n\r\n{{}}", number % 3);
            assert!(text(&requests, number).ends_with(&expected), "{number}");
        }
    }

    #[test]
    fn reads_repeat_in_a_cycle_and_have_no_body() {
        let requests = prepare("/a\n/b?c=1\n", |paths| Requests::Reads { paths });
        for (number, path) in [(0, "/a"), (1, "/b?c=1"), (2, "/a")] {
            let expected = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:1\r\n\r\n");
            assert_eq!(text(&requests, number), expected);
        }
    }
}
