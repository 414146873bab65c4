//! `POST /v1/orders:batch`: each line is answered in its place, is as durable as a single order, and fails alone.

use serde_json::{Value, json};
use streams::batch::RECORDS_MAX;

use super::raw_http::{ORDER, OTHER_ORDER, RawHttp};
use super::test_edge::fresh_key;
use crate::test_servers::{TestServers, wait_until};

/// More lines than may wait for their answer at once.
const MANY: usize = 3 * 2 * RECORDS_MAX;

fn line(key: &str, order: &str) -> String {
    format!("{{\"idempotency_key\":\"{key}\",\"order\":{order}}}")
}

fn head(framing: &str) -> String {
    format!(
        "POST /v1/orders:batch HTTP/1.1\r\nhost: edge\r\ncontent-type: application/x-ndjson\r\n{framing}\r\n\r\n"
    )
}

impl RawHttp {
    /// Sends a whole batch and returns its answers.
    async fn post_batch(&mut self, body: &str) -> Vec<Value> {
        let head = head(&format!("content-length: {}", body.len()));
        self.send(format!("{head}{body}")).await;
        self.batch_head().await;
        let mut answers = Vec::new();
        while let Some(chunk) = self.chunk().await {
            answers.extend(chunk.lines().map(|line| serde_json::from_str(line).unwrap()));
        }
        answers
    }

    async fn batch_head(&mut self) {
        let head = self.head_reply().await;
        assert_eq!((head.status, head.header("transfer-encoding")), (200, Some("chunked")));
        assert_eq!(head.header("content-type"), Some("application/x-ndjson"));
    }

    /// The next answer or answers of a batch that is not sent wholly yet.
    async fn next_answer(&mut self) -> Value {
        serde_json::from_str(&self.chunk().await.expect("the response goes on")).unwrap()
    }
}

#[tokio::test]
async fn each_line_of_a_batch_is_answered_in_its_place_and_a_broken_one_fails_alone() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let keys: Vec<String> = (0..3).map(|_| fresh_key()).collect();
    let single = client.post(&keys[1], ORDER).await.json();
    let too_long = format!("\"{}\"", "x".repeat(edge::BODY_BYTES_MAX));
    let lines = [
        line(&keys[0], ORDER),
        "not json".to_owned(),
        String::new(),
        line(&keys[1], ORDER),
        too_long,
        line("two words", &ORDER.replace("\"quantity\":6", "\"quantity\":0")),
        line(&keys[0], ORDER),
        // The last line needs no line break.
        line(&keys[2], OTHER_ORDER),
    ];
    let answers = client.post_batch(&lines.join("\n")).await;
    let places = |it: &Value| (it["line"].as_u64().unwrap(), it["status"].as_u64().unwrap());
    let expected = [(1, 202), (2, 400), (4, 202), (5, 413), (6, 422), (7, 202), (8, 202)];
    assert_eq!(answers.iter().map(places).collect::<Vec<_>>(), expected);
    assert_eq!(answers[0]["order_id"], answers[5]["order_id"]);
    assert_eq!(answers[2]["order_id"], single["order_id"], "the same key, posted alone");
    assert_eq!(answers[2]["body_digest"], single["body_digest"]);
    assert_eq!(answers[0]["replayed"], Value::Null);
    assert_eq!(answers[1]["type"], "/problems/not-json");
    assert_eq!(answers[3]["type"], "/problems/body-too-large");
    let pointers = answers[4]["errors"].as_array().unwrap().iter().map(|it| &it["pointer"]);
    let pointers: Vec<_> = pointers.collect();
    assert_eq!(pointers, ["/idempotency_key", "/order/lines/0/quantity"]);
    wait_until("a repeat is known as one", async || {
        client.post_batch(&line(&keys[1], ORDER)).await[0]["replayed"] == true
    })
    .await;
    // The connection goes on.
    assert_eq!(client.get("/livez").await.status, 200);
    edge.stop().await;
}

#[tokio::test]
async fn every_order_of_a_large_batch_is_stored_before_it_is_answered() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let lines: Vec<String> = (0..MANY).map(|_| line(&fresh_key(), ORDER)).collect();
    let answers = edge.connect().await.post_batch(&lines.join("\n")).await;
    assert_eq!(answers.len(), MANY);
    let stored: Vec<Value> = servers.stored_batches().await.into_iter().flatten().collect();
    assert_eq!(stored.len(), MANY);
    for (number, answer) in (1..).zip(&answers) {
        assert_eq!((&answer["line"], &answer["status"]), (&json!(number), &json!(202)), "{answer}");
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_line_is_answered_while_its_batch_goes_on() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    client.send(head("transfer-encoding: chunked")).await;
    client.send_chunk(&format!("{}\n", line(&fresh_key(), ORDER))).await;
    client.batch_head().await;
    assert_eq!(client.next_answer().await["status"], 202);
    // A single order is placed at the same time.
    assert_eq!(edge.connect().await.post(&fresh_key(), ORDER).await.status, 202);
    client.send_chunk(&line(&fresh_key(), ORDER)).await;
    client.send("0\r\n\r\n").await;
    assert_eq!(client.next_answer().await["line"], 2);
    assert!(client.chunk().await.is_none());
    edge.stop().await;
}

#[tokio::test]
async fn a_body_that_ends_early_is_said_after_the_answers_to_its_lines() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    client.send(head("content-length: 100000")).await;
    client.send(format!("{}\n{{\"idem", line(&fresh_key(), ORDER))).await;
    client.batch_head().await;
    assert_eq!(client.next_answer().await["status"], 202);
    client.end_sending().await;
    let answer = client.next_answer().await;
    assert_eq!((&answer["line"], &answer["type"]), (&json!(2), &json!("/problems/body-broken")));
    edge.stop().await;
}

#[tokio::test]
async fn a_batch_is_refused_as_a_whole_if_it_is_no_batch() {
    let servers = TestServers::start_with_streams().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let request = head("content-length: 0").replace("application/x-ndjson", "application/json");
    client.send(request).await;
    client.reply().await.assert_problem(415, "wrong-media-type");
    assert_eq!(client.post_batch("").await, Vec::<Value>::new());
    edge.stop().await;
}
