//! A dead letter waits, named, until somebody decides: replayed, its order goes on as if nothing had
//! been; discarded, its order ends and nothing of it is held. Who decided and why stays to be read.

use std::process::Command;
use std::time::Duration;

use millrace::audit::AuditMode;
use millrace::dead_letters::{ResolveError, ResolveRequest, resolve};
use orders::{EventBody, EventKind, OrderId, Status};
use serde_json::Value;
use streams::dead_letter::{self, Reason, ResolutionKind, StoredDeadLetter};
use streams::{Connection, Fetcher, Pool, Profile, Publisher, Step};

use super::events::{cancel_requested, created, id, line, tasks};
use super::fixtures::{basket, item, paid_with};
use super::test_cluster::{Shop, plan, until};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_replayed_record_goes_on_at_its_step_and_is_done_once() {
    let mut shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("DEAD", 100)]).await;
    let mut ids = Vec::new();
    for step in [Step::Reserve, Step::Charge, Step::Ship, Step::Release, Step::Refund] {
        let letter = shop.dies_at(step).await;
        let id = letter.order_id().unwrap();
        assert!(!shop.views(&[id]).await[0].as_ref().is_some_and(|it| it.status.is_final()));
        shop.is_named_by_an_audit(&letter).await;

        let number = letter.number.to_string();
        let why = ["--by", "Ada", "--why", "the cause is mended"];
        shop.millrace(&[&["replay", &number, "--dry-run"], &why[..]].concat(), true);
        assert_eq!(shop.dead_letters().await.len(), 1, "nothing is done in a dry run");
        shop.millrace(&[&["replay", &number], &why[..]].concat(), true);
        shop.until_final(&[id]).await;
        let handled = shop.letter(letter.number).await.handled.unwrap();
        assert_eq!((handled.action, handled.by.as_str()), (ResolutionKind::Replayed, "Ada"));
        assert_eq!(handled.why, "the cause is mended");

        // The order has moved on; the same letter again changes nothing.
        resolve(&shop.books.connection, &letter, by_bob(ResolutionKind::Replayed)).await.unwrap();
        ids.push(id);
    }
    shop.close(&ids).await;
}

#[tokio::test]
async fn the_order_of_a_discarded_record_ends_and_holds_nothing() {
    let mut shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("DEAD", 100)]).await;
    let mut ids = Vec::new();
    for step in [Step::Reserve, Step::Charge, Step::Ship, Step::Release, Step::Withdraw] {
        let letter = shop.dies_at(step).await;
        let id = letter.order_id().unwrap();
        let number = letter.number.to_string();
        shop.millrace(&["discard", &number, "--by", "Ada", "--why", "beyond help"], true);
        let end = if step == Step::Withdraw { Status::Fulfilled } else { Status::Cancelled };
        until(&format!("it has ended after a discarded {step}"), async || {
            shop.views(&[id]).await[0].as_ref().is_some_and(|view| view.status == end)
        })
        .await;
        assert_eq!(shop.dead_letters().await, []);
        ids.push(id);
    }
    shop.until_told(id("dead-withdraw"), EventKind::CancelRefused).await;
    // Only the order whose cancellation died was shipped.
    assert_eq!(shop.on_hand("DEAD").await, 99);
    shop.close(&ids).await;
}

#[tokio::test]
async fn a_dead_refund_cannot_be_discarded() {
    let mut shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("DEAD", 100)]).await;
    let letter = shop.dies_at(Step::Refund).await;
    let discarded =
        resolve(&shop.books.connection, &letter, by_bob(ResolutionKind::Discarded)).await;
    assert!(matches!(discarded, Err(ResolveError::HoldsMoney)), "{discarded:?}");
    shop.millrace(&["discard", "--all", "--by", "Ada", "--why", "gone"], false);
    assert_eq!(shop.dead_letters().await, [letter]);
    shop.millrace(&["replay", "--pool", "payment", "--by", "Ada", "--why", "mended"], true);
    shop.close(&[id("dead-refund")]).await;
}

