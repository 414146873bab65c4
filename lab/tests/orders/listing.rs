//! A caller lists their own orders, and finds the one whose response was lost.

use edge::Scope;
use http_body_util::Full;
use hyper::Request;
use serde_json::{Value, json};
use streams::Profile;
use tempfile::NamedTempFile;

use super::fixtures::{basket, item};
use super::test_cluster::{TestCluster, plan};
use crate::edge::test_issuer::{key_file, token};

/// The seed of the key that signs tokens.
const KEY: u8 = 9;
const SECRETS: &str = "MILLRACE_SECRETS";

/// A cluster whose edges know callers by tokens.
async fn cluster_with_callers() -> (TestCluster, NamedTempFile) {
    let keys = key_file(&[KEY]);
    let mut plan = plan(Profile::Single);
    let file = keys.path().display().to_string();
    plan.envs.push(("MILLRACE_IDENTITY".to_owned(), "keys".to_owned()));
    plan.envs.push(("MILLRACE_TOKEN_KEYS".to_owned(), file));
    let cluster = TestCluster::start(plan).await;
    cluster.load_catalog(&[item("LISTED", 100)]).await;
    (cluster, keys)
}

fn referenced(sku: &str, reference: &str) -> Value {
    let mut order = basket(&[(sku, 1)]);
    order["reference"] = json!(reference);
    order["customer_id"] = json!("plnt7f3a");
    order["contact"] = json!({"email": "plnt7f3a@example.com"});
    order
}

#[tokio::test]
async fn a_caller_lists_their_own_orders_page_by_page_and_no_others() {
    let (cluster, _keys) = cluster_with_callers().await;
    let first = cluster.place_as("ann", "k-1", &referenced("LISTED", "r-1")).await;
    let second = cluster.place_as("ann", "k-2", &referenced("NO-SUCH", "r-2")).await;
    let third = cluster.place_as("ann", "k-3", &basket(&[("LISTED", 1)])).await;
    let of_bob = cluster.place_as("bob", "k-1", &referenced("LISTED", "r-1")).await;
    let ids = [&first, &second, &third, &of_bob].map(|id| id[..32].parse().unwrap());
    cluster.wait_until_final(&ids).await;

    let all = cluster.list("ann", "").await;
    assert_eq!(listed(&all), [&third, &second, &first]);
    assert_eq!((&all["next"], all.to_string().contains("plnt7f3a")), (&Value::Null, false));
    let newest = &all["orders"][0];
    assert_eq!((&newest["status"], &newest["total"]), (&json!("fulfilled"), &json!(250)));
    assert_eq!(all["orders"][1]["reference"], "r-2");
    let shown = cluster.get_as("ann", &format!("/v1/orders/{third}")).await;
    assert_eq!(shown["order_id"], newest["order_id"], "the ids are those that edges issue");

    let first_at = all["orders"][2]["created_at"].as_str().unwrap();
    for (query, expected) in [
        ("reference=r-1".to_owned(), vec![&first]),
        ("reference=r".to_owned(), vec![]),
        ("status=rejected".to_owned(), vec![&second]),
        ("status=fulfilled&reference=r-1".to_owned(), vec![&first]),
        (format!("created_after={first_at}"), vec![&third, &second]),
        ("idempotency_key=k-2".to_owned(), vec![&second]),
        ("idempotency_key=k-9".to_owned(), vec![]),
    ] {
        assert_eq!(listed(&cluster.list("ann", &query).await), expected, "{query}");
    }

    let mut pages = Vec::new();
    let mut cursors = Vec::new();
    let mut query = "limit=1".to_owned();
    while pages.len() < 3 {
        let page = cluster.list("ann", &query).await;
        pages.extend(listed(&page).into_iter().cloned());
        let Some(next) = page["next"].as_str() else { break };
        cursors.push(next.to_owned());
        query = format!("limit=1&cursor={next}");
    }
    assert_eq!((pages, cursors.len()), (vec![third, second, first], 2));

    // A cursor is a place, and opens nothing.
    let with_anns_cursor = cluster.list("bob", &format!("cursor={}", cursors[0])).await;
    assert!(listed(&with_anns_cursor).iter().all(|id| **id == of_bob), "{with_anns_cursor}");
    assert_eq!(listed(&cluster.list("bob", "").await), [&of_bob]);
    assert_eq!(listed(&cluster.list("eve", "").await), [""; 0]);
    cluster.verify_and_stop(&ids).await;
}

#[tokio::test]
async fn orders_of_an_earlier_secret_are_listed_as_long_as_it_is_configured() {
    let (mut cluster, _keys) = cluster_with_callers().await;
    let (old, new) = ("the secret before it", "the secret after it");
    cluster.restart_edge_with(old).await;
    let before = cluster.place_as("ann", "k-1", &basket(&[("LISTED", 1)])).await;
    cluster.restart_edge_with(&format!("{new},{old}")).await;
    let after = cluster.place_as("ann", "k-2", &basket(&[("LISTED", 1)])).await;
    let ids = [&before, &after].map(|id| id[..32].parse().unwrap());
    cluster.wait_until_final(&ids).await;

    let both = cluster.list("ann", "").await;
    let found: Vec<&str> = listed(&both).into_iter().map(|id| &id[..32]).collect();
    assert_eq!(found, [&after[..32], &before[..32]]);
    let by_page = cluster.list("ann", "limit=1").await;
    assert_eq!(listed(&by_page), [&after]);
    cluster.restart_edge_with(new).await;
    assert_eq!(listed(&cluster.list("ann", "").await), [&after], "its MAC is not valid either");
    cluster.verify_and_stop(&ids).await;
}

/// The signed ids of a page.
fn listed(page: &Value) -> Vec<&String> {
    let orders = page["orders"].as_array().unwrap_or_else(|| panic!("{page}"));
    let ids = orders.iter().map(|order| match &order["order_id"] {
        Value::String(id) => id,
        other => panic!("{other}"),
    });
    ids.collect()
}

impl TestCluster {
    /// Restarts the edge that the test asks with other secrets.
    async fn restart_edge_with(&mut self, secrets: &str) {
        let edge = &mut self.processes.edges[0];
        edge.stop().await.unwrap();
        edge.set(SECRETS, secrets);
        edge.start().await.unwrap();
    }

    /// Places an order of `caller`. Returns its signed id.
    async fn place_as(&self, caller: &str, key: &str, body: &Value) -> String {
        let bearer = format!("Bearer {}", token(KEY, caller, Scope::ALL));
        let placed = self.post_with(0, key, body, &[("authorization", &bearer)]).await;
        placed.signed_id().to_owned()
    }

    async fn list(&self, caller: &str, query: &str) -> Value {
        self.get_as(caller, &format!("/v1/orders?{}", query.replace('+', "%2B"))).await
    }

    async fn get_as(&self, caller: &str, target: &str) -> Value {
        let request = Request::get(format!("{}{target}", self.edge_urls()[0]))
            .header("authorization", format!("Bearer {}", token(KEY, caller, &[Scope::ReadOrders])))
            .body(Full::default())
            .unwrap();
        let response = self.http.send(request).await;
        assert_eq!(response.status, 200, "{}", response.body);
        response.body
    }
}
