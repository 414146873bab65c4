//! The client's ledger: a file with every 202 that it received, written as they come.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;

use anyhow::{Context, Result};
use orders::{BodyDigest, OrderId, Timestamp};
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

/// A ledger that is open for writing.
pub struct Ledger(File);

impl Acknowledged {
    /// The order id without its MAC.
    pub fn id(&self) -> Result<OrderId> {
        let id = self.order_id.get(..32).and_then(|id| id.parse().ok());
        id.with_context(|| format!("`{}` is not a valid order id", self.order_id))
    }
}

impl Ledger {
    /// Creates the ledger at `path`, or truncates it.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path);
        Ok(Self(file.with_context(|| format!("cannot write {}", path.display()))?))
    }

    /// Appends one line with a single write.
    pub fn write(&mut self, acknowledged: &Acknowledged) -> Result<()> {
        let mut line = serde_json::to_vec(acknowledged)?;
        line.push(b'\n');
        self.0.write_all(&line).context("cannot write the ledger")
    }

    /// Waits until everything written is on disk (fdatasync).
    pub fn sync(&self) -> Result<()> {
        self.0.sync_data().context("cannot fsync the ledger")
    }
}

/// Reads the ledger at `path`. A last line that a crash truncated is skipped.
pub fn read(path: &Path) -> Result<Vec<Acknowledged>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines: Vec<String> = BufReader::new(file).lines().collect::<Result<_, _>>()?;
    let mut entries = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_str(line) {
            Ok(entry) => entries.push(entry),
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
        assert_eq!(read(&path).unwrap(), [entry]);
    }

    #[test]
    fn a_line_without_a_digest_is_read() {
        let line = br#"{"key":"k","order_id":"00","posted_at_ms":1,"acknowledged_at_ms":2}"#;
        let entry: Acknowledged = serde_json::from_slice(line).unwrap();
        assert_eq!(entry.body_digest, None);
        assert_eq!(serde_json::to_vec(&entry).unwrap(), line);
    }
}
