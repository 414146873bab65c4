//! What is on hand: asked for once, shown for two seconds, never older than what is known.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use serde_json::{Value, json};
use streams::names::STOCK_GET;
use streams::{Pool, WorkerState};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::test_edge::{DEADLINE, House};

/// How often each SKU was asked for.
type PullRequest = Arc<Mutex<HashMap<String, usize>>>;

#[tokio::test]
async fn stock_is_asked_for_once_for_all_who_wait() {
    let house = House::start().await;
    let (asked, answering) = answer_stock(&house).await;
    let door = house.open_door_with(2, 256).await;
    let deadline = Instant::now() + DEADLINE;
    for round in 0.. {
        let name = format!("BANK CHARGES {round}");
        let path = format!("/v1/stock/BANK%20CHARGES%20{round}");
        let shown = (0..50).map(|_| async { door.talk().await.get(&path).await });
        for shown in join_all(shown).await {
            assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
            let expected =
                json!({ "sku": name, "on_hand": 5, "unit_price": 255, "currency": "GBP" });
            assert_eq!(shown.json(), expected);
        }
        // On a busy machine Redis may hear of the answer too late, and another question is asked.
        if asked.lock().unwrap()[&name] == 1 {
            break;
        }
        assert!(Instant::now() < deadline, "asked more than once in each of {round} rounds");
    }
    answering.abort();
    door.close().await;
}

#[tokio::test]
async fn several_skus_are_shown_at_once_and_unknown_ones_are_named() {
    let house = House::start().await;
    let (_, answering) = answer_stock(&house).await;
    let door = house.open_door().await;
    let mut talk = door.talk().await;
    let list = talk.get("/v1/stock?sku=B&sku=XX&sku=A+1&sku=B").await.json();
    let skus: Vec<_> = list["stock"].as_array().unwrap().iter().map(|it| &it["sku"]).collect();
    assert_eq!(skus, ["B", "A 1"]);
    assert_eq!(list["unknown"], json!(["XX"]));
    talk.get("/v1/stock/XX").await.assert_problem(404, "no-such-sku");
    talk.get("/v1/stock/%FF").await.assert_problem(404, "no-such-sku");
    for query in ["", "?", "?sku=", "?sku=A&page=2"] {
        talk.get(&format!("/v1/stock{query}")).await.assert_problem(400, "invalid-stock-query");
    }
    answering.abort();
    door.close().await;
}

#[tokio::test]
async fn an_older_answer_does_not_replace_a_newer_one() {
    let house = House::start().await;
    let connection = house.connect().await;
    let service = connection.serve(Pool::Inventory, WorkerState::default).await.unwrap();
    let mut questions = service.questions(STOCK_GET).await.unwrap();
    connection.flush().await;
    let client = redis::Client::open(house.servers.redis.url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let door = house.open_door().await;
    let asking = tokio::spawn({
        let mut talk = door.talk().await;
        async move { talk.get("/v1/stock/A").await }
    });
    let question = questions.next().await.unwrap();
    // Meanwhile another edge has heard of a later change.
    let newer = format!("9 {}", stock("A", 1, 9));
    redis::cmd("SET").arg("stock:A").arg(&newer).exec_async(&mut redis).await.unwrap();
    question.answer(format!("[{}]", stock("A", 5, 8)).into()).await;
    assert_eq!(asking.await.unwrap().status, 200);
    let held: String = redis::cmd("GET").arg("stock:A").query_async(&mut redis).await.unwrap();
    assert_eq!(held, newer);
    // Where Redis was too late, nobody is there to be asked instead: 503.
    let deadline = Instant::now() + DEADLINE;
    let mut shown = door.talk().await.get("/v1/stock/A").await;
    while shown.status == 503 && Instant::now() < deadline {
        shown = door.talk().await.get("/v1/stock/A").await;
    }
    assert_eq!(shown.json()["on_hand"], 1);
    door.close().await;
}

#[tokio::test]
async fn lies_in_redis_and_its_death_cost_a_question_each() {
    let mut house = House::start().await;
    let (asked, answering) = answer_stock(&house).await;
    let door = house.open_door().await;
    let client = redis::Client::open(house.servers.redis.url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    for (sku, lie) in [("A", "garbage"), ("B", "3 {}"), ("C", &format!("3 {}", stock("D", 9, 3)))] {
        redis::cmd("SET")
            .arg(format!("stock:{sku}"))
            .arg(lie)
            .exec_async(&mut redis)
            .await
            .unwrap();
        let shown = door.talk().await.get(&format!("/v1/stock/{sku}")).await.json();
        assert_eq!((&shown["sku"], &shown["on_hand"]), (&json!(sku), &json!(5)), "{lie}");
    }
    house.servers.redis.kill().await.unwrap();
    for _ in 0..3 {
        assert_eq!(door.talk().await.get("/v1/stock/E").await.json()["on_hand"], 5);
    }
    assert_eq!(asked.lock().unwrap()["E"], 3);
    answering.abort();
    door.close().await;
}

#[tokio::test]
async fn where_nobody_answers_stock_is_unavailable() {
    let house = House::shared().await;
    let door = house.open_door().await;
    let reply = door.talk().await.get("/v1/stock/A").await;
    reply.assert_problem(503, "stock-unavailable");
    assert_eq!(reply.header("retry-after"), Some("1"));
    door.close().await;
}

/// Answers as an inventory worker would; SKUs with an X are unknown.
async fn answer_stock(house: &House) -> (PullRequest, JoinHandle<()>) {
    let connection = house.connect().await;
    let service = connection.serve(Pool::Inventory, WorkerState::default).await.unwrap();
    let mut questions = service.questions(STOCK_GET).await.unwrap();
    connection.flush().await;
    let asked = PullRequest::default();
    let counting = asked.clone();
    let answering = tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            let skus: Vec<String> = serde_json::from_slice(&question.payload).unwrap();
            let mut answer = Vec::new();
            for sku in skus {
                let known = !sku.contains('X');
                answer.push(if known { stock(&sku, 5, 4) } else { Value::Null });
                *counting.lock().unwrap().entry(sku).or_default() += 1;
            }
            question.answer(serde_json::to_vec(&answer).unwrap()).await;
        }
    });
    (asked, answering)
}

fn stock(sku: &str, on_hand: i64, version: i64) -> Value {
    let unit_price = json!({"amount": 255, "currency": "GBP"});
    json!({"sku": sku, "on_hand": on_hand, "unit_price": unit_price, "version": version})
}
