//! Without a broker's ack there is no promise.

use tokio::time::Instant;

use super::raw_http::{ORDER, Talk};
use super::test_edge::{DEADLINE, House, fresh_key};

#[tokio::test]
async fn without_a_broker_an_order_gets_503_and_with_it_202_under_the_same_key() {
    let mut house = House::start().await;
    let door = house.open_door().await;
    let mut talk = door.talk().await;
    assert_eq!(talk.get("/readyz").await.status, 200);

    house.servers.brokers.stop().await.unwrap();
    let key = fresh_key();
    let reply = talk.post(&key, ORDER).await;
    reply.assert_problem(503, "ack-timeout");
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(talk.get("/livez").await.status, 200);
    assert_eq!(until_ready_is(&mut talk, 503).await, "no broker\n");

    house.servers.brokers.start().await.unwrap();
    until_ready_is(&mut talk, 200).await;
    assert_eq!(talk.post(&key, ORDER).await.status, 202);
    door.close().await;
}

#[tokio::test]
async fn without_a_stream_an_order_gets_503() {
    let house = House::start_empty().await;
    let door = house.open_door().await;
    let mut talk = door.talk().await;
    let key = fresh_key();
    talk.post(&key, ORDER).await.assert_problem(503, "ack-timeout");
    house.make_streams().await;
    assert_eq!(talk.post(&key, ORDER).await.status, 202);
    door.close().await;
}

pub(crate) async fn until_ready_is(talk: &mut Talk, status: u16) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let reply = talk.get("/readyz").await;
        if reply.status == status {
            return reply.body;
        }
        assert!(Instant::now() < deadline, "{reply:?}");
        tokio::task::yield_now().await;
    }
}
