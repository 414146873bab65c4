//! A provider that works but is slow: its orders are paid.

use orders::Status;
use streams::Profile;

use super::fixtures::{basket, item, rows};
use super::test_cluster::{TestCluster, plan};

/// As long as a bank takes on a bad day.
const SLOW: &str = "latency_ms=1200";

/// Calls that a provider with a limit bears at once.
const BORNE: u64 = 20;
const ORDERS: usize = 400;

#[tokio::test]
async fn a_provider_that_bears_few_calls_at_once_is_seldom_called_in_vain() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("PAY", 1_000)]).await;
    cluster.set_provider_faults(&format!("latency_ms=50&in_flight_max={BORNE}")).await;
    let ids = cluster.place_all(&rows("limited", ORDERS, |_| basket(&[("PAY", 1)]))).await;
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    let seen = cluster.rate_limit().await;
    let [calls, refused] = ["calls", "refused"].map(|name| seen[name].as_u64().unwrap());
    assert!(refused > 0 && 3 * refused < calls, "{seen}");
    cluster.set_provider_faults("in_flight_max=0&latency_ms=0").await;
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn orders_of_a_slow_provider_are_paid_without_a_retry() {
    let cluster = TestCluster::start(plan(Profile::Single)).await;
    cluster.load_catalog(&[item("PAY", 100)]).await;
    cluster.set_provider_faults(SLOW).await;
    let ids = cluster.place_all(&rows("slow", 10, |_| basket(&[("PAY", 1)]))).await;
    let views = cluster.wait_until_final(&ids).await;
    assert!(views.iter().all(|view| view.status == Status::Fulfilled));
    let intents = cluster.sources.provider.list_intents(None).await.unwrap().data;
    assert_eq!(intents.len(), ids.len());
    cluster.set_provider_faults("latency_ms=0").await;
    cluster.verify_and_stop(&ids).await;
}
