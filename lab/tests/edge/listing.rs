//! Listings that no worker is asked for, and those that none answers.

use edge::Scope;
use hyper::header::WWW_AUTHENTICATE;

use super::identity::{OURS, edge_with_keys, send};
use super::test_issuer::token;
use crate::test_servers::TestServers;

fn get(query: &str) -> String {
    format!("GET /v1/orders?{query} HTTP/1.1\r\nhost: edge\r\n\r\n")
}

#[tokio::test]
async fn nothing_is_listed_where_callers_are_not_authenticated() {
    let edge = TestServers::shared().await.start_edge().await;
    let mut client = edge.connect().await;
    for target in ["/v1/orders", "/v1/orders?idempotency_key=guessed", "/v1/orders?reference=1"] {
        let reply = client.get(target).await;
        reply.assert_problem(403, "caller-required");
        assert!(reply.header(WWW_AUTHENTICATE.as_str()).is_some());
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_listing_is_refused_or_unavailable_and_never_something_else() {
    let servers = TestServers::start_with_streams().await;
    let edge = edge_with_keys(&servers).await;
    let mut client = edge.connect().await;
    let ann = token(OURS, "ann", &[Scope::ReadOrders]);
    for query in ["refrence=1", "limit=1000", "status=eaten", "cursor=00", "limit=1&limit=2"] {
        let reply = send(&mut client, &get(query), &ann, "").await;
        reply.assert_problem(400, "invalid-listing");
    }
    // No worker runs.
    let reply = send(&mut client, &get("limit=1"), &ann, "").await;
    reply.assert_problem(503, "listing-unavailable");
    edge.stop().await;
}
