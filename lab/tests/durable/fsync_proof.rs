//! What the brokers' system calls prove about an order.

use super::syscalls::{SystemCall, read};

/// The path of the Raft logs of the streams: an acknowledgement depends on these files alone.
const RAFT_LOGS: &str = "/$SYS/_js_/S-";

/// The writes to one broker's Raft logs, and their syncs.
pub(crate) struct BrokerTrace {
    calls: Vec<SystemCall>,
}

/// The numbers of brokers that had written and synced an order when its client had the 202.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FsyncProof {
    /// Brokers that had written its bytes to a Raft log.
    pub(crate) written: usize,
    /// Brokers on which, after that, a sync of the same file had begun and returned.
    pub(crate) synced: usize,
}

impl BrokerTrace {
    pub(crate) fn read(record: &str) -> Self {
        let mut calls = read(record);
        calls.retain(|call| call.path().contains(RAFT_LOGS));
        Self { calls }
    }

    fn writes(&self, order_id: &str) -> impl Iterator<Item = &SystemCall> {
        let whole = self.calls.iter().filter(|call| call.wrote_all());
        whole.filter(move |call| call.arguments.contains(order_id))
    }

    /// The time of the first complete write of the order's bytes, in microseconds.
    fn written_at(&self, order_id: &str) -> Option<u64> {
        self.writes(order_id).map(|write| write.ended_us).min()
    }

    /// The time at which the first sync returned that began after the order's bytes had been
    /// written, in microseconds.
    fn synced_at(&self, order_id: &str) -> Option<u64> {
        let covers = |write: &SystemCall, sync: &SystemCall| {
            sync.synced() && sync.path() == write.path() && sync.began_us >= write.ended_us
        };
        let synced = self.writes(order_id).filter_map(|write| {
            let syncs = self.calls.iter().filter(|sync| covers(write, sync));
            syncs.map(|sync| sync.ended_us).min()
        });
        synced.min()
    }
}

/// The proof for an order whose client had its 202 at `acknowledged_us`.
pub(crate) fn prove(brokers: &[BrokerTrace], order_id: &str, acknowledged_us: u64) -> FsyncProof {
    let in_time = |at: Option<u64>| at.is_some_and(|at| at <= acknowledged_us);
    FsyncProof {
        written: brokers.iter().filter(|broker| in_time(broker.written_at(order_id))).count(),
        synced: brokers.iter().filter(|broker| in_time(broker.synced_at(order_id))).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str =
        r#"7 10.000010 pwrite64(5</$SYS/_js_/S-R3F-a/1.blk>, "ab", 2, 0) = 2 <0.000002>"#;
    const LOG: &str = "/$SYS/_js_/S-R3F-a/1.blk";

    /// The proof for order `ab` from a write that ended at 10,000,013 µs and a sync.
    fn proven(sync: &str, acknowledged_us: u64) -> FsyncProof {
        let broker = BrokerTrace::read(&format!("{WRITE}\n{sync}\n"));
        prove(&[broker], "ab", acknowledged_us)
    }

    #[test]
    fn only_a_sync_of_the_log_after_the_write_and_before_the_202_is_proof() {
        let sync = |at: &str, path: &str, result: &str| {
            format!("8 10.{at} fsync(5<{path}>) = {result} <0.000005>")
        };
        let good = sync("000020", LOG, "0");
        assert_eq!(proven(&good, 10_000_026), FsyncProof { written: 1, synced: 1 });
        for (case, sync, acknowledged_us) in [
            ("the sync returns after the 202", good.clone(), 10_000_025),
            ("the sync begins before the write ends", sync("000012", LOG, "0"), 10_000_900),
            ("another file is synced", sync("000020", "/$SYS/_js_/S-R3F-b/1.blk", "0"), 10_000_900),
            ("the sync fails", sync("000020", LOG, "-1 EIO (Input/output error)"), 10_000_900),
            ("there is no sync", String::new(), 10_000_900),
        ] {
            assert_eq!(
                proven(&sync, acknowledged_us),
                FsyncProof { written: 1, synced: 0 },
                "{case}"
            );
        }
        assert_eq!(proven(&good, 10_000_012), FsyncProof { written: 0, synced: 0 });
    }

    #[test]
    fn a_write_to_the_stream_file_alone_is_not_proof() {
        let stream = WRITE.replace(LOG, "/MILLRACE/streams/ORDERS_1/msgs/1.blk");
        let proof = prove(&[BrokerTrace::read(&stream)], "ab", u64::MAX);
        assert_eq!(proof, FsyncProof { written: 0, synced: 0 });
    }
}
