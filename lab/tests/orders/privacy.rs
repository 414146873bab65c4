//! What an order says about a person is in the event of the order, in its copies among retries and dead letters, and in
//! one row. Nothing else that a run leaves has it, and nothing at all has the name of a caller.

use edge::Scope;
use millrace::keys::Role;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use orders::{EventBody, EventKind, OrderId, Status};
use serde_json::{Value, json};
use streams::Profile;
use tempfile::NamedTempFile;
use tokio::process::Child;
use workers::stages;

use super::events::{created, ndjson_line, order_id, unprocessable};
use super::fixtures::{basket, item, with_payment_token};
use super::http_client::HttpResponse;
use super::remains::{Remains, assert_absent};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::edge::test_issuer::{key_file, token};
use crate::program::{COMMAND_LIMIT, output_within, program};

/// In every text about a person, and the digits of their phone number.
const PLANTED: [&str; 2] = ["plnt7f3a", "4479998877665"];
/// In the name of the caller.
const CALLER: &str = "clr9e2b-caller@shop.example";
/// The seed of the key that signs tokens.
const KEY: u8 = 7;
/// Where the texts may be in PostgreSQL.
const ROW: &str = "inventory.order_contents";

/// An order with a planted value in every member that is about a person.
fn planted(basket: Value) -> Value {
    let mut order = basket;
    order["customer_id"] = json!("plnt7f3a customer");
    order["reference"] = json!("a reference");
    order["shipping_address"] = json!({
        "name": "plnt7f3a name", "line1": "plnt7f3a line1", "line2": "plnt7f3a line2",
        "city": "plnt7f3a city", "state": "plnt7f3a state", "postal_code": "plnt7f3a", "country": "GB",
    });
    order["contact"] = json!({"email": "plnt7f3a@example.com", "phone": "+4479998877665"});
    order["metadata"] = json!({"plnt7f3a key": "plnt7f3a value"});
    order
}

#[tokio::test]
async fn what_is_about_a_person_is_in_the_order_and_its_row_and_nowhere_else_that_a_run_leaves() {
    let keys = key_file(&[KEY]);
    let mut plan = plan(Profile::Single);
    plan.admins = 1;
    plan.envs.extend([
        ("MILLRACE_IDENTITY".to_owned(), "keys".to_owned()),
        ("MILLRACE_TOKEN_KEYS".to_owned(), keys.path().display().to_string()),
        ("MILLRACE_UNSHIPPABLE".to_owned(), "GIANT".to_owned()),
        (
            "RUST_LOG".to_owned(),
            "info,edge=trace,workers=trace,streams=trace,millrace=trace".to_owned(),
        ),
    ]);
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("KNOWN", 9), item("GIANT KNOWN", 9)]).await;
    let tail = cluster.start_tail().await;

    let mut ids = cluster.place_to_each_end().await;
    cluster.leave_dead_letters_and_a_retry().await;
    // The parsers of edges refuse these, and say what is wrong.
    let mut wrong = planted(basket(&[("KNOWN", 1)]));
    wrong["contact"]["phone"] = json!("4479998877665 plnt7f3a");
    let refused = cluster.post_as_caller("wrong", &wrong).await;
    assert_eq!(refused.status, 422);
    let shown = cluster.listings(&ids).await + &refused.body.to_string();

    assert_absent(&shown, "a listing", &[&PLANTED[..], &[CALLER]].concat());
    let remains = Remains::of(&cluster, tail.end().await).await;
    remains.assert_found_only_in(&PLANTED, ROW);
    remains.assert_found_nowhere(CALLER);
    // The values are planted: the places that may have them do.
    remains.assert_planted(&PLANTED, ROW);

    ids.retain(|id| *id != order_id("retried"));
    cluster.assert_consistent(&ids).await;
    cluster.processes.stop().await.unwrap();
}

/// `millrace tail`, and the file that it prints into.
struct Tail {
    process: Child,
    printed: NamedTempFile,
}

impl Tail {
    /// Ends it. Returns what it has printed.
    async fn end(mut self) -> String {
        kill(Pid::from_raw(self.process.id().unwrap() as i32), Signal::SIGTERM).unwrap();
        self.process.wait().await.unwrap();
        std::fs::read_to_string(self.printed.path()).unwrap()
    }
}

impl TestCluster {
    /// Starts it, and waits until it follows orders.
    async fn start_tail(&self) -> Tail {
        let printed = NamedTempFile::new().unwrap();
        let process = program(["tail"])
            .envs(self.processes.servers.brokers.environment(Role::Viewer))
            .stdout(printed.reopen().unwrap())
            .spawn()
            .unwrap();
        wait_until("tail follows orders", async || {
            self.post_as_caller("followed", &planted(basket(&[("KNOWN", 1)]))).await;
            std::fs::read_to_string(printed.path()).unwrap().contains("created")
        })
        .await;
        Tail { process, printed }
    }

