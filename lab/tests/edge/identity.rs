//! Callers with tokens, and what each may do.

use edge::{IdentityConfig, ROUTES, Route, Scope};
use futures_util::future::join_all;
use hyper::Uri;
use orders::{CallerName, OrderId};
use serde_json::json;
use streams::Profile;
use tokio::time::Instant;

use super::raw_http::{ORDER, RawHttp, Reply, post, with_headers};
use super::test_edge::{TestEdge, fresh_key, signing_keys};
use super::test_issuer::{TestIssuer, key_file, token};
use crate::test_servers::{TestServers, wait_until};

/// The seeds of keys.
pub(super) const OURS: u8 = 1;
const FOREIGN: u8 = 2;

/// An edge that knows callers by tokens of the key [`OURS`], which are in a file.
pub(super) async fn edge_with_keys(servers: &TestServers) -> TestEdge {
    let file = key_file(&[OURS]);
    let mut config = servers.config(Profile::Single);
    config.identity = IdentityConfig::keys(file.path().to_owned());
    TestEdge::start(config).await
}

async fn edge_of(servers: &TestServers, url: Uri) -> TestEdge {
    let mut config = servers.config(Profile::Single);
    config.identity = IdentityConfig::jwks(url);
    TestEdge::start(config).await
}

/// Sends a request with a token and further headers, each with a line break.
pub(super) async fn send(client: &mut RawHttp, request: &str, token: &str, headers: &str) -> Reply {
    let headers = format!("authorization: Bearer {token}\r\n{headers}");
    client.send(with_headers(request, &headers)).await;
    client.reply().await
}

async fn place(client: &mut RawHttp, key: &str, token: &str, headers: &str) -> Reply {
    send(client, &post(key, ORDER), token, headers).await
}

fn get(id: &str) -> String {
    format!("GET /v1/orders/{id} HTTP/1.1\r\nhost: edge\r\n\r\n")
}

/// A request of this route about an order that there is not.
fn request(route: &Route) -> String {
    let path = route.path.replace("{id}", &"0".repeat(48)).replace("{sku}", "A");
    format!("{} {path} HTTP/1.1\r\nhost: edge\r\ncontent-length: 0\r\n\r\n", route.method)
}

