//! `millrace erase`: what is known of a customer is removed, but for what proves an order.

use std::process::Output;

use millrace::audit::AuditMode;
use millrace::dead_letters::{ResolveError, ResolveRequest, resolve};
use millrace::keys::Role;
use orders::{EventKind, OrderId, Status};
use serde_json::{Value, json};
use streams::dead_letter::{self, NotReplayable, ResolutionKind, StoredDeadLetter};
use streams::{Profile, consumer_progress};
use workers::database_roles::ERASER;
use workers::{inventory, payment};

use super::events::{ndjson_line, order_id, unprocessable};
use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::program::{COMMAND_LIMIT, output_within, program};

/// The customer who is erased, and another one, whose id contains theirs.
const ANN: &str = "ann 4711";
const BOB: &str = "ann 47110";

fn order_of(customer: &str, sku: &str) -> Value {
    let mut order = basket(&[(sku, 1)]);
    order["customer_id"] = json!(customer);
    order["reference"] = json!("kept");
    order["shipping_address"] =
        json!({"name": format!("name of {customer}"), "line1": "1 High St", "country": "GB"});
    order["contact"] = json!({"email": "mail-of-them@example.com"});
    order["metadata"] = json!({"note": format!("about {customer}")});
    order
}

#[tokio::test]
async fn what_is_known_of_a_customer_is_erased_once_their_orders_are_final_and_the_audit_passes() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ERASED", 100)]).await;
    let placed = cluster.post(0, "erased", &order_of(ANN, "ERASED")).await;
    let rejected = cluster.place("rejected", &order_of(ANN, "NO-SUCH")).await;
    let of_bob = cluster.place("of-bob", &order_of(BOB, "ERASED")).await;
    let erased = placed.order_id();
    cluster.wait_until_final(&[erased, rejected, of_bob]).await;
    cluster.stop_worker(payment::POOL).await;
    let in_flight = cluster.place("in-flight", &order_of(ANN, "ERASED")).await;
    cluster.wait_for_status(in_flight, Status::Reserved).await;
    let before = cluster.row(erased).await;

    let (output, text) = cluster.erase(ANN, &["--dry-run"], "").await;
    assert!(text.contains("would erase 2 orders and 0 dead letters"), "{output:?}");
    assert_eq!(cluster.row(erased).await, before);
    let (output, text) = cluster.erase(ANN, &[], "").await;
    // An order is left, so the erasure has not ended.
    assert!(!output.status.success(), "{output:?}");
    assert!(text.contains("erased 2 orders and 0 dead letters"), "{text}");
    assert!(text.contains(&format!("order {in_flight} is left: it is reserved")), "{text}");
    assert!(text.contains("2 of these orders were placed within the last day"), "{text}");

    for id in [erased, rejected] {
        let row = cluster.row(id).await;
        for member in ["customer_id", "shipping_address", "contact", "metadata"] {
            assert_eq!(row[member], Value::Null, "{row}");
        }
        assert_eq!((&row["reference"], &row["erased"]), (&json!("kept"), &json!(true)));
    }
    let after = cluster.row(erased).await;
    assert_eq!((&after["digest"], &after["total"]), (&before["digest"], &before["total"]));
    for id in [of_bob, in_flight] {
        assert!(cluster.row(id).await["contact"].is_object(), "it is not erased");
    }
    let shown = cluster.current_status(placed.signed_id()).await["order"].take();
    assert_eq!((&shown["erased"], &shown["reference"]), (&json!(true), &json!("kept")));
    assert_eq!((&shown["lines"][0]["sku"], shown.get("contact")), (&json!("ERASED"), None));

    // A client that repeats its request has the same order, and writes nothing that was erased.
    let repeated = cluster.post(1, "erased", &order_of(ANN, "ERASED")).await;
    assert_eq!(repeated.order_id(), erased);
    cluster.wait_for_copy_of(erased).await;
    cluster.start_worker(payment::POOL).await;
    cluster.wait_until_final(&[in_flight]).await;
    assert_eq!(cluster.row(erased).await["contact"], Value::Null);

    let (output, text) = cluster.erase(ANN, &[], "").await;
    assert!(output.status.success() && text.contains("erased 1 orders"), "{output:?}");
    let (output, text) = cluster.erase(ANN, &[], "").await;
    assert!(output.status.success() && text.contains("nothing is left to erase"), "{output:?}");
    let records = cluster.erasures().await;
    let recorded = |orders, left| {
        json!({"asked_by": "Ada", "why": "ticket 12", "orders": orders, "letters": 0,
            "left_over": left, "ended": true})
    };
    assert_eq!(records, [recorded(2, 1), recorded(1, 0)]);
    cluster.assert_audit_passes(AuditMode::Live).await;
    cluster.verify_and_stop(&[erased, rejected, of_bob, in_flight]).await;
}

