//! Streams that were restored from a backup are older than the rows: the audit says what came between, and a
//! repair rebuilds what the streams lack.

use std::time::SystemTime;

use millrace::audit::{AuditMode, Findings, Report, Restored, audit, repair};
use orders::{OrderId, Status, Timestamp};
use serde_json::json;
use streams::{Lane, Profile, stream_state};
use workers::{fulfilment, stages};

use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::{TestCluster, plan};

impl TestCluster {
    /// Audits the cluster once it is quiescent.
    async fn audit_restored(&self, restored: Option<Restored>) -> Findings {
        let report = Report { restored, ..Report::new(Profile::Single) };
        audit(&self.sources, report, None, AuditMode::Quiesced).await.unwrap()
    }

    async fn last_sequence(&self) -> u64 {
        let state = stream_state(&self.sources.connection, Lane::FIRST.stream()).await;
        state.unwrap().last_sequence
    }

    /// Deletes the messages after `kept`, as if the lane was restored from a backup that ends there.
    async fn forget_messages_after(&self, kept: u64) {
        let mut nats = self.nats().await;
        for sequence in kept + 1..=self.last_sequence().await {
            let deleted = nats.api("STREAM.MSG.DELETE.ORDERS_1", &json!({ "seq": sequence })).await;
            assert_eq!(deleted["success"], true, "{deleted}");
        }
    }
}

#[tokio::test]
async fn what_restored_streams_lack_is_rebuilt_from_rows_and_the_audit_passes() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("RESTORED", 100)]).await;
    let one = basket(&[("RESTORED", 1)]);
    let before = cluster.place("before", &one).await;
    cluster.assert_quiescent_and_consistent(&[before]).await;
    let restored = Restored::from_backup_at(Timestamp::from(SystemTime::now()));
    let kept = cluster.last_sequence().await;

    // What the observer has not seen is gone with the messages.
    let observer = stages::pool_named("analytics").unwrap();
    cluster.stop_worker(observer).await;
    let ended = [
        cluster.place("shipped", &one).await,
        cluster.place("rejected", &basket(&[("RESTORED", 101)])).await,
        cluster.place("declined", &with_payment_token(one.clone(), "tok_chargeDeclined")).await,
    ];
    cluster.wait_until_final(&ended).await;
    cluster.stop_worker(fulfilment::POOL).await;
    let paid = cluster.place("paid", &one).await;
    cluster.wait_for_status(paid, Status::Paid).await;
    cluster.forget_messages_after(kept).await;
    cluster.start_worker(fulfilment::POOL).await;
    cluster.start_worker(observer).await;

    let found = cluster.audit_restored(None).await;
    assert!(found.report.to_string().contains("but no event in the stream"), "{}", found.report);
    let found = cluster.audit_restored(Some(restored.clone())).await;
    let expected = Restored { by_rows: 4, behind: 4, ..restored.clone() };
    assert_eq!(found.report.restored, Some(expected), "{}", found.report);
    let mut stuck: Vec<OrderId> = found.stuck.iter().map(|order| order.id).collect();
    let mut since = [&ended[..], &[paid]].concat();
    stuck.sort_unstable();
    since.sort_unstable();
    assert_eq!(stuck, since);

    let repaired = repair(&cluster.sources, &found.stuck).await.unwrap();
    assert_eq!((repaired.republished, repaired.rebuilt, repaired.cancelled), (0, 4, 0));
    let views = cluster.wait_until_final(&[&ended[..], &[paid]].concat()).await;
    let statuses: Vec<Status> = views.iter().map(|view| view.status).collect();
    let expected = [Status::Fulfilled, Status::Rejected, Status::Cancelled, Status::Fulfilled];
    assert_eq!(statuses, expected);
    let found = cluster.audit_restored(Some(restored.clone())).await;
    assert!(found.report.passed && found.report.quiet, "{}", found.report);
    assert!(found.report.observers["analytics"].is_complete, "{}", found.report);
    assert_eq!(found.report.restored, Some(Restored { by_rows: 4, ..restored }));
    cluster.processes.stop().await.unwrap();
}