    async fn post_as_caller(&self, key: &str, body: &Value) -> HttpResponse {
        let bearer = format!("Bearer {}", token(KEY, CALLER, Scope::ALL));
        self.post_with(0, key, body, &[("authorization", &bearer)]).await
    }

    /// Places an order that ends in each way, and waits for its end.
    async fn place_to_each_end(&self) -> Vec<OrderId> {
        let known = || basket(&[("KNOWN", 1)]);
        let declined = with_payment_token(known(), "tok_chargeDeclined");
        let mut ids = Vec::new();
        for (key, body) in [
            ("fulfilled", known()),
            ("declined", declined),
            ("rejected", basket(&[("UNKNOWN", 1)])),
            ("withdrawn", basket(&[("GIANT KNOWN", 1)])),
        ] {
            let placed = self.post_as_caller(key, &planted(body)).await;
            ids.push(placed.order_id());
        }
        let views = self.wait_until_final(&ids).await;
        let ends = [Status::Fulfilled, Status::Cancelled, Status::Rejected, Status::Cancelled];
        assert_eq!(views.iter().map(|view| view.status).collect::<Vec<_>>(), ends);
        // Another body under a key that was used; the edge refuses what it knows to be one.
        let mut other = created("conflicted", &planted(known()));
        other.order_id = ids[0];
        if let EventBody::Created(created) = &mut other.body {
            created.digest = orders::BodyDigest::from_bytes([7; 16]);
        }
        self.publish(EventKind::Created, &[ndjson_line(&other)]).await;
        self.wait_for_event(ids[0], EventKind::Conflicted).await;
        ids
    }

    /// Leaves records of orders that no step can process, or no worker of this version.
    async fn leave_dead_letters_and_a_retry(&self) {
        let schedules = self.collect_schedules().await;
        let of = |key: &str| created(key, &planted(basket(&[("KNOWN", 1)])));
        let poison = unprocessable("poison", &planted(basket(&[("KNOWN", 1)])));
        let line = |key| String::from_utf8(ndjson_line(&of(key))).unwrap();
        let address = line("undecodable");
        let (before, rest) = address.split_once(r#""shipping_address":{"#).unwrap();
        let (_, after) = rest.split_once('}').unwrap();
        let undecodable =
            format!(r#"{before}"shipping_address":"plnt7f3a, expected plnt7f3a"{after}"#);
        let newer = line("retried").replacen("created_v2", "created_v9", 1);
        let lines = [ndjson_line(&poison), undecodable.into_bytes(), newer.into_bytes()];
        self.publish(EventKind::Created, &lines).await;
        schedules.wait_for_event("created_v9").await;
        wait_until("there are dead letters", async || self.dead_letters().await.len() == 2).await;
    }

    /// What operators look at.
    async fn listings(&self, ids: &[OrderId]) -> String {
        let mut operator = self.admin_client(Role::Operator, 1).await;
        let mut shown = self.status_text().await;
        shown += &operator.get("dead.list", &json!({})).await.to_string();
        for letter in self.dead_letters().await {
            let number = letter.number;
            shown += &operator.get("dead.show", &json!({"number": number})).await.to_string();
            shown += &self.command(Role::Viewer, &["dead", "show", &number.to_string()]).await;
        }
        for id in ids {
            let request = json!({"order_id": id.to_string()});
            shown += &operator.get("order", &request).await.to_string();
        }
        shown += &self.command(Role::Viewer, &["dead", "list", "--handled"]).await;
        shown += &self.command(Role::Auditor, &["audit", "--json"]).await;
        for pool in stages::pools() {
            let stats = format!("$SRV.STATS.millrace-{pool}");
            shown += &self.nats().await.request(&stats, "").await.to_string();
        }
        shown
    }

    /// What a command prints.
    async fn command(&self, role: Role, arguments: &[&str]) -> String {
        let endpoints = self.processes.endpoints();
        let mut command = program(arguments);
        command
            .envs(self.processes.servers.brokers.environment(role))
            .env("DATABASE_URL", &endpoints.database_url)
            .env("MILLRACE_PROVIDER_URL", &endpoints.provider_url)
            .env("MILLRACE_PROVIDER_KEY", super::test_cluster::PROVIDER_KEY)
            .env("MILLRACE_PROFILE", "single");
        let output = output_within(COMMAND_LIMIT, command).await;
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }
}