#[tokio::test]
async fn dead_letters_of_a_customer_are_erased_keep_their_resolution_and_are_not_replayed() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ERASED", 100)]).await;
    cluster.leave_letters(&[("dead", ANN), ("resolved", ANN), ("dead-bob", BOB)]).await;
    let resolved = cluster.letter_of("resolved").await;
    cluster.resolve(&resolved, ResolutionKind::Discarded).await.unwrap();
    cluster.wait_for_status(order_id("resolved"), Status::Cancelled).await;

    let (output, text) = cluster.erase(ANN, &[], "").await;
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("erased 0 orders and 2 dead letters"), "{text}");
    assert_eq!(text.matches("can only be discarded").count(), 1, "{text}");
    let stored = cluster.stored_letters_text().await;
    assert!(!stored.contains("name of ann 4711\""), "{stored}");
    assert!(stored.contains("name of ann 47110"), "the letter of another customer is kept");
    let letter = cluster.letter_of("resolved").await;
    assert_eq!(letter.resolution.unwrap().action, ResolutionKind::Discarded);
    let report = cluster.assert_audit_passes(AuditMode::Live).await;
    assert_eq!(report.dead, 2, "they are listed as before");

    let dead = cluster.letter_of("dead").await;
    let replayed = cluster.resolve(&dead, ResolutionKind::Replayed).await;
    assert!(
        matches!(replayed, Err(ResolveError::NotReplayable(NotReplayable::Erased))),
        "{replayed:?}"
    );
    let number = dead.number.to_string();
    let reason = ["--by", "Ada", "--why", "erased"];
    cluster.run_dead_command(&[&["replay", &number], &reason[..]].concat(), false).await;
    cluster.run_dead_command(&[&["discard", &number], &reason[..]].concat(), true).await;
    cluster.wait_for_status(order_id("dead"), Status::Cancelled).await;
    let bob = cluster.letter_of("dead-bob").await;
    cluster.resolve(&bob, ResolutionKind::Discarded).await.unwrap();
    let (_, text) = cluster.erase(ANN, &[], "").await;
    assert!(text.contains("nothing is left to erase"), "{text}");
    let ids = ["dead", "resolved", "dead-bob"].map(order_id);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn an_erasure_that_crashes_is_ended_by_the_next_one() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ERASED", 100)]).await;
    let id = cluster.place("crashed", &order_of(ANN, "ERASED")).await;
    cluster.wait_until_final(&[id]).await;
    cluster.leave_letters(&[("dead", ANN), ("resolved", ANN)]).await;
    let resolved = cluster.letter_of("resolved").await;
    cluster.resolve(&resolved, ResolutionKind::Discarded).await.unwrap();
    cluster.wait_for_status(order_id("resolved"), Status::Cancelled).await;

    for failpoint in ["crash_in_erasure", "crash_between_erased_batches"] {
        let (output, text) = cluster.erase(ANN, &[], failpoint).await;
        assert!(!output.status.success() && !text.contains("erased 1"), "{failpoint}: {output:?}");
    }
    // What the second one has committed is not found any more.
    let (output, text) = cluster.erase(ANN, &[], "").await;
    assert!(output.status.success() && text.contains("nothing is left"), "{output:?}");
    assert_eq!(cluster.row(id).await["contact"], Value::Null);
    let stored = cluster.stored_letters_text().await;
    assert!(!stored.contains("name of ann"), "{stored}");
    let letters = dead_letter::read(&cluster.sources.connection).await.unwrap();
    assert_eq!(letters.len(), 2, "each letter is there once: {letters:?}");
    assert!(cluster.letter_of("resolved").await.resolution.is_some());
    let ended: Vec<Value> = cluster.erasures().await.iter().map(|it| it["ended"].clone()).collect();
    assert_eq!(ended, [false, false]);
    let dead = cluster.letter_of("dead").await;
    cluster.resolve(&dead, ResolutionKind::Discarded).await.unwrap();
    cluster.wait_for_status(order_id("dead"), Status::Cancelled).await;
    cluster.verify_and_stop(&[id, order_id("dead"), order_id("resolved")]).await;
}

