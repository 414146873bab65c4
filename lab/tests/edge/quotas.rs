//! How many requests callers and addresses may make.

use std::net::SocketAddr;

use edge::{IdentityConfig, QuotaConfig, Scope};
use futures_util::future::join_all;
use streams::Profile;
use tokio::time::Instant;

use super::raw_http::{RawHttp, Reply};
use super::test_edge::{DEADLINE, TestEdge, fresh_key};
use super::test_issuer::{key_file, token};
use crate::test_servers::{TestServers, wait_until};

const OURS: u8 = 1;
/// What all edges together permit. Without an answer of Redis in time, an edge applies another policy.
const WHOLE: &str = r#""caller";q=100;w=1"#;

/// Attempts until Redis has answered every question in time: on a busy machine one may take too long.
const ATTEMPTS_MAX: usize = 20;

async fn edge_with(servers: &TestServers, quota: QuotaConfig) -> TestEdge {
    let file = key_file(&[OURS]);
    let mut config = servers.config(Profile::Single);
    config.identity = IdentityConfig::keys(file.path().to_owned());
    config.quota = quota;
    TestEdge::start(config).await
}

/// A cheap request with the scope of reading orders: no worker is asked about an id that no edge has issued.
async fn ask(client: &mut RawHttp, token: &str) -> Reply {
    let request = format!(
        "GET /v1/orders/none HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    client.send(request).await;
    client.reply().await
}

fn token_of_new_caller() -> String {
    token(OURS, &fresh_key(), &[Scope::ReadOrders])
}

fn is_permitted(reply: &Reply) -> bool {
    match reply.status {
        404 => true,
        429 => false,
        other => panic!("{other}: {reply:?}"),
    }
}

fn is_decided_by_redis(reply: &Reply) -> bool {
    reply.header("ratelimit-policy") == Some(WHOLE)
}

/// The replies to 150 requests of a new caller at once, over both edges, and the time they took.
async fn burst(edges: &[SocketAddr]) -> (Vec<Reply>, f64) {
    let token = token_of_new_caller();
    let connected = (0..150).map(|n| RawHttp::connect(edges[n % edges.len()]));
    let mut clients = join_all(connected).await;
    let begun = Instant::now();
    let replies = join_all(clients.iter_mut().map(|client| ask(client, &token))).await;
    (replies, begun.elapsed().as_secs_f64())
}

#[tokio::test]
async fn of_150_requests_at_once_over_two_edges_100_are_permitted() {
    let servers = TestServers::shared().await;
    let quota = || QuotaConfig { address_rate: 0, ..QuotaConfig::new() };
    let edges = [edge_with(servers, quota()).await, edge_with(servers, quota()).await];
    let addresses = [edges[0].address, edges[1].address];
    let mut attempts = 0;
    let (replies, seconds) = loop {
        let (replies, seconds) = burst(&addresses).await;
        attempts += 1;
        if replies.iter().all(is_decided_by_redis) {
            break (replies, seconds);
        }
        assert!(attempts < ATTEMPTS_MAX, "Redis does not answer in time");
    };
    let permitted = replies.iter().filter(|reply| is_permitted(reply)).count();
    // Another one is permitted in each hundredth of a second that the requests take to arrive.
    let during = (seconds * 100.0).ceil() as usize;
    assert!((100..=100 + during).contains(&permitted), "{permitted} in {seconds} s");
    for edge in edges {
        edge.stop().await;
    }
}

#[tokio::test]
async fn a_caller_who_asks_on_and_on_is_permitted_a_burst_and_then_the_rate() {
    let servers = TestServers::shared().await;
    let quota = QuotaConfig { address_rate: 0, ..QuotaConfig::new() };
    let edge = edge_with(servers, quota).await;
    let mut client = edge.connect().await;
    let mut attempts = 0;
    let (replies, seconds) = loop {
        let token = token_of_new_caller();
        let (begun, mut replies) = (Instant::now(), Vec::new());
        while begun.elapsed().as_secs() < 1 {
            replies.push(ask(&mut client, &token).await);
        }
        attempts += 1;
        if replies.iter().all(is_decided_by_redis) {
            break (replies, begun.elapsed().as_secs_f64());
        }
        assert!(attempts < ATTEMPTS_MAX, "Redis does not answer in time");
    };
    let permitted = replies.iter().filter(|reply| is_permitted(reply)).count();
    let (least, most) = (100.0 * seconds - 2.0, 101.0 + 100.0 * seconds);
    let is_exact = (least..=most).contains(&(permitted as f64));
    // A machine may be too busy to ask more than is permitted.
    assert!(is_exact || permitted == replies.len(), "{permitted} in {seconds} s");
    assert!(permitted as f64 <= most, "{permitted} in {seconds} s");
    edge.stop().await;
}

#[tokio::test]
async fn a_refusal_says_how_long_to_wait_and_each_answer_what_is_left() {
    let servers = TestServers::shared().await;
    let edge = edge_with(servers, QuotaConfig { caller_rate: 1, ..QuotaConfig::new() }).await;
    let mut client = edge.connect().await;
    let token = token_of_new_caller();
    let first = ask(&mut client, &token).await;
    first.assert_problem(404, "no-such-order");
    assert_eq!(first.header("retry-after"), None);
    let mut refused = ask(&mut client, &token).await;
    // On a busy machine a second may pass in between.
    let begun = Instant::now();
    while refused.status != 429 {
        assert!(begun.elapsed() < DEADLINE, "nothing is refused");
        refused = ask(&mut client, &token).await;
    }
    refused.assert_problem(429, "quota-exceeded");
    assert_eq!(refused.header("retry-after"), Some("1"));
    for reply in [&first, &refused] {
        let left = reply.header("ratelimit").unwrap();
        let policy = reply.header("ratelimit-policy").unwrap();
        // Another name if Redis did not answer in time.
        let name = policy.split(';').next().unwrap();
        assert!([r#""caller""#, r#""caller-at-edge""#].contains(&name), "{policy}");
        assert_eq!((left, policy), (&*format!("{name};r=0;t=1"), &*format!("{name};q=1;w=1")));
    }
    assert_eq!(refused.json()["violated-policies"].as_array().unwrap().len(), 1);
    // Another caller has a quota of their own.
    assert_eq!(ask(&mut client, &token_of_new_caller()).await.status, 404);
    edge.stop().await;
}

/// Waits until Redis has counted two edges, and each of them has had the time to ask again.
async fn wait_until_edges_are_counted(servers: &TestServers) {
    let client = servers.processes.admin_redis().client().unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::cmd("ZRANGE");
    command.arg("edges").arg(0).arg(-1).arg("WITHSCORES");
    let mut first: Option<Vec<(String, u64)>> = None;
    wait_until("both edges are counted twice", async || {
        let edges: Vec<(String, u64)> = command.query_async(&mut redis).await.unwrap();
        let is_later = |first: &Vec<(String, u64)>| {
            first.iter().all(|(name, at)| edges.iter().any(|(it, later)| it == name && later > at))
        };
        match &first {
            None if edges.len() == 2 => first = Some(edges),
            Some(first) => return is_later(first),
            None => {}
        }
        false
    })
    .await;
}

#[tokio::test]
async fn without_redis_an_edge_permits_its_share() {
    let mut servers = TestServers::start_with_streams().await;
    let edges = [
        edge_with(&servers, QuotaConfig { address_rate: 0, ..QuotaConfig::new() }).await,
        edge_with(&servers, QuotaConfig { address_rate: 0, ..QuotaConfig::new() }).await,
    ];
    // Each edge counts the edges every two seconds.
    wait_until_edges_are_counted(&servers).await;
    servers.processes.redis.kill().await.unwrap();
    let (mut replies, seconds) = burst(&[edges[0].address]).await;
    let share = Some(r#""caller-at-edge";q=50;w=1"#);
    assert!(replies.iter().all(|reply| reply.header("ratelimit-policy") == share), "{replies:?}");
    replies.retain(is_permitted);
    let during = (seconds * 50.0).ceil() as usize;
    assert!((50..=50 + during).contains(&replies.len()), "{} in {seconds} s", replies.len());
    servers.processes.redis.start().await.unwrap();
    for edge in edges {
        edge.stop().await;
    }
}

#[tokio::test]
async fn an_address_is_limited_before_its_token_is_verified_and_the_public_is_not() {
    let servers = TestServers::shared().await;
    let quota = QuotaConfig {
        caller_rate: 0,
        address_rate: 1,
        balancers: Some("127.0.0.1".parse().unwrap()),
    };
    let edge = edge_with(servers, quota.clone()).await;
    let mut client = edge.connect().await;
    let mut ask_for = async |address: &str| {
        let request = format!(
            "GET /v1/orders/none HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer x\r\n\
             x-forwarded-for: 192.0.2.1, {address}\r\n\r\n"
        );
        client.send(request).await;
        client.reply().await
    };
    ask_for("198.51.100.1").await.assert_problem(401, "unauthenticated");
    let mut again = ask_for("198.51.100.1").await;
    let begun = Instant::now();
    while again.status != 429 {
        assert!(begun.elapsed() < DEADLINE, "nothing is refused");
        again = ask_for("198.51.100.1").await;
    }
    again.assert_problem(429, "quota-exceeded");
    assert_eq!(again.json()["violated-policies"], serde_json::json!(["address"]));
    ask_for("198.51.100.2").await.assert_problem(401, "unauthenticated");
    // A balancer asks whether the edge is ready.
    assert_eq!(client.get("/livez").await.status, 200);
    edge.stop().await;

    let mut config = servers.config(Profile::Single);
    config.quota = QuotaConfig { caller_rate: 1, address_rate: 1, balancers: None };
    let public = TestEdge::start(config).await;
    let mut client = public.connect().await;
    for _ in 0..20 {
        let reply = client.get("/v1/orders/none").await;
        assert_eq!((reply.status, reply.header("ratelimit")), (404, None));
    }
    public.stop().await;
}
