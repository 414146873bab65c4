//! Requests as bytes, prepared in advance except for the idempotency key, as wrk prepares its own.

use anyhow::{Context, Result, ensure};

use super::plan::Plan;

/// Digits of the order number at the end of each key.
const NUMBER_DIGITS: usize = 10;

/// All requests of a plan, used in a cycle.
pub(super) struct Requests(Vec<PreparedRequest>);

struct PreparedRequest {
    bytes: Vec<u8>,
    /// The offset of the number in the key.
    number_at: usize,
}

impl Requests {
    /// Reads the plan's request bodies and builds a request from each.
    pub(super) fn prepare(plan: &Plan) -> Result<Self> {
        let text = std::fs::read_to_string(&plan.bodies);
        let text = text.with_context(|| format!("cannot read {}", plan.bodies.display()))?;
        let requests: Vec<_> = text.lines().map(|body| PreparedRequest::new(plan, body)).collect();
        ensure!(!requests.is_empty(), "{} has no request bodies", plan.bodies.display());
        Ok(Self(requests))
    }

    /// Writes the request for order `number` into `buffer`, with a unique key.
    pub(super) fn write(&self, number: u64, buffer: &mut Vec<u8>) {
        let PreparedRequest { bytes, number_at } = &self.0[(number % self.0.len() as u64) as usize];
        buffer.clear();
        buffer.extend_from_slice(bytes);
        let mut rest = number;
        for digit in buffer[*number_at..][..NUMBER_DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
}

impl PreparedRequest {
    fn new(plan: &Plan, body: &str) -> Self {
        let Plan { path, run, targets, .. } = plan;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nidempotency-key: {run}-",
            targets[0],
            body.len(),
        );
        let number_at = head.len();
        let number = "0".repeat(NUMBER_DIGITS);
        Self { bytes: [&head, &number, "\r\n\r\n", body].concat().into_bytes(), number_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_has_a_unique_key_and_bodies_repeat_in_a_cycle() {
        let folder = tempfile::tempdir().unwrap();
        let bodies = folder.path().join("bodies");
        std::fs::write(&bodies, "{\"a\":1}\n{\"b\":22}\n").unwrap();
        let plan = Plan {
            targets: vec!["127.0.0.1:1".to_owned()],
            path: "/v1/orders".to_owned(),
            run: "r".to_owned(),
            bodies,
            ack_file: None,
            phases: Vec::new(),
        };
        let requests = Requests::prepare(&plan).unwrap();
        let mut buffer = Vec::new();
        requests.write(41, &mut buffer);
        let text = String::from_utf8(buffer.clone()).unwrap();
        assert!(text.contains("\r\nidempotency-key: r-0000000041\r\n\r\n{\"b\":22}"), "{text}");
        assert!(text.contains("\r\ncontent-length: 8\r\n"), "{text}");
        requests.write(42, &mut buffer);
        assert!(String::from_utf8(buffer).unwrap().ends_with("r-0000000042\r\n\r\n{\"a\":1}"));
    }
}
