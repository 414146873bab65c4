//! A broker that hangs or dies costs no request its answer, as long as another one leads the stream.

use std::pin::pin;

use futures_util::future::{Either, select};
use millrace::keys::Role;
use orders::{CallerName, OrderId};
use serde_json::{Value, json};
use streams::subjects::STATUS_GET;
use streams::{Connection, Lane, Profile, WorkerState};
use tokio::task::JoinHandle;
use workers::inventory;

use super::raw_http::ORDER;
use super::test_edge::{fresh_key, signing_keys};
use crate::servers::startup::get;
use crate::test_servers::{TestServers, wait_until};

/// Requests in a row: enough for several to be sent before the client library notices that its broker hangs.
const REQUESTS: usize = 20;

#[tokio::test]
async fn orders_are_accepted_while_the_broker_at_which_the_edge_is_connected_hangs_or_dies() {
    let mut servers = TestServers::start_durable().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    for dies in [false, true] {
        let broker = servers.broker_of_connection("edge").await;
        let brokers = &servers.processes.brokers.servers;
        servers.move_lane(Lane::FIRST, brokers[(broker + 1) % brokers.len()].name()).await;
        assert_eq!(client.post(&fresh_key(), ORDER).await.status, 202);

        let broker = &mut servers.processes.brokers.servers[broker];
        if dies {
            broker.kill().await.unwrap();
        } else {
            broker.pause().unwrap();
        }
        for _ in 0..REQUESTS {
            let reply = client.post(&fresh_key(), ORDER).await;
            assert_eq!(reply.status, 202, "{reply:?}");
            assert_eq!(client.get("/readyz").await.status, 200);
        }
        if !dies {
            broker.resume().unwrap();
        }
    }
    edge.stop().await;
}

#[tokio::test]
async fn an_edge_is_not_ready_as_soon_as_no_broker_answers() {
    let servers = TestServers::start_durable().await;
    let edge = servers.start_edge().await;
    let (mut client, mut buyer) = (edge.connect().await, edge.connect().await);
    let brokers = &servers.processes.brokers.servers;
    for broker in brokers {
        broker.pause().unwrap();
    }
    let posting = pin!(async { buyer.post(&fresh_key(), ORDER).await });
    let looking = pin!(wait_until("the edge is not ready", async || {
        let reply = client.get("/readyz").await;
        reply.status == 503 && reply.body == "no broker\n"
    }));
    let Either::Left(((), posting)) = select(looking, posting).await else {
        panic!("the edge is ready until an order has waited in vain");
    };
    posting.await.assert_problem(503, "ack-timeout");
    for broker in brokers {
        broker.resume().unwrap();
    }
    let mut client = edge.connect().await;
    wait_until("orders are accepted", async || {
        client.post(&fresh_key(), ORDER).await.status == 202
    })
    .await;
    assert_eq!(client.get("/readyz").await.status, 200);
    edge.stop().await;
}

#[tokio::test]
async fn statuses_are_shown_while_the_broker_at_which_the_edge_is_connected_hangs_or_dies() {
    let mut servers = TestServers::start_durable().await;
    let edge = servers.start_edge().await;
    let broker = servers.broker_of_connection("edge gates").await;
    let brokers = &servers.processes.brokers;
    let access = brokers.access_to((broker + 1) % brokers.servers.len(), Role::Lab);
    let worker = Connection::open(&access, "worker").await;
    let answering = answer_reserved(worker.unwrap()).await;
    let id = signing_keys().sign(OrderId::from_bytes([7; 16]), &CallerName::PUBLIC);
    let status = format!("/v1/orders/{id}");
    let mut client = edge.connect().await;
    wait_until("the edge reaches the worker", async || client.get(&status).await.status == 200)
        .await;

    let broker = &mut servers.processes.brokers.servers[broker];
    broker.pause().unwrap();
    for request in 0..2 * REQUESTS {
        if request == REQUESTS {
            // The edge has not noticed yet that it hung, and is connected to it.
            broker.resume().unwrap();
            broker.kill().await.unwrap();
        }
        let reply = client.get(&status).await;
        assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("reserved")));
    }
    answering.abort();
    edge.stop().await;
}

/// A worker that says of each order that it is reserved.
async fn answer_reserved(connection: Connection) -> JoinHandle<()> {
    let service = connection
        .register_worker(inventory::POOL, Profile::Single, WorkerState::default)
        .await
        .unwrap();
    let mut requests = service.requests(STATUS_GET).await.unwrap();
    connection.flush().await;
    tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            let ids: Vec<Value> = serde_json::from_slice(&request.payload).unwrap();
            let views = vec![json!({"status": "reserved", "history": []}); ids.len()];
            request.reply(serde_json::to_vec(&views).unwrap()).await;
        }
    })
}

impl TestServers {
    /// The index of the broker at which the connection with this name ends.
    async fn broker_of_connection(&self, name: &str) -> usize {
        for (index, url) in self.processes.brokers.monitor_urls().iter().enumerate() {
            let response = get(&format!("{url}/connz")).await;
            let (_, body) = response.split_once("\r\n\r\n").unwrap();
            let body: Value = serde_json::from_str(body).unwrap();
            let mut connections = body["connections"].as_array().unwrap().iter();
            if connections.any(|connection| connection["name"] == name) {
                return index;
            }
        }
        panic!("no broker has a connection {name}");
    }
}
