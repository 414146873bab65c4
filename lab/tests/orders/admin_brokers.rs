//! Repairs while brokers are down: what serves them goes on with any broker that is left, and says what it cannot read.

use lab::up::Plan;
use millrace::keys::Role;
use serde_json::json;
use streams::Profile;

use super::admin_client::AdminClient;
use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan, wait_until};

const LIST: &str = "millrace.admin.dead.list";

#[tokio::test]
async fn repairs_go_on_with_each_broker_that_is_left_and_say_what_they_cannot_read() {
    let plan = Plan { admins: 1, edges: 1, ..plan(Profile::Durable) };
    let mut cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("WHOLE", 100)]).await;
    let id = cluster.place("whole", &basket(&[("WHOLE", 1)])).await;
    cluster.wait_until_final(&[id]).await;
    let cancel = json!({"order_id": id, "by": "ann", "why": "the buyer called"});
    for broker in 0..3 {
        cluster.processes.servers.brokers.servers[broker].kill().await.unwrap();
        let mut operator = AdminClient::at(&cluster, (broker + 1) % 3, Role::Operator).await;
        // Until other brokers lead the streams, what cannot be read or recorded is refused.
        wait_until("letters are listed", async || {
            operator.wait_for_reply(LIST).await["letters"] == json!([])
        })
        .await;
        wait_until("a change is recorded, and decided", async || {
            operator.refusal("cancel", &cancel).await.0 == "409"
        })
        .await;
        cluster.processes.servers.brokers.start().await.unwrap();
    }
    let recorded = cluster.recorded_stages().await;
    let refused = recorded.iter().filter(|stage| *stage == "admin.cancel refused");
    assert!(refused.count() >= 3, "{recorded:?}");

    // One broker alone has no quorum: the rows are in the database.
    for broker in 0..2 {
        cluster.processes.servers.brokers.servers[broker].kill().await.unwrap();
    }
    let mut viewer = AdminClient::at(&cluster, 2, Role::Viewer).await;
    // A broker that has led a stream goes on for some seconds.
    wait_until("it says what it has not read", async || {
        let order = viewer.wait_for_order(&json!({"order_id": id})).await;
        assert_eq!(order["rows"]["status"], json!("fulfilled"), "{order}");
        let is_complete = order["not_read"] == json!([]);
        assert_eq!(order["complete"], json!(is_complete), "{order}");
        !is_complete && order["dead_letters"].is_null()
    })
    .await;
    cluster.processes.servers.brokers.start().await.unwrap();
    wait_until("letters are listed again", async || {
        viewer.wait_for_reply(LIST).await["letters"] == json!([])
    })
    .await;
    cluster.verify_and_stop(&[id]).await;
}
