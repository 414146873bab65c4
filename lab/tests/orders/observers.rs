//! A second pool reads an event that another pool consumes, and holds nothing back.

use orders::{Event, EventKind, Status};
use streams::{
    Fetcher, Lane, MissedMessages, Pool, Profile, Retention, Step, StepKind, Topology,
    ensure_topology, plan_purge, set_lane_limit, stream_state,
};
use tokio::time::{Instant, timeout};
use workers::stages;

use super::fixtures::{basket, item};
use super::test_cluster::{DEADLINE, TestCluster, plan};

/// A step of a pool that exists only here. Inventory consumes the same event.
const WATCH: Step = Step {
    name: "watch",
    pool: Pool::new("watchers"),
    kind: StepKind::Observer,
    consumes: &[EventKind::Created],
};

#[tokio::test]
async fn two_pools_read_the_same_event_and_an_observer_is_overtaken_only_under_pressure() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("WATCHED", 100)]).await;
    let connection = &cluster.sources.connection;
    let topology = Topology { ack_wait: DEADLINE, ..Topology::new(Profile::Single) };
    ensure_topology(connection, &topology, &[WATCH]).await.unwrap();
    let first = cluster.place("first", &basket(&[("WATCHED", 1)])).await;
    assert_eq!(cluster.wait_until_final(&[first]).await[0].status, Status::Fulfilled);

    let mut fetcher = Fetcher::new(connection.clone(), WATCH.events());
    let held = timeout(DEADLINE, fetcher.next(1)).await.unwrap().unwrap();
    let event: Event = serde_json::from_slice(&held[0].records[0].line).unwrap();
    assert_eq!((event.order_id, event.body.kind()), (first, EventKind::Created));

    // The observer has not acked it.
    let cutoff = Instant::now();
    let second = cluster.place("second", &basket(&[("WATCHED", 1)])).await;
    cluster.assert_quiescent_and_consistent(&[first, second]).await;
    let steps = [&stages::steps()[..], &[WATCH]].concat();
    let age = cutoff.elapsed();
    let retention = Retention { normal: age, under_pressure: age };
    let unpressed = plan_purge(connection, Lane::FIRST, retention, &steps).await.unwrap();
    assert_eq!(unpressed.keep_from, None, "the observer holds its message back");

    let state = stream_state(connection, Lane::FIRST.stream()).await.unwrap();
    set_lane_limit(connection, Lane::FIRST, state.bytes as i64 * 3 / 2).await.unwrap();
    let age = cutoff.elapsed();
    let retention = Retention { normal: age, under_pressure: age };
    let pressed = plan_purge(connection, Lane::FIRST, retention, &steps).await.unwrap();
    let last = pressed.keep_from.expect("messages of the first order can be purged") - 1;
    assert_eq!(
        pressed.missed,
        [MissedMessages { step: "watch", lane: Lane::FIRST, first: 1, last }]
    );
    cluster.processes.stop().await.unwrap();
}
