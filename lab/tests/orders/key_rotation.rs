//! The key of a role is replaced while its processes run.

use std::fs;

use millrace::audit::AuditMode;
use millrace::keys::Role;
use orders::Status;
use streams::{BrokerAccess, Profile};
use workers::payment;

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::raw_nats::RawNats;

#[tokio::test]
async fn the_keys_of_edges_and_of_a_pool_are_rotated_without_a_restart() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ROTATED", 100)]).await;
    let brokers = &cluster.processes.servers.brokers;
    let mut ids = vec![cluster.place("before", &basket(&[("ROTATED", 1)])).await];
    for role in [Role::Edge, Role::Worker(payment::POOL)] {
        let (new, mut old) = (brokers.access(role), brokers.access(role));
        let copy = cluster.processes.folder.path().join(format!("old-{}.nk", role.name()));
        fs::copy(new.key_file.as_ref().unwrap(), &copy).unwrap();
        old.key_file = Some(copy);
        let is_known = async |access: &BrokerAccess| RawNats::connect_as(access).await.is_ok();

        brokers.rotate_key(role).unwrap();
        wait_until("the broker knows the new key", async || is_known(&new).await).await;
        assert!(is_known(&old).await, "both keys are valid");
        ids.push(cluster.place(&format!("both-{role:?}"), &basket(&[("ROTATED", 1)])).await);

        brokers.retire_key(role).unwrap();
        wait_until("the broker refuses the old key", async || !is_known(&old).await).await;
        assert!(is_known(&new).await);
        // The broker has closed the connections that were made with the old key.
        let key = format!("after-{role:?}");
        wait_until("the edge takes orders", async || {
            let placed = cluster.post(0, &key, &basket(&[("ROTATED", 1)])).await;
            placed.status == 202
        })
        .await;
        ids.push(cluster.post(0, &key, &basket(&[("ROTATED", 1)])).await.order_id());
    }
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled), "{views:?}");
    // A reply that was under way while the broker read its configuration again was refused, so this does not
    // look for denials.
    cluster.assert_audit_passes(AuditMode::Quiesced).await;
    cluster.processes.stop().await.unwrap();
}
