//! What the nats CLI shows of streams and durable consumers besides their settings.

use serde_json::{Value, json};
use streams::Profile;
use workers::payment;

use super::test_cluster::{TestCluster, plan, wait_until};
use crate::raw_nats::RawNats;

/// The settings of a stream.
async fn stream(nats: &mut RawNats, name: &str) -> Value {
    nats.api(&format!("STREAM.INFO.{name}"), &json!({})).await["config"].take()
}

/// The durable consumer of charges.
async fn durable(nats: &mut RawNats) -> Value {
    nats.api("CONSUMER.INFO.ORDERS_1.payment", &json!({})).await
}

/// Removes what a person reads, as an earlier version does that corrects a setting.
async fn remove_labels(nats: &mut RawNats) {
    for name in ["ORDERS_1", "RETRIES", "DEAD_LETTERS", "KV_POOLS"] {
        nats.edit_stream(name, "description", Value::Null).await;
    }
    let mut config = durable(nats).await["config"].take();
    let members = config.as_object_mut().unwrap();
    members.retain(|member, _| member != "description" && member != "metadata");
    let request = json!({"stream_name": "ORDERS_1", "action": "update", "config": config});
    let updated = nats.api("CONSUMER.DURABLE.CREATE.ORDERS_1.payment", &request).await;
    assert!(updated["config"]["metadata"].get("millrace-step").is_none(), "{updated}");
}

#[tokio::test]
async fn streams_and_consumers_say_what_they_are_for_also_after_an_earlier_version_wrote_them() {
    let mut cluster = TestCluster::start(plan(Profile::Single)).await;
    let mut nats = cluster.nats().await;
    let lane = stream(&mut nats, "ORDERS_1").await;
    assert_eq!(lane["description"], "Lane 1 of the orders: their events, in batches");
    assert_eq!(lane["metadata"]["millrace-lane"], "1");
    assert_eq!(lane["metadata"]["millrace-schema"], "1");
    for name in ["RETRIES", "DEAD_LETTERS", "KV_POOLS"] {
        assert!(stream(&mut nats, name).await["description"].is_string(), "{name}");
    }
    let expected = durable(&mut nats).await["config"].take();
    assert_eq!(expected["description"], "payment: charge after reserved");
    assert_eq!(expected["metadata"]["millrace-pool"], "payment");
    assert_eq!(expected["metadata"]["millrace-step"], "charge");

    let pause = json!({"pause_until": "2100-01-01T00:00:00Z"});
    nats.api("CONSUMER.PAUSE.ORDERS_1.payment", &pause).await;
    remove_labels(&mut nats).await;
    cluster.stop_worker(payment::POOL).await;
    cluster.start_worker(payment::POOL).await;
    wait_until("they are written again", async || {
        let texts = [
            stream(&mut nats, "ORDERS_1").await["description"].take(),
            stream(&mut nats, "KV_POOLS").await["description"].take(),
            durable(&mut nats).await["config"]["metadata"]["millrace-step"].take(),
        ];
        texts.iter().all(Value::is_string)
    })
    .await;
    let info = durable(&mut nats).await;
    assert_eq!(info["config"]["description"], expected["description"]);
    assert_eq!(info["paused"], true, "a pause is left as it is: {info}");
    assert_eq!(stream(&mut nats, "ORDERS_1").await["metadata"], lane["metadata"]);
    cluster.processes.stop().await.unwrap();
}

#[tokio::test]
async fn what_a_later_version_has_written_is_left_also_while_a_setting_is_corrected() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    let mut nats = cluster.nats().await;
    let later =
        json!({"millrace-labels": "99", "millrace-lanes": "1", "of-a-later-version": "yes"});
    nats.edit_stream("ORDERS_1", "description", json!("of a later version")).await;
    let mut metadata = stream(&mut nats, "ORDERS_1").await["metadata"].take();
    metadata.as_object_mut().unwrap().extend(later.as_object().unwrap().clone());
    nats.edit_stream("ORDERS_1", "metadata", metadata).await;
    nats.edit_stream("ORDERS_1", "max_age", json!(3_600_000_000_000_u64)).await;
    wait_until("the edit is corrected", async || {
        stream(&mut nats, "ORDERS_1").await["max_age"] == 0
    })
    .await;
    let corrected = stream(&mut nats, "ORDERS_1").await;
    assert_eq!(corrected["description"], "of a later version");
    assert_eq!(corrected["metadata"]["millrace-labels"], "99");
    assert_eq!(corrected["metadata"]["of-a-later-version"], "yes");
    cluster.processes.stop().await.unwrap();
}
