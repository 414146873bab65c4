//! What the record of a broker proves about an order.

use super::syscalls::{Call, read};

/// Where brokers keep the Raft logs of their streams: what they acknowledge rests on them alone.
const RAFT_LOGS: &str = "/$SYS/_js_/S-";

/// The writes to one broker's Raft logs, and the syncs.
pub(crate) struct Broker {
    calls: Vec<Call>,
}

/// How many brokers had done what with an order when its client had the 202.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Its bytes were written to a Raft log.
    pub(crate) written: usize,
    /// And after that, a sync of the same file had begun and returned.
    pub(crate) synced: usize,
}

impl Broker {
    pub(crate) fn read(record: &str) -> Self {
        let mut calls = read(record);
        calls.retain(|call| call.path().contains(RAFT_LOGS));
        Self { calls }
    }

    fn writes(&self, order_id: &str) -> impl Iterator<Item = &Call> {
        let whole = self.calls.iter().filter(|call| call.wrote_all());
        whole.filter(move |call| call.arguments.contains(order_id))
    }

    /// When the order's bytes had first been written.
    fn written_at(&self, order_id: &str) -> Option<u64> {
        self.writes(order_id).map(|write| write.ended_us).min()
    }

    /// When a sync had returned that began after the order's bytes had been written.
    fn synced_at(&self, order_id: &str) -> Option<u64> {
        let covers = |write: &Call, sync: &Call| {
            sync.synced() && sync.path() == write.path() && sync.began_us >= write.ended_us
        };
        let synced = self.writes(order_id).filter_map(|write| {
            let syncs = self.calls.iter().filter(|sync| covers(write, sync));
            syncs.map(|sync| sync.ended_us).min()
        });
        synced.min()
    }
}

/// What is proven about an order whose client had its 202 at `acknowledged_us`.
pub(crate) fn prove(brokers: &[Broker], order_id: &str, acknowledged_us: u64) -> Proof {
    let in_time = |at: Option<u64>| at.is_some_and(|at| at <= acknowledged_us);
    Proof {
        written: brokers.iter().filter(|it| in_time(it.written_at(order_id))).count(),
        synced: brokers.iter().filter(|it| in_time(it.synced_at(order_id))).count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: &str =
        r#"7 10.000010 pwrite64(5</$SYS/_js_/S-R3F-a/1.blk>, "ab", 2, 0) = 2 <0.000002>"#;
    const LOG: &str = "/$SYS/_js_/S-R3F-a/1.blk";

    /// What is proven of order `ab` by a write that ended at 10,000,013 µs and a sync.
    fn proven(sync: &str, acknowledged_us: u64) -> Proof {
        let broker = Broker::read(&format!("{WRITE}\n{sync}\n"));
        prove(&[broker], "ab", acknowledged_us)
    }

    #[test]
    fn only_a_sync_of_the_log_after_the_write_and_before_the_answer_is_proof() {
        let sync = |at: &str, path: &str, result: &str| {
            format!("8 10.{at} fsync(5<{path}>) = {result} <0.000005>")
        };
        let good = sync("000020", LOG, "0");
        assert_eq!(proven(&good, 10_000_026), Proof { written: 1, synced: 1 });
        for (what, sync, acknowledged_us) in [
            ("the sync returns after the answer", good.clone(), 10_000_025),
            ("the sync begins before the write ends", sync("000012", LOG, "0"), 10_000_900),
            ("another file is synced", sync("000020", "/$SYS/_js_/S-R3F-b/1.blk", "0"), 10_000_900),
            ("the sync fails", sync("000020", LOG, "-1 EIO (Input/output error)"), 10_000_900),
            ("there is no sync", String::new(), 10_000_900),
        ] {
            assert_eq!(proven(&sync, acknowledged_us), Proof { written: 1, synced: 0 }, "{what}");
        }
        assert_eq!(proven(&good, 10_000_012), Proof { written: 0, synced: 0 });
    }

    #[test]
    fn what_stands_only_in_the_stream_itself_is_no_proof() {
        let stream = WRITE.replace(LOG, "/MILLRACE/streams/ORDERS/msgs/1.blk");
        let proof = prove(&[Broker::read(&stream)], "ab", u64::MAX);
        assert_eq!(proof, Proof { written: 0, synced: 0 });
    }
}
