//! A record of each acknowledged order. It has 40 bytes, so that the records of millions of orders
//! fit in memory and are written to the file only after the run.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use orders::{BodyDigest, OrderId, Timestamp};

const ID_BYTES: usize = 16;
const DIGEST_BYTES: usize = 16;
const BYTES: usize = ID_BYTES + DIGEST_BYTES + 8;
/// In the place of a digest that the response does not have.
const NO_DIGEST: [u8; DIGEST_BYTES] = [0; DIGEST_BYTES];

/// One acknowledged order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AckRecord {
    /// The id in the response, without its MAC.
    pub id: OrderId,
    /// The digest of the body in the response.
    pub digest: Option<BodyDigest>,
    /// When the order was due, or posted in a closed loop.
    pub posted_at: Timestamp,
}

impl AckRecord {
    /// Writes the records to `file`, replacing its content.
    pub fn write_all(file: &Path, ack_records: &[Self]) -> Result<()> {
        let write = || {
            let mut out = BufWriter::new(File::create(file)?);
            for ack_record in ack_records {
                out.write_all(ack_record.id.as_bytes())?;
                let digest = ack_record.digest.map_or(NO_DIGEST, |digest| *digest.as_bytes());
                out.write_all(&digest)?;
                out.write_all(&ack_record.posted_at.as_millis().to_be_bytes())?;
            }
            out.flush()
        };
        write().with_context(|| format!("cannot write {}", file.display()))
    }

    /// Reads the records in `file`.
    pub fn read_all(file: &Path) -> Result<Vec<Self>> {
        let bytes = std::fs::read(file);
        let bytes = bytes.with_context(|| format!("cannot read {}", file.display()))?;
        let (records, rest) = bytes.as_chunks::<BYTES>();
        ensure!(rest.is_empty(), "{} is truncated", file.display());
        Ok(records.iter().map(Self::decode).collect())
    }

    fn decode(record: &[u8; BYTES]) -> Self {
        let mut id = [0; ID_BYTES];
        let mut digest = NO_DIGEST;
        let mut at = [0; 8];
        id.copy_from_slice(&record[..ID_BYTES]);
        digest.copy_from_slice(&record[ID_BYTES..][..DIGEST_BYTES]);
        at.copy_from_slice(&record[ID_BYTES + DIGEST_BYTES..]);
        let posted_at = Timestamp::from_millis(i64::from_be_bytes(at));
        let digest = (digest != NO_DIGEST).then(|| BodyDigest::from_bytes(digest));
        Self { id: OrderId::from_bytes(id), digest, posted_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_records_are_read_back_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ack-records");
        let ack_record = |byte| AckRecord {
            id: OrderId::from_bytes([byte; 16]),
            digest: (byte > 1).then(|| BodyDigest::from_bytes([byte; 16])),
            posted_at: Timestamp::from_millis(i64::from(byte) - 2),
        };
        let ack_records = [ack_record(1), ack_record(200)];
        AckRecord::write_all(&file, &ack_records).unwrap();
        assert_eq!(AckRecord::read_all(&file).unwrap(), ack_records);
    }
}
