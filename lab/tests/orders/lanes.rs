//! Events in any lane are processed, and lanes are added, removed and moved while orders are placed.

use std::time::Duration;

use millrace::keys::Role;
use orders::{EventKind, OrderId, Status};
use serde_json::{Value, json};
use streams::{
    BrokerApiError, Connection, Lane, Profile, broker_api, find_stream_state, lanes,
    set_lane_limit, stream_state,
};

use workers::stages;

use super::events::{created, ndjson_line, order_id};
use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::test_servers::wait_until_within;

/// Five moves, 5 s apart, each of which waits for the 15 s after an election to pass.
const SETTLE_LIMIT: Duration = Duration::from_mins(4);
const LANES: [&str; 3] = ["ORDERS_1", "ORDERS_2", "ORDERS_3"];

#[tokio::test]
async fn lanes_are_added_and_removed_while_orders_are_placed_and_none_is_lost() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("LANE", 100)]).await;
    let mut ids = vec![cluster.place("one-lane", &basket(&[("LANE", 1)])).await];
    let (is_success, output) = cluster.run(&["lanes", "3"]).await;
    assert!(is_success && output.contains("the cluster has 3 lanes"), "{output}");
    // A publisher that could not say so has put it there.
    cluster.publish_to("orders.3.created", "third-lane").await;
    ids.push(order_id("third-lane"));
    ids.push(cluster.place("three-lanes", &basket(&[("LANE", 1)])).await);
    for view in cluster.wait_until_final(&ids).await {
        assert_eq!(view.status, Status::Fulfilled);
    }

    cluster.stop_workers().await;
    cluster.publish_to("orders.3.created", "waiting").await;
    ids.push(order_id("waiting"));
    let (is_success, output) = cluster.run(&["lanes", "1"]).await;
    assert!(!is_success && output.contains("1 of its messages are not processed"), "{output}");
    cluster.publish_to("orders.3.created", "too-late").await;
    cluster.start_workers().await;
    ids.push(cluster.place("while-removed", &basket(&[("LANE", 1)])).await);
    cluster.wait_until_final(&ids).await;
    wait_until("the lanes are empty", async || cluster.run(&["lanes", "1"]).await.0).await;
    let connection = &cluster.sources.connection;
    assert_eq!(lanes(connection).await.unwrap(), [Lane::FIRST]);
    assert_eq!(find_stream_state(connection, "ORDERS_3").await.unwrap(), None);
    assert!(cluster.views(&[order_id("too-late")]).await[0].is_none(), "no stream has taken it");
    // A correction keeps what the stream says of itself: the audit needs it.
    let mut nats = cluster.nats().await;
    nats.edit_stream("ORDERS_1", "max_age", json!(3_600_000_000_000_u64)).await;
    assert!(cluster.run(&["migrate"]).await.0);
    let info = nats.api("STREAM.INFO.ORDERS_1", &json!({})).await;
    assert_eq!(info["config"]["max_age"], 0, "{info}");
    assert_eq!(info["config"]["metadata"]["millrace-lane-removed"], "true", "{info}");
    cluster.wait_until_open().await;
    ids.push(cluster.place("one-lane-again", &basket(&[("LANE", 1)])).await);
    for view in cluster.wait_until_final(&ids).await {
        assert_eq!(view.status, Status::Fulfilled);
    }
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn after_an_upgrade_the_old_stream_is_processed_to_its_end_and_new_orders_go_to_lanes() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("LANE", 100)]).await;
    let mut ids = vec![cluster.place("long-before", &basket(&[("LANE", 1)])).await];
    cluster.wait_until_final(&ids).await;
    cluster.stop_workers().await;
    let mut nats = cluster.nats().await;
    let mut info = nats.api("STREAM.INFO.ORDERS_1", &json!({})).await;
    let deleted = nats.api("STREAM.DELETE.ORDERS_1", &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    let mut config = info["config"].take();
    config["name"] = json!("ORDERS");
    config["subjects"] = json!(["orders.*"]);
    config["metadata"] = Value::Null;
    let created = nats.api("STREAM.CREATE.ORDERS", &config).await;
    assert_eq!(created["config"]["subjects"], json!(["orders.*"]), "{created}");
    cluster.publish_to("orders.created", "before-the-upgrade").await;
    ids.push(order_id("before-the-upgrade"));

    cluster.start_workers().await;
    cluster.restart_edges().await;
    ids.push(cluster.place("after-the-upgrade", &basket(&[("LANE", 1)])).await);
    for view in cluster.wait_until_final(&ids).await {
        assert_eq!(view.status, Status::Fulfilled);
    }
    let connection = cluster.sources.connection.clone();
    let old = stream_state(&connection, "ORDERS").await.unwrap();
    assert_eq!(old.last_sequence, 1, "only what was put there before");

    // A lane that is lost now is missed, and not created as in an upgrade.
    cluster.stop_workers().await;
    let deleted = nats.api("STREAM.DELETE.ORDERS_1", &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    let (is_success, log) = cluster.run(&["migrate"]).await;
    assert!(!is_success && log.contains("the stream ORDERS_1 is missing"), "{log}");
    assert!(cluster.run(&["migrate", "--begin-anew"]).await.0);
    cluster.start_workers().await;
    cluster.restart_edges().await;
    ids.push(cluster.place("after-the-loss", &basket(&[("LANE", 1)])).await);
    cluster.wait_until_final(&ids).await;
    wait_until("the stream is empty", async || cluster.run(&["lanes", "1"]).await.0).await;
    assert_eq!(find_stream_state(&connection, "ORDERS").await.unwrap(), None);
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn of_two_bodies_under_one_key_in_two_lanes_one_stands_and_the_other_is_in_conflict() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("LANE", 100), item("OTHER", 100)]).await;
    let (is_success, output) = cluster.run(&["lanes", "3"]).await;
    assert!(is_success, "{output}");
    let first = cluster.place("key", &basket(&[("LANE", 1)])).await;
    let mut nats = cluster.nats().await;
    let other = ndjson_line(&created("key", &basket(&[("OTHER", 1)])));
    let other = String::from_utf8(other).unwrap();
    nats.publish("orders.2.created", other.trim_end(), 1).await;
    cluster.wait_for_event(first, EventKind::Conflicted).await;
    assert_eq!(cluster.wait_until_final(&[first]).await[0].status, Status::Fulfilled);
    let events = cluster.events_of(first).await;
    assert_eq!(events.iter().filter(|kind| **kind == EventKind::Reserved).count(), 1);
    let on_hand = [cluster.on_hand("LANE").await, cluster.on_hand("OTHER").await];
    assert!(on_hand == [99, 100] || on_hand == [100, 99], "{on_hand:?}");
    cluster.verify_and_stop(&[first]).await;
}

