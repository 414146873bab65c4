//! Repairs by requests to `millrace admin`: dead letters, the history of an order, its cancellation, and the
//! audit. What changes something is recorded with who and why, and a dry run changes nothing.

use lab::up::Plan;
use millrace::keys::Role;
use orders::{EventKind, Status};
use serde_json::{Value, json};
use streams::{AdminStage, Profile};
use workers::{inventory, payment};

use super::events::order_id;
use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};

async fn cluster() -> TestCluster {
    let plan = Plan { admins: 1, edges: 1, ..plan(Profile::Single) };
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("DEAD", 100), item("WHOLE", 100)]).await;
    cluster
}

#[tokio::test]
async fn dead_letters_are_listed_shown_replayed_and_discarded_and_each_decision_is_recorded() {
    let mut cluster = cluster().await;
    let letter = cluster.dead_letter_at(payment::CHARGE).await;
    let (number, id) = (letter.number, letter.order_id().unwrap());
    let mut viewer = cluster.admin_client(Role::Viewer, 1).await;
    let listed = viewer.get("dead.list", &json!({"pool": "payment"})).await;
    assert_eq!((&listed["matching"], &listed["next"]), (&json!(1), &Value::Null), "{listed}");
    let summary = &listed["letters"][0];
    assert_eq!(
        (&summary["number"], &summary["order_id"]),
        (&json!(number), &json!(id)),
        "{listed}"
    );
    assert_eq!(viewer.get("dead.list", &json!({"pool": "fulfilment"})).await["letters"], json!([]));
    let shown = viewer.get("dead.show", &json!({"number": number})).await;
    assert_eq!(shown["record"]["order_id"], json!(id), "{shown}");
    assert!(!shown.to_string().contains("tok_"), "{shown}");
    let (code, member, _) = viewer.refusal("dead.show", &json!({"number": 999})).await;
    assert_eq!((&*code, member.as_deref()), ("404", Some("number")));

    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let dry_run = json!({"numbers": [number], "dry_run": true});
    let would = operator.get("dead.replay", &dry_run).await;
    assert_eq!(
        (&would["resolved"], &would["dry_run"]),
        (&json!([number]), &json!(true)),
        "{would}"
    );
    assert_eq!(cluster.dead_letters().await.len(), 1);
    assert_eq!(cluster.admin_records().await, [], "a dry run changes nothing");

    let (code, member, error) =
        operator.refusal("dead.replay", &json!({"all": true, "by": "ann"})).await;
    assert_eq!((&*code, member.as_deref()), ("400", Some("why")), "{error}");
    let (_, member, _) = operator.refusal("dead.replay", &json!({"by": "ann", "why": "x"})).await;
    assert_eq!(member.as_deref(), Some("numbers"), "nothing is selected");
    let request = json!({"numbers": [number], "by": "ann", "why": "the cause is fixed"});
    let done = operator.get("dead.replay", &request).await;
    assert_eq!((&done["resolved"], &done["recorded"]), (&json!([number]), &json!(true)), "{done}");
    cluster.wait_until_final(&[id]).await;
    let again = operator.get("dead.replay", &request).await;
    assert_eq!(again["resolved"], json!([]));
    let expected =
        json!([{"number": number, "error": "replayed already by ann: the cause is fixed"}]);
    assert_eq!(again["unresolved"], expected);
    let handled = viewer.get("dead.list", &json!({"handled": true})).await;
    assert_eq!(handled["letters"][0]["handled"]["by"], json!("ann"), "{handled}");

    let gone = cluster.dead_letter_at(inventory::RESERVE).await;
    let request = json!({"reason": "exhausted", "by": "bob", "why": "beyond help"});
    let done = operator.get("dead.discard", &request).await;
    assert_eq!(done["resolved"], json!([gone.number]), "{done}");
    cluster.wait_for_status(gone.order_id().unwrap(), Status::Cancelled).await;

    let expected = ["replay refused", "replay refused", "replay asked", "replay done"];
    let expected = expected.into_iter().chain([
        "replay asked",
        "replay done",
        "discard asked",
        "discard done",
    ]);
    let expected: Vec<String> = expected.map(|it| format!("admin.{it}")).collect();
    assert_eq!(cluster.recorded_stages().await, expected);
    let records = cluster.admin_records().await;
    let (asked, done) = (&records[2].1, &records[3].1);
    assert_eq!(
        (asked.by.as_deref(), asked.why.as_deref()),
        (Some("ann"), Some("the cause is fixed"))
    );
    assert_eq!((&asked.what, &asked.id), (&json!({"numbers": [number]}), &done.id));
    assert_eq!((done.stage, &done.result["resolved"]), (AdminStage::Done, &json!([number])));
    assert_eq!(records[0].1.by.as_deref(), Some("ann"), "who asked for what was refused");
    cluster.verify_and_stop(&[id, gone.order_id().unwrap()]).await;
}

