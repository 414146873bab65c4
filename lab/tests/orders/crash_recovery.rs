//! A worker crashes between any two of fetch, commit, publish and ack, and around its calls to the
//! provider, in every step: the order ends as it would without the crash, and no effect is
//! repeated.

use orders::{EventKind, OrderId, Status};
use serde_json::Value;
use streams::{Profile, Step, stream_state, subjects};
use workers::{fulfilment, inventory, payment};

use super::authentication::AUTHENTICATED_CARD;
use super::events::{cancel_requested, ndjson_line, order_id};
use super::fixtures::{basket, item, with_another_card, with_payment_token};
use super::test_cluster::{TestCluster, plan, wait_until};

/// Failpoints of every step.
const EVERY_STEP: &[&str] = &["fetched", "committed", "published", "acked"];
/// Failpoints of a charge alone: around its calls to the provider.
const CHARGE_ONLY: &[&str] = &["intents_created", "intents_committed", "confirmed"];
/// Failpoints of a refund alone: after its calls to the provider.
const REFUND_ONLY: &[&str] = &["undone"];

/// Failpoints of the completion of a payment alone: after its calls to the provider.
const COMPLETE_ONLY: &[&str] = &["asked"];

/// The path that an order takes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum OrderPath {
    Fulfilled,
    Declined,
    /// Paid when the buyer has authenticated the card.
    Authenticated,
    /// Paid with another card, after a confirm has declined the first one.
    AnotherCard,
    /// Paid with another card, after the provider has created no intent with the first one.
    AnotherToken,
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
async fn a_crash_at_any_failpoint_of_the_completion_of_a_payment_changes_no_outcome() {
    crash_at_each(&[
        (payment::COMPLETE, EVERY_STEP, OrderPath::Authenticated),
        (payment::COMPLETE, COMPLETE_ONLY, OrderPath::Authenticated),
    ])
    .await;
}

#[tokio::test]
async fn a_crash_at_any_failpoint_of_a_payment_with_another_card_changes_no_outcome() {
    crash_at_each(&[
        (payment::CHARGE, EVERY_STEP, OrderPath::AnotherCard),
        (payment::CHARGE, CHARGE_ONLY, OrderPath::AnotherCard),
        (payment::CHARGE, CHARGE_ONLY, OrderPath::AnotherToken),
        (payment::COMPLETE, EVERY_STEP, OrderPath::AnotherCard),
        (payment::COMPLETE, COMPLETE_ONLY, OrderPath::AnotherCard),
        (payment::COMPLETE, COMPLETE_ONLY, OrderPath::AnotherToken),
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
    // A poll must not meet the crash of another order.
    plan.envs.push(("MILLRACE_PAYMENT_POLL_INTERVAL".to_owned(), "1h".to_owned()));
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("CRASH", 1_000), item("GIANT CRASH", 1_000)]).await;
    let mut orders = Vec::new();
    for (step, failpoints, path) in crashes {
        for failpoint in *failpoints {
            let id = cluster.crash_at(*step, failpoint, *path).await;
            orders.push((id, step, failpoint, path));
        }
    }
    for (id, step, failpoint, path) in &orders {
        if **step == payment::CHARGE && path.waits_for_another_card() {
            cluster.wait_for_status(*id, Status::RequiresAction).await;
            cluster.submit_card(&key(**step, failpoint, **path)).await;
        }
    }
    let ids: Vec<OrderId> = orders.iter().map(|(id, ..)| *id).collect();
    let views = cluster.wait_until_final(&ids).await;
    for (view, (_, step, failpoint, path)) in views.iter().zip(&orders) {
        let expected = match path {
            OrderPath::Fulfilled
            | OrderPath::Authenticated
            | OrderPath::AnotherCard
            | OrderPath::AnotherToken => Status::Fulfilled,
            _ => Status::Cancelled,
        };
        assert_eq!(view.status, expected, "after a crash at {step}.{failpoint}, path {path:?}");
    }
    for (id, _, _, path) in &orders {
        if path.waits_for_another_card() {
            cluster.assert_charged_once(*id).await;
        }
    }
    if crashes.iter().any(|(_, _, path)| path.waits_for_buyer()) {
        cluster.verify_without_waiting_for_polls(&ids).await;
    } else {
        cluster.verify_and_stop(&ids).await;
    }
}

impl OrderPath {
    fn waits_for_another_card(self) -> bool {
        matches!(self, Self::AnotherCard | Self::AnotherToken)
    }

    fn waits_for_buyer(self) -> bool {
        self == Self::Authenticated || self.waits_for_another_card()
    }
}

fn key(step: Step, failpoint: &str, path: OrderPath) -> String {
    format!("{step}-{failpoint}-{path:?}")
}

impl TestCluster {
    /// Places an order with a worker that crashes at `failpoint`, and replaces the worker.
    async fn crash_at(&mut self, step: Step, failpoint: &str, path: OrderPath) -> OrderId {
        let key = key(step, failpoint, path);
        let giant = basket(&[("GIANT CRASH", 1)]);
        let basket = basket(&[("CRASH", 1)]);
        let declined = with_payment_token(basket.clone(), "tok_chargeDeclined");
        let authenticated = with_payment_token(basket.clone(), AUTHENTICATED_CARD);
        let another_card = with_another_card(basket.clone(), "tok_chargeDeclined");
        let another_token = with_another_card(basket.clone(), "tok_unknown");
        let is_completion = step == payment::COMPLETE;
        match path {
            OrderPath::Withdrawn => self.pay_and_withdraw(&key).await,
            OrderPath::Authenticated => self.wait_for_buyer_of(&key, &authenticated).await,
            OrderPath::AnotherCard if is_completion => {
                self.wait_for_buyer_of(&key, &another_card).await;
            }
            OrderPath::AnotherToken if is_completion => {
                self.wait_for_buyer_of(&key, &another_token).await;
            }
            _ => {}
        }
        self.restart_worker_with_failpoint(step.pool, &format!("{step}.{failpoint}")).await;
        match path {
            OrderPath::Fulfilled => drop(self.place(&key, &basket).await),
            OrderPath::Declined => drop(self.place(&key, &declined).await),
            OrderPath::Authenticated => self.approve(order_id(&key)).await,
            OrderPath::AnotherCard | OrderPath::AnotherToken if is_completion => {
                self.submit_card(&key).await;
            }
            OrderPath::AnotherCard => drop(self.place(&key, &another_card).await),
            OrderPath::AnotherToken => drop(self.place(&key, &another_token).await),
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

    /// Submits another card, which can be used only once.
    async fn submit_card(&self, key: &str) {
        let token = format!("tok_once_{key}");
        self.publish_tokens(key, [Some(token.as_str())]).await;
    }

    /// Places an order, and waits until it waits for its buyer.
    async fn wait_for_buyer_of(&self, key: &str, basket: &Value) {
        let connection = &self.sources.connection;
        let scheduled =
            async || stream_state(connection, subjects::RETRIES).await.unwrap().last_sequence;
        let before = scheduled().await;
        let id = self.place(key, basket).await;
        self.wait_for_status(id, Status::RequiresAction).await;
        wait_until("its next poll is scheduled", async || scheduled().await > before).await;
    }

    /// Places an order that fulfilment has already decided to withdraw, and waits until it is paid.
    async fn pay_and_withdraw(&self, key: &str) {
        self.decide_withdrawal(key).await;
        let placed = self.place(key, &basket(&[("CRASH", 1)])).await;
        self.wait_for_event(placed, EventKind::Paid).await;
    }
}
