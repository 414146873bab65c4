//! An edge that is asked to end answers what it has.

use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::raw_http::{ORDER, post};
use super::test_edge::{DEADLINE, House, fresh_key};

#[tokio::test]
async fn requests_in_hand_are_answered_before_the_end() {
    let house = House::start().await;
    let door = house.open_door_with(2, 256).await;
    let address = door.address;
    let mut talks = join_all((0..50).map(|_| door.talk())).await;
    for talk in &mut talks {
        assert_eq!(talk.get("/livez").await.status, 200);
    }
    let mut idle = door.talk().await;
    assert_eq!(idle.get("/livez").await.status, 200);
    // While the broker is frozen, orders are in hand.
    house.servers.brokers.servers[0].pause().unwrap();
    for talk in &mut talks {
        talk.send(post(&fresh_key(), ORDER)).await;
    }
    let ended = door.start_drain();
    // By now the edge waits for nothing but them.
    timeout(DEADLINE, idle.ended()).await.unwrap();
    house.servers.brokers.servers[0].resume().unwrap();
    for talk in &mut talks {
        let reply = talk.last_reply().await.unwrap();
        assert_eq!(reply.status, 202, "{reply:?}");
    }
    timeout(DEADLINE, ended).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_that_comes_while_the_edge_drains_is_answered_and_is_the_last() {
    let house = House::start().await;
    let door = house.open_door().await;
    let mut busy = door.talk().await;
    assert_eq!(busy.get("/readyz").await.status, 200);
    let ended = door.start_drain();
    let mut asked = 0;
    loop {
        let reply = busy.get("/readyz").await;
        asked += 1;
        if reply.header("connection") == Some("close") {
            assert_eq!((reply.status, reply.body.as_str()), (503, "draining\n"));
            break;
        }
        assert!(asked < 1_000_000, "the edge does not drain");
    }
    timeout(DEADLINE, ended).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn connections_that_ask_nothing_do_not_hold_up_the_end() {
    let house = House::start().await;
    let door = house.open_door().await;
    let _silent = door.talk().await;
    let mut idle = door.talk().await;
    assert_eq!(idle.get("/livez").await.status, 200);
    let mut half = door.talk().await;
    half.send("POST /v1/orders HTTP/1.1\r\n").await;
    door.close().await;
}
