//! Streams and consumers that are changed or deleted by hand while the cluster runs.

use millrace::keys::Role;
use orders::Status;
use serde_json::json;
use streams::{Profile, find_progress};
use workers::payment;

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};
use crate::raw_nats::RawNats;

#[tokio::test]
async fn a_consumer_that_is_deleted_while_workers_run_is_created_again_and_orders_go_on() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("DELETED", 10)]).await;
    let before = cluster.place("before", &basket(&[("DELETED", 1)])).await;
    cluster.wait_until_final(&[before]).await;
    let mut nats = RawNats::connect(&cluster.processes.servers.brokers.access(Role::Lab)).await;
    let deleted = nats.api("CONSUMER.DELETE.ORDERS_1.payment", &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    let after = cluster.place("after", &basket(&[("DELETED", 1)])).await;
    assert_eq!(cluster.wait_until_final(&[after]).await[0].status, Status::Fulfilled);
    let found = find_progress(&cluster.sources.connection, &payment::CHARGE.events()).await;
    assert!(found.unwrap().is_some());
    cluster.verify_and_stop(&[before, after]).await;
}

#[tokio::test]
async fn a_setting_that_would_lose_orders_is_corrected_while_workers_run() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    let mut nats = RawNats::connect(&cluster.processes.servers.brokers.access(Role::Lab)).await;
    let info = nats.api("STREAM.INFO.ORDERS_1", &json!({})).await;
    let mut config = info["config"].clone();
    let intended = config.clone();
    config["max_age"] = json!(3_600_000_000_000_u64);
    config["max_msg_size"] = json!(1_000);
    let updated = nats.api("STREAM.UPDATE.ORDERS_1", &config).await;
    assert_eq!(updated["config"]["max_msg_size"], 1_000, "{updated}");
    wait_until("the settings are as before", async || {
        nats.api("STREAM.INFO.ORDERS_1", &json!({})).await["config"] == intended
    })
    .await;
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn a_consumer_that_is_made_by_hand_to_skip_messages_is_replaced_and_no_order_is_skipped() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("SKIPPED", 10)]).await;
    cluster.stop_workers().await;
    let id = cluster.place("skipped", &basket(&[("SKIPPED", 1)])).await;
    let mut nats = RawNats::connect(&cluster.processes.servers.brokers.access(Role::Lab)).await;
    let info = nats.api("CONSUMER.INFO.ORDERS_1.inventory", &json!({})).await;
    let mut config = info["config"].clone();
    config["deliver_policy"] = json!("new");
    let deleted = nats.api("CONSUMER.DELETE.ORDERS_1.inventory", &json!({})).await;
    assert_eq!(deleted["success"], true, "{deleted}");
    let request = json!({"stream_name": "ORDERS_1", "config": config});
    let created = nats.api("CONSUMER.DURABLE.CREATE.ORDERS_1.inventory", &request).await;
    assert_eq!(created["config"]["deliver_policy"], "new", "{created}");
    let status = cluster.status_text().await;
    assert!(status.contains("ORDERS_1/inventory: deliver policy is new"), "{status}");
    cluster.start_workers().await;
    assert_eq!(cluster.wait_until_final(&[id]).await[0].status, Status::Fulfilled);
    cluster.verify_and_stop(&[id]).await;
}

#[tokio::test]
async fn a_setting_that_cannot_be_undone_is_shown_and_keeps_no_other_one_from_being_corrected() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    let mut nats = RawNats::connect(&cluster.processes.servers.brokers.access(Role::Lab)).await;
    nats.edit_stream("ORDERS_1", "deny_purge", json!(true)).await;
    let status = cluster.status_text().await;
    assert!(status.contains("ORDERS_1: deny purge is true"), "{status}");
    nats.edit_stream("ORDERS_1", "max_age", json!(3_600_000_000_000_u64)).await;
    let (is_success, log) = cluster.run(&["migrate"]).await;
    assert!(is_success, "{log}");
    let info = nats.api("STREAM.INFO.ORDERS_1", &json!({})).await;
    assert_eq!(info["config"]["max_age"], 0, "{info}");
    assert_eq!(info["config"]["deny_purge"], true, "{info}");
    cluster.processes.stop().await.unwrap();
}