#[tokio::test]
async fn a_long_list_has_a_cursor_and_a_refund_is_not_discarded() {
    let mut cluster = cluster().await;
    let refund = cluster.dead_letter_at(payment::REFUND).await;
    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let (by, why) = ("ann", "gone");
    let would = operator.get("dead.discard", &json!({"all": true, "dry_run": true})).await;
    let done = operator.get("dead.discard", &json!({"all": true, "by": by, "why": why})).await;
    for reply in [would, done] {
        assert_eq!(reply["resolved"], json!([]), "{reply}");
        let error = reply["unresolved"][0]["error"].as_str().unwrap();
        assert!(error.contains("money may be held"), "{reply}");
    }
    let mut nats = cluster.nats().await;
    nats.publish("orders.1.reserved", "garbage", 1).await;
    nats.publish("orders.1.reserved", "rubbish", 1).await;
    wait_until("there are three letters", async || cluster.dead_letters().await.len() == 3).await;
    let mut numbers = Vec::new();
    let mut after = json!(0);
    while !after.is_null() {
        let page = operator.get("dead.list", &json!({"limit": 2, "after": after})).await;
        assert_eq!(page["matching"], json!(3));
        let letters = page["letters"].as_array().unwrap();
        assert!(letters.len() <= 2, "{page}");
        numbers.extend(letters.iter().map(|letter| letter["number"].as_u64().unwrap()));
        after = page["next"].clone();
    }
    let expected: Vec<u64> = cluster.dead_letters().await.iter().map(|it| it.number).collect();
    assert_eq!(numbers, expected);
    let replay = json!({"numbers": [refund.number], "by": by, "why": "fixed"});
    operator.get("dead.replay", &replay).await;
    operator.get("dead.discard", &json!({"reason": "undecodable", "by": by, "why": why})).await;
    cluster.verify_and_stop(&[refund.order_id().unwrap()]).await;
}