#[tokio::test]
async fn each_lane_and_its_durables_get_a_broker_of_their_own_also_after_one_has_died() {
    let mut cluster = TestCluster::start(plan(Profile::Durable)).await;
    cluster.load_catalog(&[item("LANE", 100)]).await;
    cluster.wait_until_lanes_are_apart().await;
    cluster.processes.servers.brokers.servers[0].kill().await.unwrap();
    let during = cluster.place("during", &basket(&[("LANE", 1)])).await;
    cluster.processes.servers.brokers.start().await.unwrap();
    cluster.wait_until_lanes_are_apart().await;
    let after = cluster.place("after", &basket(&[("LANE", 1)])).await;
    for view in cluster.wait_until_final(&[during, after]).await {
        assert_eq!(view.status, Status::Fulfilled);
    }
    cluster.verify_and_stop(&[during, after]).await;
}

#[tokio::test]
async fn orders_are_processed_to_their_end_although_the_broker_that_leads_their_lane_hangs() {
    let mut cluster = TestCluster::start(plan(Profile::Durable)).await;
    cluster.load_catalog(&[item("LANE", 1_000)]).await;
    cluster.wait_until_lanes_are_apart().await;
    let state = stream_state(&cluster.sources.connection, LANES[0]).await.unwrap();
    let brokers = &cluster.processes.servers.brokers.servers;
    let leads = |name: &str| state.leader.as_deref() == Some(name);
    let broker = brokers.iter().position(|broker| leads(broker.name())).unwrap();
    // Some are being processed when the broker stops, some come while it hangs, some when it is back.
    let mut ids = cluster.place_some("before").await;
    brokers[broker].pause().unwrap();
    ids.extend(cluster.place_some("while").await);
    // What the broker was sent and has not read outlives the edge: most often it is stored again later.
    cluster.processes.edges[0].kill().await.unwrap();
    cluster.wait_until_another_leads(broker).await;
    cluster.processes.servers.brokers.servers[broker].resume().unwrap();
    cluster.processes.edges[0].start().await.unwrap();
    ids.extend(cluster.place_some("after").await);
    for view in cluster.wait_until_final(&ids).await {
        assert_eq!(view.status, Status::Fulfilled);
    }
    assert_eq!(cluster.on_hand("LANE").await, 1_000 - ids.len() as i64);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn an_edge_that_is_paused_while_its_lane_is_removed_loses_no_order() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("LANE", 1_000)]).await;
    assert!(cluster.run(&["lanes", "3"]).await.0);
    let connection = &cluster.sources.connection;
    let all = lanes(connection).await.unwrap();
    let mut ids = Vec::new();
    // The edge's lane is the last one: the others are nearly full.
    for (lane, next) in all.iter().zip(&all[1..]) {
        ids.push(cluster.place(&format!("fill-{lane}"), &basket(&[("LANE", 1)])).await);
        cluster.wait_until_final(&ids).await;
        let bytes = stream_state(connection, lane.stream()).await.unwrap().bytes as i64;
        set_lane_limit(connection, *lane, bytes + 1).await.unwrap();
        wait_until("orders go to the next lane", async || {
            // Until the edge knows of the new lanes, the full one is all it has.
            let key = format!("next-{}", ids.len());
            let response = cluster.post(0, &key, &basket(&[("LANE", 1)])).await;
            ids.extend((response.status == 202).then(|| response.order_id()));
            stream_state(connection, next.stream()).await.unwrap().last_sequence > 0
        })
        .await;
    }
    cluster.processes.edges[0].pause().unwrap();
    for lane in &all[..2] {
        set_lane_limit(connection, *lane, i64::from(i32::MAX)).await.unwrap();
    }
    wait_until("the lane is removed", async || cluster.run(&["lanes", "1"]).await.0).await;
    cluster.processes.edges[0].resume().unwrap();
    ids.extend(cluster.place_some("after").await);
    for view in cluster.wait_until_final(&ids).await {
        assert_eq!(view.status, Status::Fulfilled);
    }
    cluster.verify_and_stop(&ids).await;
}