#[tokio::test]
async fn the_customer_of_a_row_of_an_earlier_version_is_erased_and_no_reason_names_them() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("ERASED", 100)]).await;
    let id = cluster.place("earlier", &basket(&[("ERASED", 1)])).await;
    cluster.wait_until_final(&[id]).await;
    let earlier =
        format!("UPDATE inventory.reservations SET customer_id = '{ANN}' WHERE order_id = '{id}'");
    cluster.sql(&earlier).await;
    assert_eq!(cluster.row(id).await["customer_id"], json!(ANN));
    let (output, text) = cluster.erase(ANN, &["--why", "ann 4711 has asked"], "").await;
    assert!(!output.status.success() && text.contains("must not contain"), "{output:?}");
    let (output, _) = cluster.erase(ANN, &[], "").await;
    assert!(output.status.success(), "{output:?}");
    let row = cluster.row(id).await;
    assert_eq!((&row["customer_id"], &row["erased"]), (&Value::Null, &json!(true)));
    cluster.verify_and_stop(&[id]).await;
}

impl TestCluster {
    /// Runs the command with the credentials of its role. Returns what it has printed as well.
    async fn erase(&self, customer: &str, options: &[&str], failpoint: &str) -> (Output, String) {
        let mut command = program(["erase", "--customer", customer, "--by", "Ada"]);
        if !options.contains(&"--why") {
            command.args(["--why", "ticket 12"]);
        }
        command
            .args(options)
            .envs(self.processes.servers.brokers.environment(Role::Eraser))
            .env("ERASER_DATABASE_URL", self.processes.servers.database_url(ERASER))
            .env(streams::failpoints::FAILPOINTS, failpoint);
        let output = output_within(COMMAND_LIMIT, command).await;
        let text = [&output.stdout[..], &output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        assert!(!text.contains(customer), "{text}");
        (output, text)
    }

    /// Waits until inventory has processed a repeat of an order: nothing waits for it, and it has left no outcome.
    async fn wait_for_copy_of(&self, id: OrderId) {
        wait_until("the repeat is stored", async || {
            let events = self.events_of(id).await;
            events.iter().filter(|event| **event == EventKind::Created).count() == 2
        })
        .await;
        wait_until("inventory has processed what is stored", async || {
            let source = inventory::RESERVE.events();
            let progress = consumer_progress(&self.sources.connection, &source).await.unwrap();
            progress.messages_waiting + progress.messages_held == 0
        })
        .await;
    }

    /// What the rows of inventory say of an order.
    async fn row(&self, id: OrderId) -> Value {
        let connection = self.sources.database.connection().await.unwrap();
        let select = format!(
            "SELECT json_build_object('digest', encode(digest, 'hex'), 'total', total, 'reference', reference,
                 'customer_id', coalesce(contents.customer_id, reservations.customer_id),
                 'shipping_address', shipping_address, 'contact', contact, 'metadata', metadata,
                 'erased', erased_by IS NOT NULL)::text
             FROM inventory.reservations LEFT JOIN inventory.order_contents AS contents USING (order_id)
             WHERE order_id = '{id}'"
        );
        let row = connection.query_one(&select, &[]).await.unwrap();
        serde_json::from_str(row.get(0)).unwrap()
    }

    /// The records of erasures.
    async fn erasures(&self) -> Vec<Value> {
        let connection = self.sources.database.connection().await.unwrap();
        let select = "SELECT json_build_object('asked_by', asked_by, 'why', why, 'orders', orders,
                 'letters', letters, 'left_over', left_over, 'ended', ended_at IS NOT NULL)::text
             FROM inventory.erasures ORDER BY number";
        let rows = connection.query(select, &[]).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(row.get(0)).unwrap()).collect()
    }

    /// Makes an order with this key and customer a dead letter, which no step can process.
    async fn leave_letters(&self, orders: &[(&str, &str)]) {
        let lines = orders.iter().map(|(key, customer)| {
            let poison = unprocessable(key, &order_of(customer, "ERASED"));
            ndjson_line(&poison)
        });
        self.publish(EventKind::Created, &lines.collect::<Vec<_>>()).await;
        wait_until("there are dead letters", async || {
            self.dead_letters().await.len() == orders.len()
        })
        .await;
    }

    async fn letter_of(&self, key: &str) -> StoredDeadLetter {
        let letters = dead_letter::read(&self.sources.connection).await.unwrap();
        let id = Some(order_id(key));
        letters.into_iter().find(|letter| letter.order_id() == id).unwrap()
    }

    async fn resolve(
        &self,
        letter: &StoredDeadLetter,
        action: ResolutionKind,
    ) -> Result<(), ResolveError> {
        let request = ResolveRequest { action, by: "Ada", why: "to see what happens" };
        resolve(&self.sources.connection, letter, request).await
    }

    /// All that the stream of dead letters has.
    async fn stored_letters_text(&self) -> String {
        let messages = self.messages("DEAD_LETTERS").await;
        let lines = messages.iter().flat_map(|message| &message.lines);
        lines.map(|line| String::from_utf8_lossy(line).replace("\\\"", "\"")).collect()
    }
}
