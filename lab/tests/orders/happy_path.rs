//! Placed, reserved, paid, fulfilled: for one order, for real ones, and not for invalid ones.

use hyper::StatusCode;
use lab::input::{self, GOOD_CARD};
use orders::Status;
use serde_json::{Value, json};
use streams::Profile;

use super::fixtures::{basket, item, rows, with_payment_token};
use super::test_cluster::{TestCluster, plan, with_shared_cluster};

/// Rows of a real retailer's accounts that are not orders.
const REFUSED: &str = include_str!("refused-orders.jsonl");
/// Enough real orders for full batches.
const REAL_ORDERS: usize = 300;

#[test]
fn an_order_is_fulfilled_and_its_history_lists_every_status() {
    with_shared_cluster(async |cluster| {
        cluster.load_catalog(&[item("HAPPY", 10)]).await;
        let placed = cluster.post(1, "happy", &basket(&[("HAPPY", 3)])).await;
        let id = placed.order_id();
        let views = cluster.wait_until_final(&[id]).await;
        let history: Vec<Status> = views[0].history.iter().map(|change| change.status).collect();
        assert_eq!(history, [Status::Accepted, Status::Reserved, Status::Paid, Status::Fulfilled]);
        assert!(views[0].history.is_sorted_by_key(|change| change.at));

        let status = cluster.current_status(placed.signed_id()).await;
        assert_eq!((&status["status"], &status["current"]), (&json!("fulfilled"), &json!(true)));
        assert_eq!(cluster.on_hand("HAPPY").await, 7);
        cluster.assert_consistent(&[id]).await;
    });
}

#[tokio::test]
async fn real_orders_all_become_final_and_the_audit_passes() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&input::catalog(None).unwrap()).await;
    let orders = &input::orders(None).unwrap()[..REAL_ORDERS];
    let ids = cluster.place_all(orders).await;
    assert_eq!(ids.len(), REAL_ORDERS);
    let views = cluster.wait_until_final(&ids).await;
    let fulfilled = views.iter().filter(|view| view.status == Status::Fulfilled).count();
    assert!(fulfilled > REAL_ORDERS / 2, "only {fulfilled} were fulfilled");
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn orders_published_one_per_message_are_fulfilled_until_stock_runs_out() {
    let mut plan = plan(Profile::Single);
    plan.max_batch = 1;
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("ALONE", 40)]).await;
    let ids = cluster.place_all(&rows("alone", 50, |_| basket(&[("ALONE", 1)]))).await;
    let views = cluster.wait_until_final(&ids).await;
    let fulfilled = views.iter().filter(|view| view.status == Status::Fulfilled).count();
    assert_eq!(fulfilled, 40);
    let messages = cluster.order_messages().await;
    assert!(messages.iter().all(|message| message.lines.len() == 1));
    cluster.verify_and_stop(&ids).await;
}

#[test]
fn rows_that_are_not_orders_are_refused_with_a_pointer_to_each_invalid_member() {
    with_shared_cluster(async |cluster| {
        for row in REFUSED.lines() {
            let mut body: Value = serde_json::from_str(row).unwrap();
            let key = body["invoice"].as_str().unwrap().to_owned();
            body.as_object_mut().unwrap().retain(|name, _| name == "currency" || name == "lines");
            let body = with_payment_token(body, GOOD_CARD);
            let invalid = invalid_members(&body);
            let response = cluster.post(0, &key, &body).await;
            if invalid.is_empty() {
                // Of what is given away: the catalogue decides whether it is.
                assert_eq!(response.status, StatusCode::ACCEPTED, "{row}");
                continue;
            }
            assert_eq!(response.status, StatusCode::UNPROCESSABLE_ENTITY, "{row}");
            assert_eq!(pointers(&response.body), invalid, "{row}");
        }
    });
}

fn pointers(problem: &Value) -> Vec<String> {
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

/// Pointers to the quantities below 1, and to the prices below 0.
fn invalid_members(body: &Value) -> Vec<String> {
    let lines = body["lines"].as_array().unwrap().iter().enumerate();
    let pointers = lines.flat_map(|(index, line)| {
        [("quantity", 1), ("unit_price", 0)]
            .into_iter()
            .filter(|(member, min)| line[member].as_i64().unwrap() < *min)
            .map(move |(member, _)| format!("/lines/{index}/{member}"))
    });
    pointers.collect()
}