impl TestCluster {
    async fn place_some(&self, key: &str) -> Vec<OrderId> {
        let mut ids = Vec::new();
        for number in 0..20 {
            ids.push(self.place(&format!("{key}-{number}"), &basket(&[("LANE", 1)])).await);
        }
        ids
    }

    /// Waits until a broker that hangs leads no lane any more.
    async fn wait_until_another_leads(&self, broker: usize) {
        let brokers = &self.processes.servers.brokers.servers;
        let access = self.processes.servers.brokers.access_to((broker + 1) % 3, Role::Lab);
        let connection = Connection::open(&access, "test").await.unwrap();
        wait_until("another broker leads the lanes", async || {
            let mut leaders = Vec::new();
            for lane in LANES {
                let state = stream_state(&connection, lane).await;
                leaders.push(state.ok().and_then(|state| state.leader));
            }
            leaders.iter().all(|it| it.as_deref().is_some_and(|it| it != brokers[broker].name()))
        })
        .await;
    }

    /// Stores an order in the lane that has this subject.
    async fn publish_to(&self, subject: &str, key: &str) {
        let line = String::from_utf8(ndjson_line(&created(key, &basket(&[("LANE", 1)])))).unwrap();
        self.nats().await.publish(subject, line.trim_end(), 1).await;
    }

    async fn wait_until_lanes_are_apart(&self) {
        let connection = &self.sources.connection;
        wait_until_within(
            SETTLE_LIMIT,
            "each broker leads one lane with its durables",
            async || {
                // During an election the brokers do not reply.
                let Ok(leaders) = lane_leaders(connection).await else { return false };
                let lanes: Vec<_> = leaders.iter().filter_map(|led| led.first()).collect();
                let are_apart =
                    (0..lanes.len()).all(|index| !lanes[..index].contains(&lanes[index]));
                let are_together = leaders.iter().all(|led| led.iter().all(|it| *it == led[0]));
                leaders.len() == 3 && are_apart && are_together
            },
        )
        .await;
    }
}

/// For each lane: who leads it, and who leads each of its durables; those of observers, too.
async fn lane_leaders(connection: &Connection) -> Result<Vec<Vec<String>>, BrokerApiError> {
    let mut leaders = Vec::new();
    for lane in LANES {
        let durables = stages::steps().into_iter().map(|step| step.events().durable);
        let durables = durables.map(|durable| format!("CONSUMER.INFO.{lane}.{durable}"));
        let mut led = Vec::new();
        for request in [format!("STREAM.INFO.{lane}")].into_iter().chain(durables) {
            let info = broker_api(connection, &request, &json!({})).await?;
            led.push(info["cluster"]["leader"].as_str().unwrap_or_default().to_owned());
        }
        leaders.push(led);
    }
    Ok(leaders)
}
