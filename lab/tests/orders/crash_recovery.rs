//! A worker dies between any two of fetch, commit, publish and ack, and around its calls to the
//! provider, in every step: the order ends as without the crash, and nothing happens twice.

use orders::{EventKind, OrderId, Status};
use streams::{Profile, Step};

use super::events::{cancel_requested, id, line, tasks};
use super::fixtures::{basket, item, paid_with};
use super::test_cluster::{Shop, plan};

/// Where every step can be stopped.
const EVERYWHERE: &[&str] = &["Fetched", "Committed", "Published", "Acked"];
/// Where only a charge can be stopped: around its calls to the provider.
const CHARGING: &[&str] = &["IntentsMade", "IntentsCommitted", "Confirmed"];

/// Where only a refund can be stopped: after its calls to the provider.
const REFUNDING: &[&str] = &["Undone"];

/// Where an order goes in the end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Fulfilled,
    Declined,
    /// Paid, then withdrawn before it is shipped.
    Withdrawn,
    /// Paid, then withdrawn since it cannot be shipped.
    Unshippable,
}

#[tokio::test]
async fn of_inventory() {
    crash_at_every(&[
        (Step::Reserve, EVERYWHERE, Way::Fulfilled),
        (Step::Release, EVERYWHERE, Way::Declined),
        (Step::Release, EVERYWHERE, Way::Withdrawn),
    ])
    .await;
}

#[tokio::test]
async fn of_payment() {
    crash_at_every(&[
        (Step::Charge, EVERYWHERE, Way::Fulfilled),
        (Step::Charge, CHARGING, Way::Fulfilled),
        (Step::Charge, EVERYWHERE, Way::Declined),
        (Step::Charge, CHARGING, Way::Declined),
        (Step::Refund, EVERYWHERE, Way::Withdrawn),
        (Step::Refund, REFUNDING, Way::Withdrawn),
    ])
    .await;
}

#[tokio::test]
async fn of_fulfilment() {
    crash_at_every(&[
        (Step::Ship, EVERYWHERE, Way::Fulfilled),
        (Step::Ship, EVERYWHERE, Way::Unshippable),
        (Step::Withdraw, EVERYWHERE, Way::Withdrawn),
    ])
    .await;
}

/// Crashes at each stop with an order of its own. All of it comes within the 30 s after which the
/// first order is delivered again, so that each crash meets its own order.
async fn crash_at_every(crashes: &[(Step, &[&str], Way)]) {
    let mut plan = plan(Profile::Single);
    plan.envs.push(("MILLRACE_UNSHIPPABLE".to_owned(), "GIANT".to_owned()));
    let mut shop = Shop::open(plan).await;
    shop.sell(&[item("CRASH", 1_000), item("GIANT CRASH", 1_000)]).await;
    let mut ended = Vec::new();
    for (step, stops, way) in crashes {
        for crash in *stops {
            ended.push((shop.crash_at(*step, crash, *way).await, step, crash, way));
        }
    }
    let ids: Vec<OrderId> = ended.iter().map(|(id, ..)| *id).collect();
    let views = shop.until_final(&ids).await;
    for (view, (_, step, crash, way)) in views.iter().zip(&ended) {
        let end = if **way == Way::Fulfilled { Status::Fulfilled } else { Status::Cancelled };
        assert_eq!(view.status, end, "after a crash at {step}:{crash} of {way:?}");
    }
    shop.close(&ids).await;
}

impl Shop {
    /// Sends an order on its way with a worker that dies at `crash`, and replaces the worker.
    async fn crash_at(&mut self, step: Step, crash: &str, way: Way) -> OrderId {
        let key = format!("{step}-{crash}-{way:?}");
        let (basket, giant) = (basket(&[("CRASH", 1)]), basket(&[("GIANT CRASH", 1)]));
        if way == Way::Withdrawn {
            self.pay_and_withdraw(&key).await;
        }
        self.restart(step.pool(), &format!("{step}:{crash}")).await;
        match way {
            Way::Fulfilled => drop(self.place(&key, &basket).await),
            Way::Declined => drop(self.place(&key, &paid_with(basket, "tok_chargeDeclined")).await),
            Way::Unshippable => drop(self.place(&key, &giant).await),
            Way::Withdrawn => {
                let cancel = line(&cancel_requested(&key));
                self.publish(EventKind::CancelRequested, &[cancel]).await;
            }
        }
        self.until_crashed(step.pool()).await;
        self.call_back(step.pool()).await;
        id(&key)
    }

    /// Places an order that fulfilment decides to withdraw when it is paid, and not to ship.
    async fn pay_and_withdraw(&self, key: &str) {
        let decision = tasks([&cancel_requested(key)]);
        workers::fulfilment::withdraw(&self.books.database, &decision).await.unwrap();
        let placed = self.place(key, &basket(&[("CRASH", 1)])).await;
        self.until_told(placed, EventKind::Paid).await;
    }
}