#[tokio::test]
async fn the_history_of_an_order_is_found_by_its_id_in_each_form() {
    let mut cluster = cluster().await;
    let response = cluster.post(0, "whole", &basket(&[("WHOLE", 2)])).await;
    let (signed, id) = (response.signed_id().to_owned(), response.order_id());
    cluster.wait_until_final(&[id]).await;
    let mut viewer = cluster.admin_client(Role::Viewer, 1).await;
    for text in [&id.to_string(), &signed, &signed.to_uppercase()] {
        let order = viewer.get("order", &json!({"order_id": text})).await;
        assert_eq!(order["order_id"], json!(id), "{text}");
        assert_eq!(
            (&order["rows"]["status"], &order["complete"]),
            (&json!("fulfilled"), &json!(true))
        );
        let events = order["events"].as_array().unwrap();
        let kinds: Vec<&String> = events
            .iter()
            .map(|it| it["event"].as_object().unwrap().keys().next().unwrap())
            .collect();
        let expected =
            [EventKind::Created, EventKind::Reserved, EventKind::Paid, EventKind::Fulfilled];
        assert_eq!(kinds, expected.map(|kind| kind.to_string()).each_ref(), "{order}");
        let sequences: Vec<u64> =
            events.iter().map(|it| it["sequence"].as_u64().unwrap()).collect();
        assert!(sequences.is_sorted() && events[0]["stream"] == "ORDERS_1", "{order}");
        assert!(
            !order.to_string().contains("tok_") && !order.to_string().contains("lines"),
            "{order}"
        );
    }
    let unknown = json!({"order_id": order_id("unknown")});
    let (code, member, _) = viewer.refusal("order", &unknown).await;
    assert_eq!((&*code, member.as_deref()), ("404", Some("order_id")));
    let (code, member, error) = viewer.refusal("order", &json!({"order_id": "1234"})).await;
    assert_eq!((&*code, member.as_deref()), ("400", Some("order_id")), "{error}");
    let (_, member, error) = viewer.refusal("order", &json!({"order_id": id, "full": true})).await;
    assert_eq!(error, "`full` is not a member: there are order_id, seconds");
    assert_eq!(member.as_deref(), Some("full"));
    let reply = viewer.ask_text("order", "[").await;
    assert!(reply.body["error"].as_str().unwrap().starts_with("the request is not JSON"));
    let too_large = viewer.ask_text("order", &" ".repeat(20_000)).await;
    assert_eq!(too_large.code.as_deref(), Some("413"));
    cluster.stop_worker(inventory::POOL).await;
    let waiting = cluster.place("waiting", &basket(&[("WHOLE", 1)])).await;
    let order = viewer.get("order", &json!({"order_id": waiting, "seconds": 5})).await;
    assert_eq!((&order["rows"], &order["complete"]), (&Value::Null, &json!(true)), "{order}");
    assert!(order["events"][0]["event"]["created"].is_object(), "{order}");
    cluster.start_worker(inventory::POOL).await;
    cluster.wait_until_final(&[waiting]).await;
    cluster.verify_and_stop(&[id, waiting]).await;
}

#[tokio::test]
async fn no_service_replies_where_its_sender_may_not_publish() {
    let cluster = cluster().await;
    let mut viewer = cluster.admin_client(Role::Viewer, 1).await;
    let asked = ["millrace.admin.dead.list", "pool.payment.lag", "edge.state"];
    let stored = ["orders.1.paid", "$KV.POOLS.payment", "$KV.EDGES.intake", "admin.replay"];
    for (subject, stored) in asked.iter().flat_map(|it| stored.map(|stored| (it, stored))) {
        viewer.send(subject, stored).await;
    }
    // Each has answered what came before.
    for subject in asked {
        viewer.wait_for_reply(subject).await;
    }
    for stream in ["ORDERS_1", "KV_POOLS", "KV_EDGES", "ADMIN", "DEAD_LETTERS"] {
        assert!(cluster.messages(stream).await.is_empty(), "{stream}");
    }
    cluster.verify_and_stop(&[]).await;
}

