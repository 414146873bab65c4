//! A refund that is pending or has failed is not a refund: money is held, and so is the stock.

use millrace::audit::AuditMode;
use millrace::dead_letters::{ResolveRequest, resolve};
use orders::{EventKind, OrderId, Status};
use streams::dead_letter::ResolutionKind;
use streams::{Profile, stream_state, subjects};
use workers::{fulfilment, payment};

use super::events::{cancel_requested, ndjson_line};
use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};

const STOCK: i64 = 10;
const KEY: &str = "refunded";

#[tokio::test]
async fn an_order_whose_refund_is_pending_is_cancelled_when_the_refund_succeeds() {
    let mut cluster = start().await;
    let id = cluster.cancel_paid_order("refunds=pending").await;
    cluster
        .wait_until_final_or("the refund is postponed", id, async |cluster| {
            stream_state(&cluster.sources.connection, subjects::RETRIES)
                .await
                .unwrap()
                .last_sequence
                > 0
        })
        .await;
    cluster.assert_money_is_held(id).await;

    cluster.set_provider_faults("refunds=succeeded").await;
    assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Cancelled);
    let refunds = cluster.sources.provider.list_refunds(None).await.unwrap().data;
    assert_eq!(refunds.len(), 1, "{refunds:?}");
    assert_eq!(cluster.on_hand("PAY").await, STOCK);
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn an_order_whose_refund_fails_waits_for_an_operator_and_keeps_its_stock() {
    let mut cluster = start().await;
    let id = cluster.cancel_paid_order("refunds=failed").await;
    cluster
        .wait_until_final_or("there is a dead letter", id, async |cluster| {
            !cluster.dead_letters().await.is_empty()
        })
        .await;
    cluster.assert_money_is_held(id).await;
    let letters = cluster.dead_letters().await;
    assert_eq!(letters[0].content.step, payment::REFUND.to_string());
    cluster.assert_audit_passes(AuditMode::Live).await;

    cluster.set_provider_faults("refunds=succeeded").await;
    let replay = ResolveRequest { action: ResolutionKind::Replayed, by: "Ada", why: "fixed" };
    resolve(&cluster.sources.connection, &letters[0], replay).await.unwrap();
    assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Cancelled);
    assert_eq!(cluster.on_hand("PAY").await, STOCK);
    cluster.verify_and_stop(&[id]).await;
}

async fn start() -> TestCluster {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("PAY", STOCK)]).await;
    cluster
}

impl TestCluster {
    /// Places an order, and cancels it when it is paid and the provider has these faults.
    async fn cancel_paid_order(&mut self, faults: &str) -> OrderId {
        self.stop_worker(fulfilment::POOL).await;
        let id = self.place(KEY, &basket(&[("PAY", 1)])).await;
        self.wait_for_status(id, Status::Paid).await;
        self.set_provider_faults(faults).await;
        let request = cancel_requested(KEY);
        self.decide_withdrawal(KEY).await;
        self.publish(EventKind::CancelRequested, &[ndjson_line(&request)]).await;
        self.start_worker(fulfilment::POOL).await;
        id
    }

    async fn wait_until_final_or(
        &self,
        description: &str,
        id: OrderId,
        mut condition: impl AsyncFnMut(&Self) -> bool,
    ) {
        wait_until(&format!("{description}, or the order is final"), async || {
            let view = self.views(&[id]).await.remove(0);
            view.is_some_and(|view| view.status.is_final()) || condition(self).await
        })
        .await;
    }

    async fn assert_money_is_held(&self, id: OrderId) {
        let view = self.views(&[id]).await.remove(0).unwrap();
        assert_eq!(view.status, Status::Withdrawn);
        assert_eq!(self.on_hand("PAY").await, STOCK - 1);
    }
}
