//! Events that no pool has published: who reaches the brokers can forge one, and it moves nothing.

use millrace::dead_letters::{ResolveRequest, resolve};
use orders::{CancelReason, CancelledBy, Event, EventBody, EventKind, Money, PlaceOrder, Status};
use streams::Profile;
use streams::dead_letter::{Reason, ResolutionKind};
use workers::payment;

use super::events::{created, event, ndjson_line, order_id};
use super::fixtures::{PRICE, basket, item, with_payment_token};
use super::test_cluster::{TestCluster, plan, wait_until};

const STOCK: i64 = 100;
const DECLINED_CARD: &str = "tok_chargeDeclined";

#[tokio::test]
async fn forged_events_ship_nothing_charge_nothing_and_move_no_stock() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("FORGED", STOCK)]).await;
    let body = basket(&[("FORGED", 1)]);
    let shipped = cluster.place("shipped", &body).await;
    cluster.wait_until_final(&[shipped]).await;
    cluster.stop_worker(payment::POOL).await;
    let declined = cluster.place("declined", &with_payment_token(body, DECLINED_CARD)).await;
    cluster.wait_for_status(declined, Status::Reserved).await;

    let amount = money(PRICE);
    let paid = || EventBody::Paid { amount, payment_intent: "pi_forged".to_owned() };
    let reason = CancelReason::Requested { by: CancelledBy::Buyer };
    let token = created("never-placed", &basket(&[("FORGED", 1)]));
    let EventBody::Created(created) = &token.body else { panic!("{token:?}") };
    let reserved = |amount| EventBody::Reserved {
        amount,
        payment_token: created.order.payment_token.clone(),
        on_decline: created.order.on_decline,
    };
    let forged = [
        // A shipment without payment, and for an order that never existed.
        event("declined", paid()),
        event("never-placed", paid()),
        // A charge for what was not reserved, and of another amount.
        event("never-placed", reserved(amount)),
        event("declined", reserved(money(1))),
        // Money back, and stock, for what was shipped.
        event("shipped", EventBody::Withdrawn { reason: reason.clone() }),
        event("shipped", EventBody::Declined { decline_code: "forged".to_owned() }),
        event("shipped", EventBody::Refunded { amount: None, reason }),
    ];
    for event in &forged {
        cluster.publish(event.body.kind(), &[ndjson_line(event)]).await;
    }
    cluster.start_worker(payment::POOL).await;
    cluster.wait_until_rejected(&forged, "is not believed").await;

    assert_eq!(cluster.wait_until_final(&[declined]).await[0].status, Status::Cancelled);
    assert_eq!(cluster.wait_until_final(&[shipped]).await[0].status, Status::Fulfilled);
    assert!(cluster.views(&[order_id("never-placed")]).await[0].is_none());
    assert_eq!(cluster.on_hand("FORGED").await, STOCK - 1);
    assert_eq!(cluster.sources.provider.list_refunds(None).await.unwrap().data, []);
    // An operator who discards them cancels no order.
    let discard = ResolveRequest { action: ResolutionKind::Discarded, by: "Ada", why: "forged" };
    for letter in cluster.dead_letters().await {
        resolve(&cluster.sources.connection, &letter, discard).await.unwrap();
    }
    assert_eq!(cluster.dead_letters().await, []);
    let events = cluster.events_of(shipped).await;
    assert!(!events.contains(&EventKind::CancelRequested), "{events:?}");
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn an_order_whose_total_is_not_that_of_its_lines_is_rejected() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("PENNY", STOCK)]).await;
    let forge = |key: &str, change: &dyn Fn(&mut PlaceOrder)| {
        let mut event = created(key, &basket(&[("PENNY", 10)]));
        if let EventBody::Created(created) = &mut event.body {
            change(&mut created.order);
        }
        event
    };
    let forged = [
        forge("penny", &|order| order.total.amount = 1),
        forge("no-lines", &|order| {
            order.lines.clear();
            order.total.amount = 0;
        }),
    ];
    for event in &forged {
        cluster.publish(EventKind::Created, &[ndjson_line(event)]).await;
    }
    cluster.wait_until_rejected(&forged, "lines").await;
    assert_eq!(cluster.views(&forged.each_ref().map(|event| event.order_id)).await, [None, None]);
    assert_eq!(cluster.on_hand("PENNY").await, STOCK);
    cluster.processes.stop().await.unwrap();
}

fn money(amount: i64) -> Money {
    Money { amount, currency: "GBP".parse().unwrap() }
}

impl TestCluster {
    /// Waits until each of `forged` is a dead letter whose error contains `expected`.
    async fn wait_until_rejected(&self, forged: &[Event], expected: &str) {
        wait_until("every forged event is a dead letter", async || {
            self.dead_letters().await.len() >= forged.len()
        })
        .await;
        let letters = self.dead_letters().await;
        assert_eq!(letters.len(), forged.len(), "{letters:?}");
        for event in forged {
            let line = String::from_utf8(ndjson_line(event)).unwrap();
            let letter = letters.iter().find(|letter| letter.content.record == line.trim_end());
            let letter = letter.unwrap_or_else(|| panic!("no dead letter of {line}"));
            assert_eq!(letter.content.reason, Reason::Poison, "{letter:?}");
            assert!(letter.content.error.contains(expected), "{letter:?}");
        }
    }
}
