//! What the generator was promised: 24 bytes for each acknowledged order, so that a run of millions
//! fits in memory and is written down only after it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use orders::{OrderId, Timestamp};

const ID_BYTES: usize = 16;
const BYTES: usize = ID_BYTES + 8;

/// One acknowledged order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckRecord {
    /// The id that was answered, without its proof.
    pub id: OrderId,
    /// When the order was due, or posted in a closed loop.
    pub posted_at: Timestamp,
}

impl AckRecord {
    /// Writes all of them to `file`.
    pub fn write_all(file: &Path, promises: &[Self]) -> Result<()> {
        let write = || {
            let mut out = BufWriter::new(File::create(file)?);
            for ack_record in promises {
                out.write_all(ack_record.id.as_bytes())?;
                out.write_all(&ack_record.posted_at.as_millis().to_be_bytes())?;
            }
            out.flush()
        };
        write().with_context(|| format!("cannot write {}", file.display()))
    }

    /// Reads what was written to `file`.
    pub fn read_all(file: &Path) -> Result<Vec<Self>> {
        let bytes = std::fs::read(file);
        let bytes = bytes.with_context(|| format!("cannot read {}", file.display()))?;
        let (records, rest) = bytes.as_chunks::<BYTES>();
        ensure!(rest.is_empty(), "{} was cut off", file.display());
        Ok(records.iter().map(Self::read).collect())
    }

    fn read(record: &[u8; BYTES]) -> Self {
        let (mut id, mut at) = ([0; ID_BYTES], [0; 8]);
        id.copy_from_slice(&record[..ID_BYTES]);
        at.copy_from_slice(&record[ID_BYTES..]);
        let posted_at = Timestamp::from_millis(i64::from_be_bytes(at));
        Self { id: OrderId::from_bytes(id), posted_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("promises");
        let ack_record = |byte| AckRecord {
            id: OrderId::from_bytes([byte; 16]),
            posted_at: Timestamp::from_millis(i64::from(byte) - 2),
        };
        let promises = [ack_record(1), ack_record(200)];
        AckRecord::write_all(&file, &promises).unwrap();
        assert_eq!(AckRecord::read_all(&file).unwrap(), promises);
    }
}
