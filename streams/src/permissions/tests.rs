//! What the permissions of each kind of work match.

use super::*;
use crate::StepKind;

const CHARGE: Step = Step {
    name: "charge",
    pool: Pool::new("payment"),
    kind: StepKind::Action,
    consumes: &[EventKind::Reserved],
};
const SHIP: Step = Step {
    name: "ship",
    pool: Pool::new("fulfilment"),
    kind: StepKind::Action,
    consumes: &[EventKind::Paid],
};

/// Whether a subject is one of `patterns`, by the rules of the brokers.
fn is_any(patterns: &BTreeSet<String>, subject: &str) -> bool {
    patterns.iter().any(|pattern| {
        let mut tokens = subject.split('.');
        for expected in pattern.split('.') {
            match (expected, tokens.next()) {
                (">", Some(_)) => return true,
                ("*", Some(_)) => {}
                (expected, token) if token == Some(expected) => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    })
}

fn may_publish(permissions: &Permissions, subject: &str) -> bool {
    is_any(&permissions.publish, subject) && !is_any(&permissions.never_publish, subject)
}

#[track_caller]
fn assert_may(permissions: &Permissions, subjects: &[&str], expected: bool) {
    for subject in subjects {
        assert_eq!(may_publish(permissions, subject), expected, "{subject}");
    }
}

#[test]
fn a_step_is_fetched_and_acked_by_its_own_pool_alone() {
    let payment = Permissions::of_connection("payment").runs(&CHARGE);
    let own = [
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS_2.payment",
        "$JS.API.CONSUMER.MSG.NEXT.RETRIES.retry-charge",
        "$JS.ACK.ORDERS_2.payment.1.2.3.4.0",
        "$JS.ACK.RETRIES.retry-charge.1.2.3.4.0",
        "schedule.retry.charge.0123.a-ORDERS_1-7",
        "dead.payment",
        "_INBOX_payment.abc.1",
    ];
    assert_may(&payment, &own, true);
    let others = [
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS_2.fulfilment",
        "$JS.ACK.ORDERS_2.fulfilment.1.2.3.4.0",
        "schedule.retry.ship.0123.a-ORDERS_1-7",
        "retry.charge",
        "dead.fulfilment",
        "_INBOX_edge.abc.1",
        "_INBOX.abc",
    ];
    assert_may(&payment, &others, false);
    assert!(is_any(&payment.subscribe, "_INBOX_payment.abc"));
    assert!(!is_any(&payment.subscribe, "_INBOX_edge.abc"));
}

#[test]
fn events_of_the_given_kinds_go_into_every_lane_and_no_others() {
    let payment = Permissions::default().publishes_events(&[EventKind::Paid]);
    for lane in Lane::all_possible() {
        assert_may(&payment, &[&lane.event_subject(EventKind::Paid)], true);
        assert_may(&payment, &[&lane.event_subject(EventKind::Fulfilled)], false);
    }
}

#[test]
fn who_keeps_the_topology_purges_and_deletes_no_stream() {
    let keeper = Permissions::default().keeps_topology(&[CHARGE, SHIP]);
    let kept = [
        "$JS.API.STREAM.CREATE.ORDERS_9",
        "$JS.API.STREAM.UPDATE.RETRIES",
        "$JS.API.CONSUMER.CREATE.ORDERS_1.fulfilment.orders.1.paid",
        "$JS.API.CONSUMER.CREATE.ORDERS_1.payment",
        "$JS.API.CONSUMER.CREATE.RETRIES.retry-ship.retry.ship",
    ];
    assert_may(&keeper, &kept, true);
    let led = ["ORDERS_1.payment", "ORDERS_2.fulfilment"];
    let led = led.map(|durable| format!("$JS.API.CONSUMER.LEADER.STEPDOWN.{durable}"));
    let mover = Permissions::default().moves_leaders(&[CHARGE, SHIP]);
    assert_may(&mover, &led.each_ref().map(String::as_str), true);
    assert_may(&mover, &["$JS.API.STREAM.LEADER.STEPDOWN.ORDERS_1"], true);
    let others = [
        "$JS.API.STREAM.DELETE.ORDERS_1",
        "$JS.API.STREAM.PURGE.ORDERS_1",
        "$JS.API.STREAM.CREATE.OTHER",
        "$JS.API.CONSUMER.CREATE.ORDERS_1.other",
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS_1.payment",
    ];
    assert_may(&keeper, &others, false);
    assert_may(&keeper.purges(), &["$JS.API.STREAM.PURGE.ORDERS_1"], true);
}

#[test]
fn who_reads_takes_nothing_from_the_consumers_of_steps_that_it_does_not_run() {
    let reader = Permissions::of_connection("viewer").reads_streams(&[CHARGE, SHIP]);
    let own = [
        "$JS.API.CONSUMER.CREATE.ORDERS_1.read-1",
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS_1.read-1",
        "$JS.API.CONSUMER.DELETE.DEAD_LETTERS.read-1",
        "$JS.API.STREAM.MSG.GET.DEAD_LETTERS",
        "$JS.API.DIRECT.GET.ORDERS_1",
    ];
    assert_may(&reader, &own, true);
    let durables = [
        "$JS.API.CONSUMER.MSG.NEXT.ORDERS_1.payment",
        "$JS.API.CONSUMER.CREATE.ORDERS_1.payment",
        "$JS.API.CONSUMER.CREATE.ORDERS_1.payment.orders.1.reserved",
        "$JS.API.CONSUMER.DELETE.ORDERS_1.fulfilment",
        "$JS.API.CONSUMER.CREATE.RETRIES.read-1",
    ];
    assert_may(&reader, &durables, false);

    let janitor = Permissions::default().runs(&CHARGE).reads_streams(&[CHARGE, SHIP]);
    assert_may(&janitor, &["$JS.API.CONSUMER.MSG.NEXT.ORDERS_1.payment"], true);
    assert_may(&janitor, &["$JS.API.CONSUMER.MSG.NEXT.ORDERS_1.fulfilment"], false);
}

#[test]
fn an_operator_with_nats_pauses_and_looks_and_changes_nothing_else() {
    let operator = Permissions::of_connection("operator").operates();
    let permitted = [
        "$JS.API.CONSUMER.PAUSE.ORDERS_1.payment",
        "$JS.API.STREAM.INFO.ORDERS_1",
        "$JS.API.CONSUMER.LIST.ORDERS_1",
        "$SRV.INFO.millrace-payment",
    ];
    assert_may(&operator, &permitted, true);
    let refused = [
        "orders.1.paid",
        "$JS.API.STREAM.UPDATE.ORDERS_1",
        "$JS.API.STREAM.PURGE.ORDERS_1",
        "$JS.API.STREAM.DELETE.ORDERS_1",
        "$JS.API.CONSUMER.CREATE.ORDERS_1.mine",
        "$JS.API.STREAM.MSG.GET.ORDERS_1",
        "$JS.API.DIRECT.GET.ORDERS_1",
        "status.get",
    ];
    assert_may(&operator, &refused, false);
}

#[test]
fn who_serves_subscribes_to_its_own_subjects_and_may_reply() {
    let served = Permissions::default().serves(CHARGE.pool, &["status.get"]);
    for subject in ["status.get", "$SRV.PING", "$SRV.STATS.millrace-payment.id"] {
        assert!(is_any(&served.subscribe, subject), "{subject}");
    }
    assert!(!is_any(&served.subscribe, "$SRV.STATS.millrace-fulfilment"));
    assert_eq!(served.replies.map(|replies| replies.max), Some(1));
    assert_eq!(served.publish, BTreeSet::from(["$SRV.PING.millrace-payment".to_owned()]));
}

#[test]
fn who_writes_settings_writes_their_keys_alone_and_who_reads_writes_none() {
    let reader = Permissions::default().reads_settings(POOLS_BUCKET);
    let read = ["$JS.API.DIRECT.GET.KV_POOLS.$KV.POOLS.payment", "$JS.API.DIRECT.GET.KV_POOLS"];
    assert_may(&reader, &read, true);
    assert_may(&reader, &["$KV.POOLS.payment", "$JS.API.DIRECT.GET.ORDERS_1"], false);
    let operator = Permissions::default().writes_settings(&[CHARGE.pool]);
    assert_may(&operator, &read, true);
    let set = ["$KV.POOLS.payment", "$KV.EDGES.intake", "$JS.API.CONSUMER.CREATE.KV_POOLS.x.y"];
    assert_may(&operator, &set, true);
    let refused = [
        "$KV.POOLS.paymnet",
        "$KV.POOLS.fulfilment",
        "$KV.EDGES.other",
        "$JS.API.STREAM.UPDATE.KV_POOLS",
        "$JS.API.STREAM.PURGE.KV_POOLS",
        "$JS.API.STREAM.DELETE.KV_POOLS",
        "$JS.API.CONSUMER.CREATE.ORDERS_1.x",
    ];
    assert_may(&operator, &refused, false);
}

#[test]
fn who_repairs_answers_operators_and_can_remove_no_record_of_it() {
    let repairs = Permissions::default().serves_repairs();
    for subject in ["millrace.admin.cancel", "millrace.admin.audit", "$SRV.INFO.millrace-admin"] {
        assert!(is_any(&repairs.subscribe, subject), "{subject}");
    }
    assert_may(&repairs, &["admin.replay", "$JS.API.STREAM.CREATE.ADMIN"], true);
    let removal =
        ["UPDATE", "PURGE", "DELETE", "MSG.DELETE"].map(|it| format!("$JS.API.STREAM.{it}.ADMIN"));
    assert_may(&repairs, &removal.each_ref().map(String::as_str), false);
    let operator = Permissions::default().asks_for_repairs().reads_records();
    assert_may(&operator, &["millrace.admin.dead.replay", "$JS.API.DIRECT.GET.ADMIN"], true);
    assert_may(&operator, &["admin.replay", "millrace.admin.erase"], false);
    let viewer = Permissions::default().asks_what_to_repair();
    assert_may(&viewer, &["millrace.admin.dead.list", "millrace.admin.order"], true);
    let changes =
        ["dead.replay", "dead.discard", "cancel", "audit"].map(|it| format!("millrace.admin.{it}"));
    assert_may(&viewer, &changes.each_ref().map(String::as_str), false);
}
