//! Where an order stands, with and without somebody who knows.

use futures_util::future::join_all;
use serde_json::{Value, json};
use streams::names::STATUS_GET;
use streams::{Pool, WorkerState};

use super::raw_http::ORDER;
use super::test_edge::{House, fresh_key};

#[tokio::test]
async fn straight_after_the_202_the_order_is_found_though_nobody_answers() {
    let mut house = House::start().await;
    let door = house.open_door().await;
    let mut talk = door.talk().await;
    let placed = talk.post(&fresh_key(), ORDER).await;
    house.servers.redis.kill().await.unwrap();
    let shown = talk.get(placed.header("location").unwrap()).await;
    assert_eq!((shown.status, shown.header("cache-control")), (200, Some("no-store")));
    let id = placed.json()["order_id"].clone();
    let expected = json!({
        "order_id": id, "status": "accepted", "reason": null, "history": [], "current": false,
    });
    assert_eq!(shown.json(), expected);
    door.close().await;
}

#[tokio::test]
async fn what_the_workers_know_is_shown() {
    let house = House::start().await;
    let connection = house.connect().await;
    let service = connection.serve(Pool::Inventory, WorkerState::default).await.unwrap();
    let mut questions = service.questions(STATUS_GET).await.unwrap();
    let answering = tokio::spawn(async move {
        let mut asked = 0;
        while let Some(question) = questions.next().await {
            let ids: Vec<String> = serde_json::from_slice(&question.payload).unwrap();
            assert!(ids.len() <= 256);
            asked += 1;
            let view = |id: &String| if id.starts_with('0') { Value::Null } else { rejected() };
            let answer: Vec<_> = ids.iter().map(view).collect();
            question.answer(serde_json::to_vec(&answer).unwrap()).await;
            if ids.iter().any(|id| id.starts_with('f')) {
                return asked;
            }
        }
        asked
    });
    connection.flush().await;
    let door = house.open_door().await;

    let unseen = show(&door, 0x00).await;
    assert_eq!(unseen["current"], true);
    assert_eq!((&unseen["status"], &unseen["history"]), (&json!("accepted"), &json!([])));
    for shown in join_all((0..200).map(|_| show(&door, 0x10))).await {
        assert_eq!((&shown["status"], &shown["current"]), (&json!("rejected"), &json!(true)));
        assert_eq!(shown["reason"], json!({"code": "out_of_stock", "skus": ["A"]}));
        assert_eq!(
            shown["history"][1],
            json!({"status": "rejected", "at": "1970-01-01T00:00:01.5Z"})
        );
    }
    show(&door, 0xff).await;
    assert!(answering.await.unwrap() <= 202);
    // Now nobody is there any more.
    assert_eq!(show(&door, 0x10).await["current"], false);
    door.close().await;
}

#[tokio::test]
async fn an_odd_answer_is_no_answer() {
    let house = House::start().await;
    let connection = house.connect().await;
    let service = connection.serve(Pool::Inventory, WorkerState::default).await.unwrap();
    let mut questions = service.questions(STATUS_GET).await.unwrap();
    let answering = tokio::spawn(async move {
        for odd in ["[]", "{}", "[{\"status\":\"eaten\"}]", ""] {
            questions.next().await.unwrap().answer(odd.into()).await;
        }
    });
    connection.flush().await;
    let door = house.open_door().await;
    for _ in 0..4 {
        assert_eq!(show(&door, 0x10).await["current"], false);
    }
    answering.await.unwrap();
    door.close().await;
}

async fn show(door: &super::test_edge::Door, first_byte: u8) -> Value {
    let id = super::test_edge::secrets().sign(orders::OrderId::from_bytes([first_byte; 16]));
    let shown = door.talk().await.get(&format!("/v1/orders/{id}")).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    shown.json()
}

fn rejected() -> Value {
    json!({
        "status": "rejected",
        "reason": {"code": "out_of_stock", "skus": ["A"]},
        "history": [{"status": "accepted", "at_ms": 0}, {"status": "rejected", "at_ms": 1500}],
    })
}
