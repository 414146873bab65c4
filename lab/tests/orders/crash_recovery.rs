//! A worker crashes between any two of fetch, commit, publish and ack, and around its calls to the
//! provider, in every step: the order ends as it would without the crash, and no effect is
//! repeated.

use orders::{EventKind, OrderId, Status};
use streams::{Profile, Step};
use workers::{fulfilment, inventory, payment};

use super::events::{cancel_requested, ndjson_line, order_id, step_inputs};
use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::{TestCluster, plan};

/// Failpoints of every step.
const EVERY_STEP: &[&str] = &["fetched", "committed", "published", "acked"];
/// Failpoints of a charge alone: around its calls to the provider.
const CHARGE_ONLY: &[&str] = &["intents_created", "intents_committed", "confirmed"];
/// Failpoints of a refund alone: after its calls to the provider.
const REFUND_ONLY: &[&str] = &["undone"];

/// The path that an order takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OrderPath {
    Fulfilled,
    Declined,
    /// Paid, then withdrawn on request before it is shipped.
    Withdrawn,
    /// Paid, then withdrawn because it cannot be shipped.
    Unshippable,
}

#[tokio::test]
async fn a_crash_at_any_failpoint_of_an_inventory_step_changes_no_outcome() {
    crash_at_each(&[
        (inventory::RESERVE, EVERY_STEP, OrderPath::Fulfilled),
        (inventory::RELEASE, EVERY_STEP, OrderPath::Declined),
        (inventory::RELEASE, EVERY_STEP, OrderPath::Withdrawn),
    ])
    .await;
}

#[tokio::test]
async fn a_crash_at_any_failpoint_of_a_payment_step_changes_no_outcome() {
    crash_at_each(&[
        (payment::CHARGE, EVERY_STEP, OrderPath::Fulfilled),
        (payment::CHARGE, CHARGE_ONLY, OrderPath::Fulfilled),
        (payment::CHARGE, EVERY_STEP, OrderPath::Declined),
        (payment::CHARGE, CHARGE_ONLY, OrderPath::Declined),
        (payment::REFUND, EVERY_STEP, OrderPath::Withdrawn),
        (payment::REFUND, REFUND_ONLY, OrderPath::Withdrawn),
    ])
    .await;
}

#[tokio::test]
async fn a_crash_at_any_failpoint_of_a_fulfilment_step_changes_no_outcome() {
    crash_at_each(&[
        (fulfilment::SHIP, EVERY_STEP, OrderPath::Fulfilled),
        (fulfilment::SHIP, EVERY_STEP, OrderPath::Unshippable),
        (fulfilment::WITHDRAW, EVERY_STEP, OrderPath::Withdrawn),
    ])
    .await;
}

/// Crashes at each failpoint, each time with another order. All crashes happen within the 30 s
/// after which the first order is redelivered, so that each crash hits its own order.
async fn crash_at_each(crashes: &[(Step, &[&str], OrderPath)]) {
    let mut plan = plan(Profile::Single);
    plan.ack_wait = None;
    plan.envs.push(("MILLRACE_UNSHIPPABLE".to_owned(), "GIANT".to_owned()));
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("CRASH", 1_000), item("GIANT CRASH", 1_000)]).await;
    let mut orders = Vec::new();
    for (step, failpoints, path) in crashes {
        for failpoint in *failpoints {
            let id = cluster.crash_at(*step, failpoint, *path).await;
            orders.push((id, step, failpoint, path));
        }
    }
    let ids: Vec<OrderId> = orders.iter().map(|(id, ..)| *id).collect();
    let views = cluster.wait_until_final(&ids).await;
    for (view, (_, step, failpoint, path)) in views.iter().zip(&orders) {
        let expected = match path {
            OrderPath::Fulfilled => Status::Fulfilled,
            _ => Status::Cancelled,
        };
        assert_eq!(view.status, expected, "after a crash at {step}.{failpoint}, path {path:?}");
    }
    cluster.verify_and_stop(&ids).await;
}

impl TestCluster {
    /// Places an order with a worker that crashes at `failpoint`, and replaces the worker.
    async fn crash_at(&mut self, step: Step, failpoint: &str, path: OrderPath) -> OrderId {
        let key = format!("{step}-{failpoint}-{path:?}");
        let giant = basket(&[("GIANT CRASH", 1)]);
        let basket = basket(&[("CRASH", 1)]);
        let declined = with_payment_token(basket.clone(), "tok_chargeDeclined");
        if path == OrderPath::Withdrawn {
            self.pay_and_withdraw(&key).await;
        }
        self.restart_worker_with_failpoint(step.pool, &format!("{step}.{failpoint}")).await;
        match path {
            OrderPath::Fulfilled => drop(self.place(&key, &basket).await),
            OrderPath::Declined => drop(self.place(&key, &declined).await),
            OrderPath::Unshippable => drop(self.place(&key, &giant).await),
            OrderPath::Withdrawn => {
                let cancel = ndjson_line(&cancel_requested(&key));
                self.publish(EventKind::CancelRequested, &[cancel]).await;
            }
        }
        self.wait_for_worker_crash(step.pool).await;
        self.start_worker(step.pool).await;
        order_id(&key)
    }

    /// Places an order that fulfilment has already decided to withdraw, and waits until it is paid.
    async fn pay_and_withdraw(&self, key: &str) {
        let decision = step_inputs([&cancel_requested(key)]);
        workers::fulfilment::withdraw(&self.sources.database, &decision).await.unwrap();
        let placed = self.place(key, &basket(&[("CRASH", 1)])).await;
        self.wait_for_event(placed, EventKind::Paid).await;
    }
}