#[tokio::test]
async fn a_replayed_record_that_dies_again_is_a_letter_of_its_own() {
    let shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&[item("DEAD", 100)]).await;
    let mut poison = created("dies-again", &basket(&[("DEAD", 1)]));
    if let EventBody::Created(created) = &mut poison.body {
        created.order.reference = Some("no database takes a \0".to_owned());
    }
    shop.publish(EventKind::Created, &[line(&poison)]).await;
    for replays in 0..3 {
        until("a letter waits", async || shop.dead_letters().await.len() == 1).await;
        let letter = &shop.dead_letters().await[0];
        assert_eq!(letter.content.history.replays, replays);
        resolve(&shop.books.connection, letter, by_bob(ResolutionKind::Replayed)).await.unwrap();
    }
    until("a letter waits", async || shop.dead_letters().await.len() == 1).await;
    let letter = &shop.dead_letters().await[0];
    resolve(&shop.books.connection, letter, by_bob(ResolutionKind::Discarded)).await.unwrap();
    shop.close(&[id("dies-again")]).await;
}

fn by_bob(action: ResolutionKind) -> ResolveRequest<'static> {
    ResolveRequest { action, by: "Bob", why: "to see what happens" }
}

impl Shop {
    /// Sends an order on its way and lets its record become a dead letter at `step`.
    async fn dies_at(&mut self, step: Step) -> StoredDeadLetter {
        let key = format!("dead-{step}");
        let order = basket(&[("DEAD", 1)]);
        if step == Step::Refund {
            // Fulfilment withdraws it when it is paid.
            let request = tasks([&cancel_requested(&key)]);
            workers::fulfilment::withdraw(&self.books.database, &request).await.unwrap();
            self.publish(EventKind::Created, &[line(&created(&key, &order))]).await;
            self.until_told(id(&key), EventKind::Paid).await;
        }
        self.send_home(step.pool()).await;
        match step {
            Step::Release => {
                let declined = paid_with(order, "tok_chargeDeclined");
                self.call_back(step.pool()).await;
                self.send_home(Pool::Payment).await;
                self.publish(EventKind::Created, &[line(&created(&key, &declined))]).await;
                self.until_told(id(&key), EventKind::Reserved).await;
                self.send_home(step.pool()).await;
                self.call_back(Pool::Payment).await;
            }
            Step::Refund => {}
            _ => self.publish(EventKind::Created, &[line(&created(&key, &order))]).await,
        }
        if matches!(step, Step::Refund | Step::Withdraw) {
            self.publish(EventKind::CancelRequested, &[line(&cancel_requested(&key))]).await;
        }
        bury(&self.books.connection, step, id(&key)).await;
        self.call_back(step.pool()).await;
        if step == Step::Withdraw {
            self.until_told(id(&key), EventKind::Fulfilled).await;
        }
        let letters = self.dead_letters().await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        letters.into_iter().next().unwrap()
    }

    async fn letter(&self, number: u64) -> StoredDeadLetter {
        let letters = dead_letter::read(&self.books.connection).await.unwrap();
        letters.into_iter().find(|letter| letter.number == number).unwrap()
    }

    async fn is_named_by_an_audit(&self, letter: &StoredDeadLetter) {
        let report = self.audited(AuditMode::Live).await;
        assert_eq!(report.dead, 1);
        let named: Vec<_> = report.dead_letters.iter().map(|named| named.number).collect();
        assert_eq!(named, [letter.number]);
    }

    /// Runs `millrace dead` as an operator does.
    fn millrace(&self, args: &[&str], succeeds: bool) {
        let output = Command::new(env!("CARGO_BIN_EXE_millrace-lab"))
            .arg("dead")
            .args(["--nats-url", &self.cluster.servers.brokers.url()])
            .args(args)
            .output()
            .unwrap();
        assert_eq!(output.status.success(), succeeds, "{args:?}: {output:?}");
    }
}

/// Takes the order's record from `step` and makes a dead letter of it, as a worker does.
async fn bury(connection: &Connection, step: Step, order: OrderId) {
    let mut puller = Fetcher::new(connection.clone(), step.events());
    let deliveries = tokio::time::timeout(PATIENCE, puller.next(1)).await.unwrap().unwrap();
    for delivery in deliveries {
        for record in &delivery.records {
            let event: Value = serde_json::from_slice(&record.line).unwrap();
            assert_eq!(event["order_id"], order.to_string());
            let letter = dead_letter::message(step, Reason::Exhausted, record, "it failed");
            Publisher::new(connection.clone()).publish(&letter, PATIENCE).await.unwrap();
        }
        delivery.ack().await;
    }
    puller.nak().await;
    connection.flush().await;
}
