//! The lines of a request body, as they arrive.

use std::mem::take;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::limits::{BODY_BYTES_MAX, BODY_TIMEOUT};
use crate::problem::Problem;

/// A line, and its number, beginning with 1.
pub(super) struct Line {
    pub(super) number: u64,
    /// What it contains, or why it cannot be read.
    pub(super) content: Result<Bytes, Problem>,
}

/// The lines of a body.
pub(super) struct Lines {
    body: Incoming,
    /// What has arrived of lines that were not returned yet.
    rest: BytesMut,
    number: u64,
    /// Whether the rest of the current line is not wanted: it is too long.
    is_skipping: bool,
    is_ended: bool,
}

impl Line {
    /// Whether nothing can be read after it.
    pub(super) const fn is_last(&self) -> bool {
        matches!(self.content, Err(Problem::BodyTimeout | Problem::BodyTruncated))
    }
}

impl Lines {
    pub(super) fn new(body: Incoming) -> Self {
        Self { body, rest: BytesMut::new(), number: 1, is_skipping: false, is_ended: false }
    }

    /// The next line that is not empty; `None` at the end. A line that is too long is returned as soon as
    /// that is known. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Line> {
        loop {
            if let Some(content) = self.take_line() {
                return Some(content);
            }
            if self.is_ended {
                return None;
            }
            match timeout(BODY_TIMEOUT, self.body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if let Some(data) = frame.data_ref() {
                        self.rest.extend_from_slice(data);
                    }
                }
                Ok(None) => self.end(),
                Ok(Some(Err(_))) => return Some(self.fail(Problem::BodyTruncated)),
                Err(_) => return Some(self.fail(Problem::BodyTimeout)),
            }
        }
    }

    /// A line of what has arrived: the last one needs no line break.
    fn take_line(&mut self) -> Option<Line> {
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let mut line = self.rest.split_to(end + 1);
            line.truncate(end);
            let number = self.number;
            self.number += 1;
            if take(&mut self.is_skipping) || line.trim_ascii().is_empty() {
                continue;
            }
            let is_too_long = line.len() > BODY_BYTES_MAX;
            let content = if is_too_long { Err(Problem::BodyTooLarge) } else { Ok(line.freeze()) };
            return Some(Line { number, content });
        }
        if self.is_skipping {
            self.rest.clear();
        } else if self.rest.len() > BODY_BYTES_MAX {
            self.is_skipping = true;
            self.rest.clear();
            return Some(Line { number: self.number, content: Err(Problem::BodyTooLarge) });
        }
        None
    }

    fn end(&mut self) {
        self.is_ended = true;
        self.rest.extend_from_slice(b"\n");
    }

    fn fail(&mut self, problem: Problem) -> Line {
        self.is_ended = true;
        self.rest.clear();
        Line { number: self.number, content: Err(problem) }
    }
}
