//! A dead letter stays listed until an operator resolves it: replayed, its order proceeds as if
//! nothing had failed; discarded, its order ends, and no stock or money is held for it. The
//! operator and the reason stay on record.

use std::time::Duration;

use millrace::audit::AuditMode;
use millrace::dead_letters::{ResolveError, ResolveRequest, resolve};
use orders::{EventKind, OrderId, Status};
use serde_json::Value;
use streams::dead_letter::{self, Reason, ResolutionKind, StoredDeadLetter};
use streams::{Connection, Fetcher, Profile, Publisher, Step};
use workers::database_roles::OPERATOR;
use workers::{fulfilment, inventory, payment};

use super::events::{
    PUBLISH_TIMEOUT, cancel_requested, created, ndjson_line, order_id, unprocessable,
};
use super::fixtures::{basket, item, with_payment_token};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::program::{COMMAND_LIMIT, output_within, program};

const FETCH_TIMEOUT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_replayed_record_resumes_at_its_step_and_takes_effect_once() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("DEAD", 100)]).await;
    let mut ids = Vec::new();
    for step in
        [inventory::RESERVE, payment::CHARGE, fulfilment::SHIP, inventory::RELEASE, payment::REFUND]
    {
        let letter = cluster.dead_letter_at(step).await;
        let id = letter.order_id().unwrap();
        assert!(!cluster.views(&[id]).await[0].as_ref().is_some_and(|view| view.status.is_final()));
        cluster.assert_listed_by_audit(&letter).await;

        let number = letter.number.to_string();
        let reason = ["--by", "Ada", "--why", "the cause is fixed"];
        cluster
            .run_dead_command(&[&["replay", &number, "--dry-run"], &reason[..]].concat(), true)
            .await;
        assert_eq!(cluster.dead_letters().await.len(), 1, "a dry run changes nothing");
        cluster.run_dead_command(&[&["replay", &number], &reason[..]].concat(), true).await;
        cluster.wait_until_final(&[id]).await;
        let resolution = cluster.letter(letter.number).await.resolution.unwrap();
        assert_eq!((resolution.action, resolution.by.as_str()), (ResolutionKind::Replayed, "Ada"));
        assert_eq!(resolution.why, "the cause is fixed");

        // The order has proceeded; replaying the same letter again changes nothing.
        resolve(&cluster.sources.connection, &letter, resolution_by_bob(ResolutionKind::Replayed))
            .await
            .unwrap();
        ids.push(id);
    }
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn the_order_of_a_discarded_record_ends_without_stock_or_money() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("DEAD", 100)]).await;
    let mut ids = Vec::new();
    for step in [
        inventory::RESERVE,
        payment::CHARGE,
        fulfilment::SHIP,
        inventory::RELEASE,
        fulfilment::WITHDRAW,
    ] {
        let letter = cluster.dead_letter_at(step).await;
        let id = letter.order_id().unwrap();
        let number = letter.number.to_string();
        cluster
            .run_dead_command(&["discard", &number, "--by", "Ada", "--why", "beyond help"], true)
            .await;
        let expected =
            if step == fulfilment::WITHDRAW { Status::Fulfilled } else { Status::Cancelled };
        wait_until(&format!("the order of a discarded {step} is {expected}"), async || {
            cluster.views(&[id]).await[0].as_ref().is_some_and(|view| view.status == expected)
        })
        .await;
        assert_eq!(cluster.dead_letters().await, []);
        ids.push(id);
    }
    cluster.wait_for_event(order_id("dead-withdraw"), EventKind::CancelRefused).await;
    // Only the order whose cancel request was discarded has been shipped.
    assert_eq!(cluster.on_hand("DEAD").await, 99);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn a_dead_lettered_refund_cannot_be_discarded() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("DEAD", 100)]).await;
    let letter = cluster.dead_letter_at(payment::REFUND).await;
    let discarded =
        resolve(&cluster.sources.connection, &letter, resolution_by_bob(ResolutionKind::Discarded))
            .await;
    assert!(matches!(discarded, Err(ResolveError::HoldsMoney)), "{discarded:?}");
    cluster.run_dead_command(&["discard", "--all", "--by", "Ada", "--why", "gone"], false).await;
    assert_eq!(cluster.dead_letters().await, [letter]);
    cluster
        .run_dead_command(&["replay", "--pool", "payment", "--by", "Ada", "--why", "fixed"], true)
        .await;
    cluster.verify_and_stop(&[order_id("dead-refund")]).await;
}

