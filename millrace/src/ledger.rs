//! The client's ledger: a file with every 202 that it received, written as they come. It may also have
//! other answers that can be checked later.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::{Context, Result};
use orders::{BodyDigest, OrderId, Status, Timestamp};
use serde::{Deserialize, Serialize};

/// One 202, a line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The idempotency key that the order was posted under.
    pub key: String,
    /// The order id in the response, followed by its MAC.
    pub order_id: String,
    /// When the order was first posted, in Unix milliseconds.
    pub posted_at_ms: Timestamp,
    /// When the 202 was received, in Unix milliseconds.
    pub acknowledged_at_ms: Timestamp,
    /// The digest of the body in the response. Absent in a ledger of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_digest: Option<BodyDigest>,
}

/// An answer about an order that is not a 202, a line of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The id of the order, with or without its MAC.
    pub order_id: String,
    /// What an edge answered.
    #[serde(flatten)]
    pub content: AnswerContent,
}

/// What an edge answered about an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum AnswerContent {
    /// 422 for a body: another one is processed under its key.
    KeyReused {
        /// The digest of the body that was refused.
        body_digest: BodyDigest,
    },
    /// 409 for a cancellation.
    NotCancellable,
    /// A final status in a `GET`.
    FinalStatus {
        /// The status.
        status: Status,
    },
}

/// The lines of a ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    /// The 202s.
    pub acknowledged: Vec<Acknowledged>,
    /// The other answers.
    pub answers: Vec<Answer>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Answer(Answer),
    Acknowledged(Acknowledged),
}

/// A ledger that is open for writing.
pub struct Ledger(File);

impl Acknowledged {
    /// The order id without its MAC.
    pub fn id(&self) -> Result<OrderId> {
        without_mac(&self.order_id)
    }
}

impl Answer {
    /// The order id without its MAC.
    pub fn id(&self) -> Result<OrderId> {
        without_mac(&self.order_id)
    }
}

fn without_mac(order_id: &str) -> Result<OrderId> {
    OrderId::parse_copied(order_id).with_context(|| format!("`{order_id}` is not a valid order id"))
}

impl Ledger {
    /// Creates the ledger at `path`, or truncates it.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path);
        Ok(Self(file.with_context(|| format!("cannot write {}", path.display()))?))
    }

    /// Appends one line with a single write.
    pub fn write(&mut self, acknowledged: &Acknowledged) -> Result<()> {
        self.write_line(acknowledged)
    }

    /// Appends another answer.
    pub fn write_answer(&mut self, answer: &Answer) -> Result<()> {
        self.write_line(answer)
    }

    fn write_line(&mut self, entry: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.0.write_all(&line).context("cannot write the ledger")
    }

    /// Waits until everything written is on disk (fdatasync).
    pub fn sync(&self) -> Result<()> {
        self.0.sync_data().context("cannot fsync the ledger")
    }
}

/// Reads the ledger at `path`. A last line that a crash truncated is skipped.
pub fn read(path: &Path) -> Result<Entries> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines: Vec<String> = BufReader::new(file).lines().collect::<Result<_, _>>()?;
    let mut entries = Entries::default();
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_str(line) {
            Ok(Line::Acknowledged(entry)) => entries.acknowledged.push(entry),
            Ok(Line::Answer(answer)) => entries.answers.push(answer),
            Err(err) if index + 1 == lines.len() && err.is_eof() => {}
            Err(err) => {
                let location = format!("{}: line {}", path.display(), index + 1);
                return Err(err).context(location);
            }
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_line_that_a_crash_truncated_is_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let entry = Acknowledged {
            key: "k".to_owned(),
            order_id: "0".repeat(48),
            posted_at_ms: Timestamp::from_millis(1),
            acknowledged_at_ms: Timestamp::from_millis(2),
            body_digest: Some(BodyDigest::from_bytes([7; 16])),
        };
        let mut ledger = Ledger::create(&path).unwrap();
        ledger.write(&entry).unwrap();
        ledger.0.write_all(br#"{"key":"cut"#).unwrap();
        assert_eq!(read(&path).unwrap().acknowledged, [entry]);
    }

    #[test]
    fn answers_are_lines_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        let mut ledger = Ledger::create(&path).unwrap();
        let contents = [
            AnswerContent::KeyReused { body_digest: BodyDigest::from_bytes([7; 16]) },
            AnswerContent::NotCancellable,
            AnswerContent::FinalStatus { status: Status::Fulfilled },
        ];
        let answers = contents.map(|content| Answer { order_id: "0".repeat(48), content });
        for answer in &answers {
            ledger.write_answer(answer).unwrap();
        }
        let read = read(&path).unwrap();
        assert_eq!((read.acknowledged, read.answers), (vec![], answers.to_vec()));
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(r#""answer":"final_status","status":"fulfilled""#), "{text}");
    }

    #[test]
    fn a_line_without_a_digest_is_read() {
        let line = br#"{"key":"k","order_id":"00","posted_at_ms":1,"acknowledged_at_ms":2}"#;
        let entry: Acknowledged = serde_json::from_slice(line).unwrap();
        assert_eq!(entry.body_digest, None);
        assert_eq!(serde_json::to_vec(&entry).unwrap(), line);
    }
}
