//! An edge puts orders into another lane while one does not answer, or must get none.

use futures_util::future::join_all;
use millrace::keys::Role;
use serde_json::json;
use streams::{
    Connection, Lane, LaneLeaders, Routes, broker_api, lanes, set_lane_limit, stream_state,
};
use workers::stages;

use super::raw_http::{ORDER, RawHttp};
use super::test_edge::fresh_key;
use crate::test_servers::{TestServers, wait_until};

/// Requests in a row: enough for the lane to have lost its leader.
const REQUESTS: usize = 20;

async fn place(client: &mut RawHttp) {
    let reply = client.post(&fresh_key(), ORDER).await;
    assert_eq!(reply.status, 202, "{reply:?}");
}

async fn stored(connection: &Connection, lane: Lane) -> u64 {
    stream_state(connection, lane.stream()).await.map_or(0, |state| state.last_sequence)
}

#[tokio::test]
async fn no_order_waits_for_an_election_while_the_broker_that_leads_its_lane_hangs_or_is_dead() {
    let mut servers = TestServers::start_durable().await;
    let lanes = servers.set_lanes_apart().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    place(&mut client).await;
    let connection = servers.connect().await;
    assert_eq!(join_all(lanes.iter().map(|lane| stored(&connection, *lane))).await, [1, 0, 0]);

    servers.processes.brokers.servers[0].pause().unwrap();
    for _ in 0..REQUESTS {
        place(&mut client).await;
        assert_eq!(client.get("/readyz").await.status, 200);
    }
    // A broker that comes back deposes leaders.
    servers.processes.brokers.servers[0].resume().unwrap();
    for _ in 0..REQUESTS {
        place(&mut client).await;
    }
    let leader = servers.leader_of(lanes[1]).await;
    servers.processes.brokers.servers[leader].kill().await.unwrap();
    for _ in 0..REQUESTS {
        place(&mut client).await;
        assert_eq!(client.get("/readyz").await.status, 200);
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_lane_that_is_nearly_full_gets_no_new_orders_and_no_order_is_refused_while_one_has_room()
{
    let servers = TestServers::start_durable().await;
    let edge = servers.start_edge().await;
    let mut client = edge.connect().await;
    let connection = servers.connect().await;
    let lanes = lanes(&connection).await.unwrap();
    for (lane, next) in lanes.iter().zip(&lanes[1..]) {
        place(&mut client).await;
        let bytes = stream_state(&connection, lane.stream()).await.unwrap().bytes as i64;
        set_lane_limit(&connection, *lane, bytes + 1).await.unwrap();
        let before = stored(&connection, *next).await;
        wait_until("an order goes to the next lane", async || {
            place(&mut client).await;
            stored(&connection, *next).await > before
        })
        .await;
    }
    let last = lanes[lanes.len() - 1];
    let bytes = stream_state(&connection, last.stream()).await.unwrap().bytes as i64;
    set_lane_limit(&connection, last, bytes + 1).await.unwrap();
    wait_until("new orders are refused", async || {
        let reply = client.post(&fresh_key(), ORDER).await;
        reply.status == 503 && reply.json()["type"] == "/problems/stream-full"
    })
    .await;
    edge.stop().await;
}

#[tokio::test]
async fn no_lane_is_moved_to_a_broker_that_hangs() {
    let servers = TestServers::start_durable().await;
    let connection = servers.connect().await;
    let brokers = &servers.processes.brokers.servers;
    for lane in lanes(&connection).await.unwrap() {
        servers.move_lane(lane, brokers[0].name()).await;
    }
    let access = servers.processes.brokers.access(Role::Lab);
    let routes = Routes::to_each_broker(connection, &access, "test").await.unwrap();
    let _watch = routes.watch_connections();
    brokers[2].pause().unwrap();
    let mut leaders = LaneLeaders::new(routes, stages::steps());
    let mut moved = None;
    wait_until("a lane is moved", async || {
        let next = leaders.keep().await.ok().flatten();
        assert!(next.as_ref().is_none_or(|next| next.to != brokers[2].name()), "{next:?}");
        moved = next;
        moved.is_some()
    })
    .await;
    assert_eq!(moved.unwrap().to, brokers[1].name());
}

impl TestServers {
    /// Has each broker lead one lane: `broker-1` the first.
    pub(crate) async fn set_lanes_apart(&self) -> Vec<Lane> {
        let connection = self.connect().await;
        let lanes = lanes(&connection).await.unwrap();
        for (lane, broker) in lanes.iter().zip(&self.processes.brokers.servers) {
            self.move_lane(*lane, broker.name()).await;
        }
        lanes
    }

    /// Has the broker with this name lead a lane.
    pub(crate) async fn move_lane(&self, lane: Lane, leader: &str) {
        self.move_stream(lane.stream(), leader).await;
    }

    /// Has the broker with this name lead a stream.
    pub(crate) async fn move_stream(&self, stream: &str, leader: &str) {
        let connection = self.connect().await;
        let step_down = format!("STREAM.LEADER.STEPDOWN.{stream}");
        let placement = json!({"placement": {"preferred": leader}});
        wait_until("the broker leads the stream", async || {
            let state = stream_state(&connection, stream).await;
            let leads = state.is_ok_and(|state| state.leader.as_deref() == Some(leader));
            if !leads {
                broker_api(&connection, &step_down, &placement).await.ok();
            }
            leads
        })
        .await;
    }

    /// The index of the broker that leads a lane.
    async fn leader_of(&self, lane: Lane) -> usize {
        let connection = self.connect().await;
        let leader = stream_state(&connection, lane.stream()).await.unwrap().leader.unwrap();
        let mut brokers = self.processes.brokers.servers.iter();
        brokers.position(|broker| broker.name() == leader).unwrap()
    }
}