#[tokio::test]
async fn a_replayed_record_that_fails_again_becomes_a_new_dead_letter() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("DEAD", 100)]).await;
    let poison = unprocessable("fails-again", &basket(&[("DEAD", 1)]));
    cluster.publish(EventKind::Created, &[ndjson_line(&poison)]).await;
    for replays in 0..3 {
        wait_until("one dead letter is unresolved", async || {
            cluster.dead_letters().await.len() == 1
        })
        .await;
        let letter = &cluster.dead_letters().await[0];
        assert_eq!(letter.content.history.replays, replays);
        resolve(&cluster.sources.connection, letter, resolution_by_bob(ResolutionKind::Replayed))
            .await
            .unwrap();
    }
    wait_until("one dead letter is unresolved", async || cluster.dead_letters().await.len() == 1)
        .await;
    let letter = &cluster.dead_letters().await[0];
    resolve(&cluster.sources.connection, letter, resolution_by_bob(ResolutionKind::Discarded))
        .await
        .unwrap();
    cluster.verify_and_stop(&[order_id("fails-again")]).await;
}

fn resolution_by_bob(action: ResolutionKind) -> ResolveRequest<'static> {
    ResolveRequest { action, by: "Bob", why: "to see what happens" }
}

impl TestCluster {
    /// Places an order and makes its record a dead letter at `step`.
    pub(super) async fn dead_letter_at(&mut self, step: Step) -> StoredDeadLetter {
        let key = format!("dead-{step}");
        let order = basket(&[("DEAD", 1)]);
        if step == payment::REFUND {
            // Fulfilment will withdraw it once it is paid.
            self.decide_withdrawal(&key).await;
            self.publish(EventKind::Created, &[ndjson_line(&created(&key, &order))]).await;
            self.wait_for_event(order_id(&key), EventKind::Paid).await;
        }
        self.stop_worker(step.pool).await;
        match step {
            inventory::RELEASE => {
                let declined = with_payment_token(order, "tok_chargeDeclined");
                self.start_worker(step.pool).await;
                self.stop_worker(payment::POOL).await;
                self.publish(EventKind::Created, &[ndjson_line(&created(&key, &declined))]).await;
                self.wait_for_event(order_id(&key), EventKind::Reserved).await;
                self.stop_worker(step.pool).await;
                self.start_worker(payment::POOL).await;
            }
            payment::REFUND => {}
            _ => self.publish(EventKind::Created, &[ndjson_line(&created(&key, &order))]).await,
        }
        if matches!(step, payment::REFUND | fulfilment::WITHDRAW) {
            self.publish(EventKind::CancelRequested, &[ndjson_line(&cancel_requested(&key))]).await;
        }
        make_dead_letter(&self.sources.connection, step, order_id(&key)).await;
        self.start_worker(step.pool).await;
        if step == fulfilment::WITHDRAW {
            self.wait_for_event(order_id(&key), EventKind::Fulfilled).await;
        }
        let letters = self.dead_letters().await;
        assert_eq!(letters.len(), 1, "{letters:?}");
        letters.into_iter().next().unwrap()
    }

    async fn letter(&self, number: u64) -> StoredDeadLetter {
        let letters = dead_letter::read(&self.sources.connection).await.unwrap();
        letters.into_iter().find(|letter| letter.number == number).unwrap()
    }

    async fn assert_listed_by_audit(&self, letter: &StoredDeadLetter) {
        let report = self.assert_audit_passes(AuditMode::Live).await;
        assert_eq!(report.dead, 1);
        let listed: Vec<_> = report.dead_letters.iter().map(|listed| listed.number).collect();
        assert_eq!(listed, [letter.number]);
    }

    /// Runs `millrace dead` as an operator does. Returns what it writes on standard error.
    pub(super) async fn run_dead_command(&self, args: &[&str], succeeds: bool) -> String {
        let mut command = program(["dead"]);
        let brokers = &self.processes.servers.brokers;
        command.env("MILLRACE_KEYS", brokers.keys().path());
        command.env("DATABASE_URL", self.processes.servers.database_url(OPERATOR));
        command.args(["--nats-url", &brokers.url()]).args(args);
        let output = output_within(COMMAND_LIMIT, command).await;
        assert_eq!(output.status.success(), succeeds, "{args:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// Fetches the order's record at `step` and publishes it as a dead letter, as a worker does.
async fn make_dead_letter(connection: &Connection, step: Step, order: OrderId) {
    let mut fetcher = Fetcher::new(connection.clone(), step.events());
    let deliveries = tokio::time::timeout(FETCH_TIMEOUT, fetcher.next(1)).await.unwrap().unwrap();
    for delivery in deliveries {
        for record in &delivery.records {
            let event: Value = serde_json::from_slice(&record.line).unwrap();
            assert_eq!(event["order_id"], order.to_string());
            let letter = dead_letter::message(&step, Reason::Exhausted, record, "it failed");
            Publisher::new(connection.clone()).publish(&letter, PUBLISH_TIMEOUT).await.unwrap();
        }
        delivery.ack().await;
    }
    fetcher.nak().await;
    connection.flush().await;
}
