//! An order that is answered 202 under profile `durable` has been synced on a quorum of brokers.
//!
//! The three brokers run under strace. Orders are posted through a real edge, and the time at which
//! each 202 reaches its client is recorded. Afterwards the brokers' system calls must show for
//! every order, on two brokers or more: its bytes were written to the Raft log of its stream, and a
//! sync of that file which began later had returned before the client had the 202. Profile `fast`
//! goes through the same check and fails it, which shows that the check can fail.
//!
//! What this does not show: that the disk keeps what it reports as synced; that three brokers have
//! three disks; that the directory entry of a new file is on disk; that a broker reads all of it
//! again after a power cut, or that no bit rots in the meantime. The 202 is recorded where it
//! arrives, not where it leaves the edge, so a sync between the two would count. Batches beyond 8
//! KiB, which brokers compress before they write them, are not checked; they take the same path.
//!
//! It needs ptrace, as every trace does. If ptrace is forbidden, the tests fail with a message that
//! says so.
mod fsync_proof;
mod syscalls;
mod traced_cluster;

use std::collections::BTreeMap;

use streams::Profile;

use fsync_proof::{FsyncProof, prove};
use traced_cluster::TracedCluster;

/// The brokers that must store an order before it is acknowledged.
const QUORUM: usize = 2;

/// The proof for each order that a traced cluster acknowledged, by order id.
async fn proofs(profile: Profile) -> BTreeMap<String, FsyncProof> {
    let traced = TracedCluster::start(profile).await;
    let acknowledged = traced.place_orders().await;
    let brokers = traced.stop().await;
    let proof = |(id, at): (String, u64)| (id.clone(), prove(&brokers, &id, at));
    acknowledged.into_iter().map(proof).collect()
}

#[tokio::test]
async fn a_durable_order_is_synced_on_a_quorum_before_its_202() {
    let proofs = proofs(Profile::Durable).await;
    let unproven: Vec<_> = proofs.iter().filter(|(_, proof)| proof.synced < QUORUM).collect();
    assert!(unproven.is_empty(), "{} of {}: {unproven:?}", unproven.len(), proofs.len());
}

#[tokio::test]
async fn a_fast_order_is_written_on_a_quorum_before_its_202_and_not_synced() {
    let proofs = proofs(Profile::Fast).await;
    assert!(proofs.values().all(|proof| proof.written >= QUORUM), "{proofs:?}");
    // The sync that runs every two minutes may cover a few.
    let synced = proofs.values().filter(|proof| proof.synced >= QUORUM).count();
    assert!(2 * synced < proofs.len(), "{synced} of {}: {proofs:?}", proofs.len());
}