fn id_of(placed: &Reply) -> String {
    assert_eq!(placed.status, 202, "{placed:?}");
    placed.json()["order_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_route_about_orders_and_stock_takes_a_token_with_its_scope() {
    let edge = edge_with_keys(TestServers::shared().await).await;
    let mut client = edge.connect().await;
    for route in ROUTES {
        let request = request(route);
        client.send(&request).await;
        let reply = client.reply().await;
        let Some(scope) = route.scope else {
            assert!(![401, 403].contains(&reply.status), "{}: {reply:?}", route.path);
            continue;
        };
        reply.assert_problem(401, "unauthenticated");
        assert_eq!(reply.header("www-authenticate"), Some(r#"Bearer realm="millrace""#));

        let others: Vec<_> = Scope::ALL.iter().copied().filter(|it| *it != scope).collect();
        let reply = send(&mut client, &request, &token(OURS, "ann", &others), "").await;
        reply.assert_problem(403, "scope-missing");
        let challenge = format!(
            r#"Bearer realm="millrace", error="insufficient_scope", scope="{}""#,
            scope.as_str()
        );
        assert_eq!(reply.header("www-authenticate"), Some(&*challenge));

        let reply = send(&mut client, &request, &token(OURS, "ann", &[scope]), "").await;
        assert!(![401, 403].contains(&reply.status), "{}: {reply:?}", route.path);
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_token_that_is_not_of_the_issuer_or_not_one_is_refused_with_the_reason() {
    let edge = edge_with_keys(TestServers::shared().await).await;
    let mut client = edge.connect().await;
    let foreign = token(FOREIGN, "ann", Scope::ALL);
    let (key_and_claims, _) = foreign.rsplit_once('.').unwrap();
    let good = token(OURS, "ann", Scope::ALL);
    let (_, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{key_and_claims}.{signature}");
    for bad in [&*foreign, &forged, "x", &good[..good.len() - 1], &format!("{good} x")] {
        let reply = place(&mut client, &fresh_key(), bad, "").await;
        reply.assert_problem(401, "unauthenticated");
        let challenge = reply.header("www-authenticate").unwrap();
        assert_eq!(challenge, r#"Bearer realm="millrace", error="invalid_token""#, "{bad}");
    }
    for headers in ["authorization: Basic YTpi\r\n", "authorization: Bearer x\r\n"] {
        // Two headers are none.
        let reply = place(&mut client, &fresh_key(), &good, headers).await;
        reply.assert_problem(401, "unauthenticated");
    }
    assert_eq!(place(&mut client, &fresh_key(), &good, "").await.status, 202);
    edge.stop().await;
}

#[tokio::test]
async fn the_order_of_a_caller_does_not_exist_for_another() {
    let edge = edge_with_keys(TestServers::shared().await).await;
    let mut client = edge.connect().await;
    let [ann, bob] = ["ann", "bob"].map(|name| token(OURS, name, Scope::ALL));
    let key = fresh_key();
    let of_ann = id_of(&place(&mut client, &key, &ann, "").await);
    let of_bob = id_of(&place(&mut client, &key, &bob, "").await);
    // Keys are those of a caller.
    assert_ne!(of_ann[..32], of_bob[..32]);
    assert_eq!(id_of(&place(&mut client, &key, &ann, "").await), of_ann);

    for (id, stranger, owner) in [(&of_ann, &bob, &ann), (&of_bob, &ann, &bob)] {
        send(&mut client, &get(id), stranger, "").await.assert_problem(404, "no-such-order");
        let cancel = format!(
            "POST /v1/orders/{id}/cancel HTTP/1.1\r\nhost: edge\r\nidempotency-key: c\r\ncontent-length: 0\r\n\r\n"
        );
        send(&mut client, &cancel, stranger, "").await.assert_problem(404, "no-such-order");
        // No worker answers; the order is its caller's all the same.
        send(&mut client, &get(id), owner, "").await.assert_problem(503, "status-unavailable");
    }
    edge.stop().await;
}

#[tokio::test]
async fn a_backend_acts_for_a_buyer_with_orders_admin_alone() {
    let edge = edge_with_keys(TestServers::shared().await).await;
    let mut client = edge.connect().await;
    let backend = token(OURS, "backend", Scope::ALL);
    let (ann, key) = (token(OURS, "ann", &[Scope::WriteOrders]), fresh_key());
    let for_ann = "on-behalf-of: ann\r\n";
    let of_ann = id_of(&place(&mut client, &key, &backend, for_ann).await);
    assert_eq!(id_of(&place(&mut client, &key, &ann, "").await), of_ann);
    assert_ne!(id_of(&place(&mut client, &key, &backend, "").await), of_ann);
    send(&mut client, &get(&of_ann), &backend, "").await.assert_problem(404, "no-such-order");
    let seen = send(&mut client, &get(&of_ann), &backend, for_ann).await;
    seen.assert_problem(503, "status-unavailable");

    let refused = place(&mut client, &key, &ann, "on-behalf-of: bob\r\n").await;
    refused.assert_problem(403, "scope-missing");
    let refused = place(&mut client, &key, &backend, "on-behalf-of: public\r\n").await;
    refused.assert_problem(400, "invalid-caller");
    edge.stop().await;
}

#[tokio::test]
async fn the_lines_of_a_batch_are_orders_of_its_caller() {
    let edge = edge_with_keys(TestServers::shared().await).await;
    let mut client = edge.connect().await;
    let (ann, key) = (token(OURS, "ann", &[Scope::WriteOrders]), fresh_key());
    let single = id_of(&place(&mut client, &key, &ann, "").await);
    let adjusted =
        ORDER.replacen('{', r#"{"adjustments":[{"type":"fee","label":"F","amount":1}],"#, 1);
    let lines = format!(
        "{{\"idempotency_key\":\"{key}\",\"order\":{ORDER}}}\n\
         {{\"idempotency_key\":\"{key}-2\",\"order\":{adjusted}}}\n"
    );
    let batch = format!(
        "POST /v1/orders:batch HTTP/1.1\r\nhost: edge\r\nauthorization: Bearer {ann}\r\n\
         content-type: application/x-ndjson\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{lines}",
        lines.len()
    );
    client.send(batch).await;
    let answers = client.rest().await;
    assert!(answers.contains(&single), "{answers}");
    assert!(answers.contains("/problems/scope-missing"), "{answers}");
    edge.stop().await;
}

#[tokio::test]
async fn what_a_client_says_about_itself_is_not_believed() {
    let servers = TestServers::shared().await;
    let (public, edge) = (servers.start_edge().await, edge_with_keys(servers).await);
    let (ann, key) = (token(OURS, "ann", Scope::ALL), fresh_key());
    for edge in [&public, &edge] {
        let mut client = edge.connect().await;
        let placed = id_of(&place(&mut client, &key, &ann, "").await);
        for claim in ["x-user-id: bob\r\n", "x-forwarded-user: bob\r\n", "x-caller: bob\r\n"] {
            assert_eq!(id_of(&place(&mut client, &key, &ann, claim).await), placed, "{claim}");
        }
    }
    // Without identity, all are one caller.
    let mut client = public.connect().await;
    let placed = id_of(&client.post(&key, ORDER).await);
    assert_eq!(id_of(&place(&mut client, &key, &ann, "on-behalf-of: bob\r\n").await), placed);
    public.stop().await;
    edge.stop().await;
}

#[tokio::test]
async fn an_id_that_was_issued_before_callers_had_tokens_keeps_working() {
    let edge = edge_with_keys(TestServers::shared().await).await;
    let mut client = edge.connect().await;
    let before = signing_keys().sign(OrderId::from_bytes([31; 16]), &CallerName::PUBLIC);
    let ann = token(OURS, "ann", &[Scope::ReadOrders]);
    let reply = send(&mut client, &get(&before.to_string()), &ann, "").await;
    reply.assert_problem(503, "status-unavailable");
    client.get(&format!("/v1/orders/{before}")).await.assert_problem(401, "unauthenticated");
    edge.stop().await;
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_accepted_and_one_that_is_withdrawn_is_not() {
    let issuer = TestIssuer::start(0, &[1]).await;
    let edge = edge_of(TestServers::shared().await, issuer.url()).await;
    let mut client = edge.connect().await;
    let [old, new] = [1, 2].map(|seed| token(seed, "ann", Scope::ALL));
    assert_eq!(place(&mut client, &fresh_key(), &old, "").await.status, 202);

    issuer.set_keys(&[2]);
    let begun = Instant::now();
    wait_until("the new key is accepted", async || {
        place(&mut client, &fresh_key(), &new, "").await.status == 202
    })
    .await;
    // It was verified before, and is remembered.
    let reply = place(&mut client, &fresh_key(), &old, "").await;
    reply.assert_problem(401, "unauthenticated");
    // However many tokens have unknown keys, the issuer is asked at a bounded rate.
    let unknown = token(3, "ann", Scope::ALL);
    let floods = (0..50)
        .map(async |_| place(&mut edge.connect().await, &fresh_key(), &unknown, "").await.status);
    assert_eq!(join_all(floods).await, [401; 50]);
    let seconds = begun.elapsed().as_secs_f64();
    assert!((issuer.reads() as f64) <= 2.0 + seconds / 5.0, "{} in {seconds} s", issuer.reads());
    edge.stop().await;
}

#[tokio::test]
async fn a_set_that_is_emptied_withdraws_every_key() {
    let issuer = TestIssuer::start(0, &[1]).await;
    let edge = edge_of(TestServers::shared().await, issuer.url()).await;
    let mut client = edge.connect().await;
    let [known, unknown] = [1, 2].map(|seed| token(seed, "ann", Scope::ALL));
    assert_eq!(place(&mut client, &fresh_key(), &known, "").await.status, 202);
    issuer.set_keys(&[]);
    wait_until("the key is refused", async || {
        // Has the keys read again.
        place(&mut client, &fresh_key(), &unknown, "").await;
        place(&mut client, &fresh_key(), &known, "").await.status == 401
    })
    .await;
    edge.stop().await;
}

#[tokio::test]
async fn callers_are_known_while_the_issuer_is_away_and_an_edge_waits_for_its_first_answer() {
    let servers = TestServers::shared().await;
    let issuer = TestIssuer::start(0, &[1]).await;
    let (url, port) = (issuer.url(), issuer.port());
    let edge = edge_of(servers, url.clone()).await;
    drop(issuer);
    let ann = token(1, "ann", Scope::ALL);
    let mut client = edge.connect().await;
    // Verified for the first time, by the keys that the edge has.
    assert_eq!(place(&mut client, &fresh_key(), &ann, "").await.status, 202);

    let late = edge_of(servers, url).await;
    let mut client = late.connect().await;
    assert_eq!(client.get("/readyz").await.status, 503);
    place(&mut client, &fresh_key(), &ann, "").await.assert_problem(503, "identity-unavailable");
    let _issuer = TestIssuer::start(port, &[1]).await;
    wait_until("the issuer is asked again", async || client.get("/readyz").await.status == 200)
        .await;
    assert_eq!(place(&mut client, &fresh_key(), &ann, "").await.status, 202);
    edge.stop().await;
    late.stop().await;
}

#[tokio::test]
async fn an_edge_does_not_start_with_a_file_without_keys() {
    let servers = TestServers::shared().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    for text in ["", "no JSON", &json!({"keys": []}).to_string()] {
        std::fs::write(file.path(), text).unwrap();
        let mut config = servers.config(Profile::Single);
        config.identity = IdentityConfig::keys(file.path().to_owned());
        let started =
            edge::run(config, workers::stages::FIRST_STEP, |_| {}, std::future::pending()).await;
        assert!(matches!(started, Err(edge::EdgeError::Identity(_))), "{text}: {started:?}");
    }
}
