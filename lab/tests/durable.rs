//! An order that was answered 202 under profile `durable` had been synced on a quorum of brokers.
//!
//! The three brokers run under strace. Orders are posted through a real edge, and the time at which
//! each 202 reached its client is noted. Afterwards the brokers' system calls must show for every
//! order, on two brokers or more: its bytes were written to the Raft log of its stream, and a sync of
//! that file which began later had returned before the client had the 202. Profile `fast` goes
//! through the same check and fails it, which shows that the check can fail.
//!
//! What this does not show: that the disk keeps what it says it has synced; that three brokers have
//! three disks; that a new file's name in its folder is on disk; that a broker reads all of it again
//! after a power cut, or that no bit rots meanwhile. The 202 is taken where it arrives, not where it
//! leaves the edge, so a sync that comes between the two would count. Batches beyond 8 KiB, which
//! brokers compress before they write them, are not looked at; they take the same way.
//!
//! It takes ptrace, as every trace does. Where that is forbidden, the tests fail and say so.
mod fsync_proof;
mod syscalls;
mod traced_cluster;

use std::collections::BTreeMap;

use streams::Profile;

use fsync_proof::{Proof, prove};
use traced_cluster::Traced;

/// Brokers without which nothing is acknowledged.
const QUORUM: usize = 2;

/// What is proven of each order that a traced cluster acknowledged.
async fn proofs(profile: Profile) -> BTreeMap<String, Proof> {
    let traced = Traced::start(profile).await;
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
    // The sync that comes every two minutes may fall upon a few.
    let synced = proofs.values().filter(|proof| proof.synced >= QUORUM).count();
    assert!(2 * synced < proofs.len(), "{synced} of {}: {proofs:?}", proofs.len());
}
