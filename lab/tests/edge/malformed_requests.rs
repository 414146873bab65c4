//! Clients that are broken or mean: a clear answer or a closed connection, and no harm to others.

use tokio::time::timeout;

use super::raw_http::{ORDER, post};
use super::test_edge::{DEADLINE, House, fresh_key};

#[tokio::test]
async fn requests_that_break_off_leave_no_trace() {
    let house = House::shared().await;
    let door = house.open_door().await;
    let key = fresh_key();
    let request = post(&key, ORDER);
    for end in [1, 20, request.len() - ORDER.len(), request.len() - 1] {
        let mut talk = door.talk().await;
        talk.send(&request[..end]).await;
        drop(talk);
    }
    let id = orders::OrderId::derive("public", &key.parse().unwrap());
    // Whatever came in before this order stands before it in the stream.
    assert_eq!(door.talk().await.post(&fresh_key(), ORDER).await.status, 202);
    assert!(house.created_under(id).await.is_empty());
    door.close().await;
}

#[tokio::test]
async fn garbage_gets_400_and_a_closed_connection() {
    let door = House::shared().await.open_door().await;
    for garbage in
        ["\0\0\0\0\r\n\r\n", "GET /\r\n\r\n", "POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n"]
    {
        let mut talk = door.talk().await;
        talk.send(garbage).await;
        if let Some(reply) = talk.last_reply().await {
            assert_eq!(reply.status, 400, "{garbage:?}");
        }
    }
    let mut talk = door.talk().await;
    talk.send(post(&fresh_key(), ORDER) + "\u{1}\u{2}\r\n\r\n").await;
    assert_eq!(talk.reply().await.status, 202);
    assert_eq!(talk.last_reply().await.map(|reply| reply.status), Some(400));
    door.close().await;
}

#[tokio::test]
async fn both_lengths_at_once_do_not_smuggle_a_request() {
    let door = House::shared().await.open_door().await;
    let mut talk = door.talk().await;
    let both = "content-length: 4\r\ntransfer-encoding: chunked";
    let smuggled = "0\r\n\r\nGET /livez HTTP/1.1\r\nhost: edge\r\n\r\n";
    talk.send(post(&fresh_key(), "").replace("content-length: 0", both) + smuggled).await;
    let reply = talk.last_reply().await;
    assert!(reply.is_none_or(|reply| reply.status == 400));
    door.close().await;
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let door = House::shared().await.open_door().await;
    for header in [format!("x: {}\r\n", "y".repeat(100_000)), "x: y\r\n".repeat(1_000)] {
        let mut talk = door.talk().await;
        talk.send(format!("GET /livez HTTP/1.1\r\n{header}\r\n")).await;
        let reply = talk.last_reply().await;
        assert!(reply.is_none_or(|reply| reply.status == 431));
    }
    door.close().await;
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_refused() {
    let door = House::shared().await.open_door().await;
    let mut talk = door.talk().await;
    talk.send(post(&fresh_key(), ORDER).split_once('{').unwrap().0).await;
    talk.last_reply().await.unwrap().assert_problem(408, "body-too-slow");
    door.close().await;
}

#[tokio::test]
async fn connections_that_ask_nothing_are_closed() {
    let door = House::shared().await.open_door().await;
    let mut asked = door.talk().await;
    assert_eq!(asked.get("/livez").await.status, 200);
    let silent = ["", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /livez HTTP/1.1\r\nx: y\r\n"];
    let closed = silent.map(|bytes| {
        let address = door.address;
        tokio::spawn(async move {
            let mut talk = super::raw_http::Talk::start(address).await;
            talk.send(bytes).await;
            talk.ended().await;
        })
    });
    for closed in closed {
        timeout(DEADLINE, closed).await.expect("still open").unwrap();
    }
    timeout(DEADLINE, asked.ended()).await.expect("still open");
    assert_eq!(door.talk().await.get("/livez").await.status, 200);
    door.close().await;
}
