//! Placed, reserved, paid, fulfilled: for one order, for real ones, and for none that is not one.

use hyper::StatusCode;
use lab::input;
use orders::Status;
use serde_json::{Value, json};
use streams::{Profile, names};

use super::fixtures::{basket, item, rows};
use super::test_cluster::{Shop, in_the_shared_shop, plan};

/// Rows that a real shop's books had and that are no orders.
const REFUSED: &str = include_str!("refused-orders.jsonl");
/// Real orders that are enough for full batches.
const REAL_ORDERS: usize = 300;

#[test]
fn an_order_is_fulfilled_and_its_history_tells_how() {
    in_the_shared_shop(async |shop| {
        shop.sell(&[item("WAY", 10)]).await;
        let answer = shop.post(1, "way", &basket(&[("WAY", 3)])).await;
        let id = answer.order_id();
        let views = shop.until_final(&[id]).await;
        let steps: Vec<Status> = views[0].history.iter().map(|reached| reached.status).collect();
        assert_eq!(steps, [Status::Accepted, Status::Reserved, Status::Paid, Status::Fulfilled]);
        assert!(views[0].history.is_sorted_by_key(|reached| reached.at));

        let shown = shop.shown(answer.proven_id()).await;
        assert_eq!((&shown["status"], &shown["current"]), (&json!("fulfilled"), &json!(true)));
        assert_eq!(shop.on_hand("WAY").await, 7);
        shop.books_balance(&[id]).await;
    });
}

#[tokio::test]
async fn real_orders_all_come_to_an_end_and_the_books_balance() {
    let shop = Shop::open(plan(Profile::Single)).await;
    shop.sell(&input::catalog(None).unwrap()).await;
    let orders = &input::orders(None).unwrap()[..REAL_ORDERS];
    let ids = shop.place_all(orders).await;
    assert_eq!(ids.len(), REAL_ORDERS);
    let views = shop.until_final(&ids).await;
    let fulfilled = views.iter().filter(|view| view.status == Status::Fulfilled).count();
    assert!(fulfilled > REAL_ORDERS / 2, "only {fulfilled} were fulfilled");
    shop.close(&ids).await;
}

#[tokio::test]
async fn with_a_message_for_each_order_it_is_the_same_way() {
    let mut plan = plan(Profile::Single);
    plan.max_batch = 1;
    let shop = Shop::open(plan).await;
    shop.sell(&[item("ALONE", 40)]).await;
    let ids = shop.place_all(&rows("alone", 50, |_| basket(&[("ALONE", 1)]))).await;
    let views = shop.until_final(&ids).await;
    let fulfilled = views.iter().filter(|view| view.status == Status::Fulfilled).count();
    assert_eq!(fulfilled, 40);
    let messages = shop.messages(names::ORDERS).await;
    assert!(messages.iter().all(|message| message.lines.len() == 1));
    shop.close(&ids).await;
}

#[test]
fn rows_that_are_no_orders_are_refused_and_the_place_of_each_fault_is_named() {
    in_the_shared_shop(async |shop| {
        for row in REFUSED.lines() {
            let mut body: Value = serde_json::from_str(row).unwrap();
            let key = body["invoice"].as_str().unwrap().to_owned();
            body.as_object_mut().unwrap().retain(|name, _| name == "currency" || name == "lines");
            let answer = shop.post(0, &key, &body).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{row}");
            assert_eq!(pointers(&answer.body), wrong_places(&body), "{row}");
        }
    });
}

fn pointers(problem: &Value) -> Vec<String> {
    let faults = problem["errors"].as_array().unwrap().iter();
    faults.map(|fault| fault["pointer"].as_str().unwrap().to_owned()).collect()
}

/// Where quantities and prices are not at least 1.
fn wrong_places(body: &Value) -> Vec<String> {
    let lines = body["lines"].as_array().unwrap().iter().enumerate();
    let wrong = lines.flat_map(|(index, line)| {
        ["quantity", "unit_price"]
            .into_iter()
            .filter(|member| line[member].as_i64().unwrap() < 1)
            .map(move |member| format!("/lines/{index}/{member}"))
    });
    wrong.collect()
}