#[tokio::test]
async fn an_order_is_cancelled_once_before_it_is_shipped_and_whether_or_not_it_has_rows() {
    let mut cluster = cluster().await;
    let shipped = cluster.place("shipped", &basket(&[("WHOLE", 1)])).await;
    cluster.wait_until_final(&[shipped]).await;
    cluster.stop_worker(payment::POOL).await;
    let reserved = cluster.place("reserved", &basket(&[("WHOLE", 1)])).await;
    cluster.wait_for_status(reserved, Status::Reserved).await;
    cluster.stop_worker(inventory::POOL).await;
    let unseen = cluster.place("unseen", &basket(&[("WHOLE", 1)])).await;

    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let request = |id| json!({"order_id": id, "by": "ann", "why": "the buyer called"});
    // Nothing waits for the reply, as if a consumer had a message delivered there.
    let mut nats = cluster.nats().await;
    nats.publish("millrace.admin.cancel", &request(reserved).to_string(), 1).await;
    assert_eq!(nats.errors("").await, [""; 0]);
    let dry_run = json!({"order_id": reserved, "dry_run": true});
    assert_eq!(operator.get("cancel", &dry_run).await["requested"], json!(true));
    let shipped_too_late = operator.refusal("cancel", &request(shipped)).await;
    assert_eq!(shipped_too_late.0, "409");
    assert_eq!(shipped_too_late.2, "the order is fulfilled: it cannot be cancelled");
    assert_eq!(operator.refusal("cancel", &request(order_id("unknown"))).await.0, "404");
    for id in [reserved, unseen] {
        let done = operator.get("cancel", &request(id)).await;
        assert_eq!(done["requested"], json!(true), "{done}");
    }
    cluster.start_worker(payment::POOL).await;
    cluster.start_worker(inventory::POOL).await;
    for id in [reserved, unseen] {
        cluster.wait_for_status(id, Status::Cancelled).await;
    }
    let again = operator.get("cancel", &request(reserved)).await;
    assert_eq!((&again["requested"], &again["status"]), (&json!(false), &json!("cancelled")));
    let expected =
        ["asked", "refused", "asked", "refused", "asked", "done", "asked", "done", "asked", "done"];
    assert_eq!(cluster.recorded_stages().await, expected.map(|it| format!("admin.cancel {it}")));
    assert!(!cluster.events_of(shipped).await.contains(&EventKind::CancelRequested));
    let events = cluster.events_of(reserved).await;
    let requests = events.iter().filter(|kind| **kind == EventKind::CancelRequested).count();
    assert_eq!(requests, 1, "{events:?}");
    cluster.verify_and_stop(&[shipped, reserved, unseen]).await;
}

#[tokio::test]
async fn an_audit_replies_line_by_line_and_one_runs_at_a_time() {
    let mut cluster = cluster().await;
    let id = cluster.place("audited", &basket(&[("WHOLE", 1)])).await;
    cluster.wait_until_final(&[id]).await;
    let mut operator = cluster.admin_client(Role::Operator, 1).await;
    let (lines, code) = operator.audit(&json!({})).await;
    assert_eq!(code, None, "{lines:?}");
    assert!(lines[0]["progress"].is_string() && lines.len() >= 4, "{lines:?}");
    let [.., report, last] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!(report["report"]["fulfilled"], json!(1), "{report}");
    assert_eq!(last, &json!({"done": true, "passed": true, "problems": 0}));

    let (lines, code) = operator.audit(&json!({"ledger": "x"})).await;
    assert_eq!((code.as_deref(), lines.len()), (Some("400"), 1));
    assert_eq!((&lines[0]["member"], &lines[0]["done"]), (&json!("ledger"), &json!(true)));

    // While payment is behind, an audit waits for it.
    cluster.stop_worker(payment::POOL).await;
    let waiting = cluster.place("waiting", &basket(&[("WHOLE", 1)])).await;
    cluster.wait_for_event(waiting, EventKind::Reserved).await;
    let mut other = cluster.admin_client(Role::Operator, 1).await;
    let request = json!({});
    let first = async {
        loop {
            // The other one may come before it.
            let (lines, code) = operator.audit(&request).await;
            if code.as_deref() != Some("409") {
                return (lines, code);
            }
        }
    };
    let second = async {
        let mut refused = Value::Null;
        wait_until("another audit is refused", async || {
            let (mut lines, code) = other.audit(&json!({"restored": "never"})).await;
            refused = lines.remove(0);
            code.as_deref() == Some("409")
        })
        .await;
        cluster.start_worker(payment::POOL).await;
        refused
    };
    let ((lines, code), refused) = tokio::join!(first, second);
    assert!(refused["error"].as_str().unwrap().contains("auditing the cluster"), "{refused}");
    assert_eq!(code, None, "{lines:?}");
    assert_eq!(lines.last().unwrap()["passed"], json!(true), "{lines:?}");
    assert_eq!(cluster.admin_records().await, [], "an audit changes nothing");
    cluster.verify_and_stop(&[id, waiting]).await;
}
